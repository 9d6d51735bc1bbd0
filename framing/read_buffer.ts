/**
 * The memory of the message that a connection is reading: the one place that
 * knows who still uses it.
 *
 * @module
 */

/** The block that every message starts in, in bytes. */
export const SMALLEST_BLOCK_BYTES = 1024;

/**
 * The sizes of the blocks of a message, in the order of their use, in bytes;
 * all further blocks have the last size. Most messages need the first block
 * alone, and every silent connection has one. Larger steps mean fewer reads,
 * and more memory that is leased and stays empty.
 */
const BLOCK_SIZES = [1, 128, 512, 1024].map((size) =>
  size * SMALLEST_BLOCK_BYTES
);

/** The largest block, in bytes: larger reads gain nothing. */
export const LARGEST_BLOCK_BYTES = BLOCK_SIZES.at(-1)!;

/** The size of the block that follows one of `bytes`. */
export function nextBlockSize(bytes: number): number {
  return BLOCK_SIZES.find((size) => size > bytes) ?? LARGEST_BLOCK_BYTES;
}

/** A piece of memory with an owner. */
export interface Block {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A source of blocks. */
export interface BlockSource<B extends Block = Block> {
  /**
   * Leases a block of unspecified content, of `byteLength` bytes or a size near
   * it; smaller where memory runs short.
   *
   * @param heldBytes The bytes that the same message has leased already.
   * @throws {BufferLimitError} If the source has reached its bound.
   */
  acquire(byteLength: number, heldBytes: number): B;
  /** Takes a block back. Its next owner will overwrite it. */
  release(block: B): void;
  /** Gives a block up: somebody may read it at any time, so nobody reuses it. */
  abandon(block: B): void;
}

/** Chooses the size of the first block of each message. */
export interface FirstBlockSizes {
  /** The size for a message whose first byte is awaited. */
  begin(): number;
  /** The first byte of a message has arrived, or is not awaited any more. */
  end(byteLength: number): void;
  /** A message has had this many bytes. */
  note(byteLength: number): void;
}

/** Thrown by a {@linkcode BlockSource} that has reached its bound. */
export class BufferLimitError extends Error {
  override name = "BufferLimitError";
}

/** Blocks that are never reused, for a message that its caller keeps. */
export const freshBlocks: BlockSource = {
  acquire: (byteLength) => ({ bytes: new Uint8Array(byteLength) }),
  release: () => {},
  abandon: () => {},
};

const EMPTY = new Uint8Array(0);

/**
 * Owns the blocks that one connection reads its messages into, from the first
 * byte of a message until nobody can read it any more. Every block is
 * released, or abandoned, exactly once, and not while
 *
 * 1. a read into the block is pending (`beginRead()` to `endRead()`), because
 *    a read cannot be cancelled, and would write into the next owner's message;
 * 2. a promise that was given to `holdUntil()` is pending: a handler that a
 *    time limit has interrupted may still read its message;
 * 3. the block holds the first bytes of the next message (`nextMessage()`).
 *
 * After `abandon()` the blocks are not reused at all: an iterable that was not
 * read to its end may go on reading the message, and cannot be observed.
 * A `ReadableStream`, for one, may be in the middle of its `pull()`.
 */
export class ReadBuffer<B extends Block = Block> {
  readonly #source: BlockSource<B>;
  readonly #maxUsefulBytes: number;
  /** The block that is being filled. */
  #block: B | undefined;
  /** Full blocks of the same message. */
  #fullBlocks: B[] | undefined;
  /** The bytes of all blocks of the message. */
  #heldBytes = 0;
  #filledBytes = 0;
  #nextBlockBytes = SMALLEST_BLOCK_BYTES;
  #usefulBytes: number;
  readonly #firstSizes: FirstBlockSizes | undefined;
  /** The bytes that were read of this message, and after it. */
  #messageBytes = 0;
  /** The size of the first block while it waits empty; 0 otherwise. */
  #awaitedBytes = 0;
  #isReading = false;
  #holds = 0;
  #isAbandoned = false;
  /** The message and everything after it is over. */
  #isFinished = false;

  /**
   * @param source Where the blocks come from.
   * @param maxUsefulBytes The largest number of bytes of a message that can
   * matter: its limit and its framing. No block is larger, unless it is the
   * smallest.
   * @param firstSizes The sizes of first blocks. By default they are the smallest.
   */
  constructor(
    source: BlockSource<B>,
    maxUsefulBytes: number,
    firstSizes?: FirstBlockSizes,
  ) {
    this.#source = source;
    this.#firstSizes = firstSizes;
    this.#maxUsefulBytes = this.#usefulBytes = maxUsefulBytes;
  }

