/**
 * The blocks that messages are read into, and their reuse.
 *
 * A fresh block costs more than reading into it (the kernel hands out zeroed
 * pages one fault at a time), so a server lends the same ones again and again.
 * A block is lent to one message at a time and comes back when its reply is
 * sent; until then nobody else is handed it.
 *
 * @module
 */

/** The first block of a message, in bytes: most messages need no other. */
export const SMALLEST_BLOCK = 8 * 1024;

/** The largest block, in bytes: beyond it, larger reads gain nothing. */
export const LARGEST_BLOCK = 1024 * 1024;

/** Where a reader takes the memory that it reads into. */
export interface BlockSource {
  /**
   * Lends a block of at least `bytes` bytes, of unspecified content.
   *
   * @throws {NoRoomError} If the source has reached its bound.
   */
  lend(bytes: number): Uint8Array<ArrayBuffer>;
}

/** What a {@linkcode BlockSource} throws when it has reached its bound. */
export class NoRoomError extends Error {
  override name = "NoRoomError";
}

/** Blocks that nobody takes back: for a message that its caller keeps. */
export const freshBlocks: BlockSource = {
  lend: (bytes) => new Uint8Array(bytes),
};

/** The blocks of all messages of a server, under one bound. */
export class BlockPool {
  readonly #maxBytes: number;
  readonly #keepBytes: number;
  /** Blocks that wait for their next message, by size. */
  readonly #idle = new Map<number, Uint8Array<ArrayBuffer>[]>();
  #idleBytes = 0;
  #lentBytes = 0;

  /**
   * @param maxBytes How many bytes may be lent at one time.
   * @param keepBytes How many bytes of blocks that came back are kept for
   * reuse; what exceeds it is left to the garbage collector.
   */
  constructor(maxBytes: number, keepBytes: number) {
    this.#maxBytes = maxBytes;
    this.#keepBytes = keepBytes;
  }

  /** How many bytes are lent just now. */
  get lentBytes(): number {
    return this.#lentBytes;
  }

  /** Starts the loan of one message. */
  loan(): Loan {
    return new Loan(this);
  }

  /** A block of at least `bytes` bytes, rounded up so that it can be reused. */
  take(bytes: number): Uint8Array<ArrayBuffer> {
    let size = SMALLEST_BLOCK;
    while (size < bytes) size *= 2;
    if (this.#lentBytes + size > this.#maxBytes) {
      throw new NoRoomError(
        `Cannot lend ${size} bytes as a block: ` +
          `${this.#lentBytes} of ${this.#maxBytes} bytes are lent`,
      );
    }
    this.#lentBytes += size;
    const block = this.#idle.get(size)?.pop();
    if (block === undefined) return new Uint8Array(size);
    this.#idleBytes -= size;
    return block;
  }

  /** Takes a block back. Nobody may read or write it through the old loan. */
  giveBack(block: Uint8Array<ArrayBuffer>): void {
    const size = block.length;
    this.#lentBytes -= size;
    if (this.#idleBytes + size > this.#keepBytes) return;
    this.#idleBytes += size;
    const sameSize = this.#idle.get(size);
    if (sameSize === undefined) this.#idle.set(size, [block]);
    else sameSize.push(block);
  }
}

/** The blocks of one message, given back together. */
export class Loan implements BlockSource {
  readonly #pool: BlockPool;
  #blocks: Uint8Array<ArrayBuffer>[] = [];

  /** @param pool Where the blocks come from and go back to. */
  constructor(pool: BlockPool) {
    this.#pool = pool;
  }

  /** Lends one more block to this message. */
  lend(bytes: number): Uint8Array<ArrayBuffer> {
    const block = this.#pool.take(bytes);
    this.#blocks.push(block);
    return block;
  }

  /**
   * Gives the blocks back.
   *
   * @param except Memory that is still in use, by a read that is pending: the
   * block it lies in stays lent.
   */
  giveBack(except?: Uint8Array): void {
    const blocks = this.#blocks;
    this.#blocks = [];
    for (const block of blocks) {
      if (block.buffer === except?.buffer) this.#blocks.push(block);
      else this.#pool.giveBack(block);
    }
  }
}
