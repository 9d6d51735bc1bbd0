/**
 * A reply that its caller reads while it arrives.
 *
 * @module
 */

/** Passes on one part of a reply after another, each when it is asked for. */
export class ReplyStream {
  /** What the caller reads. */
  readonly readable: ReadableStream<Uint8Array>;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #demand = Promise.withResolvers<void>();
  #isOver = false;

  /** @param onCancel Called when the caller wants no more of the reply. */
  constructor(onCancel: () => void) {
    this.readable = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#demand.resolve(),
      cancel: () => {
        this.#drop();
        onCancel();
      },
      // Not even one part is read before it is asked for.
    }, { highWaterMark: 0 });
  }

  /**
   * Passes on all parts. Those that nobody wants any more are dropped as they
   * arrive.
   *
   * @param next Reads the next part; null after the last.
   */
  async pass(next: () => Promise<Uint8Array | null>): Promise<void> {
    for (;;) {
      await this.#demand.promise;
      const part = await next();
      if (this.#isOver) {
        if (part === null) return;
        continue;
      }
      if (part === null) {
        this.#isOver = true;
        return this.#controller.close();
      }
      this.#demand = Promise.withResolvers();
      this.#controller.enqueue(part);
    }
  }

  /** Ends the stream with an error, unless it has ended. */
  fail(error: unknown): void {
    if (this.#isOver) return;
    this.#drop();
    this.#controller.error(error);
  }

  #drop(): void {
    this.#isOver = true;
    this.#demand.resolve();
  }
}