  /**
   * Begins a read: the memory for the next bytes, never empty. One at a time.
   *
   * @throws {BufferLimitError} If the source has reached its bound.
   */
  beginRead(): Uint8Array {
    if (
      this.#block === undefined ||
      this.#filledBytes === this.#block.bytes.length
    ) {
      const block = this.#block === undefined
        ? this.#acquireFirst()
        : this.#acquire();
      this.#heldBytes += block.bytes.length;
      if (this.#block !== undefined) {
        (this.#fullBlocks ??= []).push(this.#block);
      }
      this.#block = block;
      this.#filledBytes = 0;
      this.#nextBlockBytes = nextBlockSize(this.#nextBlockBytes);
    }
    this.#isReading = true;
    return this.#filledBytes === 0
      ? this.#block.bytes
      : this.#block.bytes.subarray(this.#filledBytes);
  }

  /**
   * Ends the read that was begun.
   *
   * @param byteLength The number of bytes that were read; 0 after a failure.
   * @returns The chunk of bytes that were read.
   */
  endRead(byteLength: number): Uint8Array {
    this.#isReading = false;
    if (this.#awaitedBytes > 0) this.#endFirst();
    const start = this.#filledBytes;
    this.#filledBytes += byteLength;
    this.#usefulBytes -= byteLength;
    this.#messageBytes += byteLength;
    const chunk = byteLength === 0
      ? EMPTY
      : this.#block!.bytes.subarray(start, start + byteLength);
    if (this.#isFinished) this.#freeUnused();
    return chunk;
  }

  /** Keeps the blocks until this promise has settled. */
  holdUntil(promise: Promise<unknown>): void {
    this.#holds++;
    const drop = () => {
      this.#holds--;
      if (this.#isFinished) this.#freeUnused();
    };
    promise.then(drop, drop);
  }

  /** Gives the blocks up instead of releasing them when their time comes. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  /**
   * Ends the message. Call it when the reply has been sent. Blocks that are held
   * all the same are abandoned.
   *
   * @param restBytes How many of the last bytes that were read belong to the
   * next message.
   */
  nextMessage(restBytes: number): void {
    this.#firstSizes?.note(this.#messageBytes - restBytes);
    this.#messageBytes = restBytes;
    this.#nextBlockBytes = SMALLEST_BLOCK_BYTES;
    this.#usefulBytes = this.#maxUsefulBytes;
    this.#heldBytes = 0;
    if (this.#holds > 0) this.#isAbandoned = true;
    this.#freeFullBlocks();
    if (restBytes === 0) this.#freeBlock();
  }

  /** Ends the last message. Call it when the reply was sent, or before. */
  finish(): void {
    if (this.#messageBytes > 0) this.#firstSizes?.note(this.#messageBytes);
    this.#messageBytes = 0;
    this.#isFinished = true;
    this.#freeUnused();
  }

  #acquire(): B {
    const useful = Math.max(this.#usefulBytes, SMALLEST_BLOCK_BYTES);
    const size = Math.min(this.#nextBlockBytes, useful);
    return this.#source.acquire(size, this.#heldBytes);
  }

  #acquireFirst(): B {
    if (this.#firstSizes === undefined) return this.#acquire();
    this.#nextBlockBytes = this.#awaitedBytes = this.#firstSizes.begin();
    try {
      return this.#acquire();
    } catch (error) {
      this.#endFirst();
      throw error;
    }
  }

  #endFirst(): void {
    this.#firstSizes!.end(this.#awaitedBytes);
    this.#awaitedBytes = 0;
  }

  #freeUnused(): void {
    if (this.#holds > 0) return;
    this.#freeFullBlocks();
    if (!this.#isReading) this.#freeBlock();
  }

  #freeFullBlocks(): void {
    if (this.#fullBlocks === undefined) return;
    for (const block of this.#fullBlocks) this.#free(block);
    this.#fullBlocks = undefined;
  }

  #freeBlock(): void {
    if (this.#block === undefined) return;
    this.#free(this.#block);
    this.#block = undefined;
    this.#filledBytes = 0;
    this.#isAbandoned = false;
  }

  #free(block: B): void {
    if (this.#isAbandoned) this.#source.abandon(block);
    else this.#source.release(block);
  }
}
