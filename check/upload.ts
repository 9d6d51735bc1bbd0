/**
 * The upload of a path check: a message that a server refuses while it is
 * still being sent.
 *
 * @module
 */

/** A server refuses by then: its limit is 64 MiB, unless it has another. */
const MAX_UPLOAD_BYTES = 72 * 1024 ** 2;

/** The longest time for which more is sent. */
const MAX_UPLOAD_MS = 20_000;

/** A stream that repeats one chunk until a limit of size or time is reached. */
export class Upload {
  /** The bytes to send. */
  readonly stream: ReadableStream<Uint8Array>;
  /** Whether the limit was reached: the complete upload was read. */
  isComplete = false;

  /** An upload made of this chunk. */
  constructor(chunk: Uint8Array) {
    let byteLength = 0;
    const startedAt = performance.now();
    this.stream = new ReadableStream({
      pull: (controller) => {
        const isLate = performance.now() - startedAt > MAX_UPLOAD_MS;
        this.isComplete = isLate || byteLength >= MAX_UPLOAD_BYTES;
        if (this.isComplete) return controller.close();
        byteLength += chunk.length;
        controller.enqueue(chunk);
      },
    }, { highWaterMark: 0 });
  }
}
