/**
 * The blocks that messages are read into, and their reuse.
 *
 * A fresh block costs more than reading into it (the kernel hands out zeroed
 * pages one fault at a time), so a server lends the same ones again and again.
 * A block is lent to one message at a time and comes back when its reply is
 * sent; until then nobody else is handed it.
 *
 * All blocks are cut from slabs of one size. A slab whose blocks are all back
 * can be cut anew, so what large messages have left serves small ones, and
 * the memory of a pool is its slabs and no more. Freed memory would not be
 * free: it stays until the garbage collector comes by, and with it the bound
 * would be one in name only.
 *
 * @module
 */

import { Count } from "./shared_counter.ts";

/**
 * The sizes of the blocks of a message, one after the other, in bytes; all
 * further ones are as the last. Most messages need the first alone, of which
 * every silent connection has one. Larger steps mean fewer reads, and more
 * memory that is lent and stays empty.
 */
const BLOCK_SIZES = [1, 128, 512, 1024].map((size) => size * 1024);

/** The first of them. */
export const SMALLEST_BLOCK = BLOCK_SIZES[0]!;

/** The last of them, and the size of a slab: larger reads gain nothing. */
export const LARGEST_BLOCK = BLOCK_SIZES.at(-1)!;

/** Blocks from this size on may not take all slabs there are, but leave … */
const LARGE_BLOCK = 512 * 1024;

/** … one in so many to small messages, which a few large ones shut out else. */
const RESERVE = 8;

/** One slab that is not needed is let go of in so many ms. */
const RELEASE_PAUSE = 1000;

/** The size of the block behind one of this size. */
export function nextBlockSize(bytes: number): number {
  return BLOCK_SIZES.find((size) => size > bytes) ?? LARGEST_BLOCK;
}

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

/** A slab, cut into blocks of one size. */
interface Slab {
  readonly memory: Uint8Array<ArrayBuffer>;
  /** Blocks that are not lent. */
  readonly free: Block[];
  blockSize: number;
  lent: number;
}

interface Block {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly slab: Slab;
}

/** The size of the slabs of a pool that may have so many bytes. */
function slabSize(maxBytes: number): number {
  let size = LARGEST_BLOCK;
  while (size > maxBytes && size >= SMALLEST_BLOCK) size /= 2;
  return size;
}

/** How many slabs a pool has that may have so many bytes. */
export function slabsIn(maxBytes: number): number {
  const size = slabSize(maxBytes);
  return size < SMALLEST_BLOCK ? 0 : Math.floor(maxBytes / size);
}

/** The blocks of all messages of a server, or of one thread of it. */
export class BlockPool {
  readonly #keptSlabs: number;
  readonly #slabSize: number;
  /** Those of all threads. */
  readonly #allSlabs: Count;
  #slabs = 0;
  #released = -Infinity;
  /** Slabs of which nothing is lent. */
  readonly #idle: Slab[] = [];
  /** Slabs that have a block to lend, by the size of their blocks. */
  readonly #open = new Map<number, Set<Slab>>();

  /**
   * @param maxBytes How much memory the pools of all threads may have.
   * @param keepBytes How much of it this pool keeps when nothing is lent.
   * @param allSlabs The slabs of all threads.
   */
  constructor(
    maxBytes: number,
    keepBytes: number,
    allSlabs: Count = new Count(slabsIn(maxBytes)),
  ) {
    this.#slabSize = slabSize(maxBytes);
    this.#keptSlabs = Math.floor(keepBytes / this.#slabSize);
    this.#allSlabs = allSlabs;
  }

  /** How much memory the pool has just now, lent or not, in bytes. */
  get byteLength(): number {
    return this.#slabs * this.#slabSize;
  }

  /** Starts the loan of one message. */
  loan(): Loan {
    return new Loan(this);
  }

  /** A block of at least `bytes` bytes, no larger than a slab. */
  take(bytes: number): Block {
    let size = SMALLEST_BLOCK;
    while (size < bytes && size < this.#slabSize) size = nextBlockSize(size);
    size = Math.min(size, this.#slabSize);
    let slabs = this.#open.get(size);
    if (slabs === undefined) this.#open.set(size, slabs = new Set());
    let [slab] = slabs;
    if (slab === undefined) {
      slab = this.#cut(size);
      slabs.add(slab);
    }
    const block = slab.free.pop()!;
    slab.lent++;
    if (slab.free.length === 0) slabs.delete(slab);
    return block;
  }

  /** Takes a block back. Nobody may use it through the old loan any more. */
  giveBack(block: Block): void {
    const { slab } = block;
    const slabs = this.#open.get(slab.blockSize)!;
    slab.free.push(block);
    slab.lent--;
    if (slab.lent > 0) {
      if (slab.free.length === 1) slabs.add(slab);
      return;
    }
    // The last slab of a size waits for more of the same: to divide it anew
    // for each of a few small messages would cost more than all their reads.
    const { isShared, count, most } = this.#allSlabs;
    const isWanted = isShared && count >= most; // perhaps by another thread
    if (!isWanted && slabs.size === 1 && slabs.has(slab)) return;
    slabs.delete(slab);
    this.#idle.push(slab);
    if (isWanted || this.#idle.length > this.#keptSlabs) this.#release();
  }

  /**
   * Lets go of one slab, once in a while: what is let go of stays in memory
   * until the garbage collector has come by, beyond the bound.
   */
  #release(): void {
    const now = performance.now();
    // What other threads may want is not held back from them.
    const pause = this.#allSlabs.isShared ? 0 : RELEASE_PAUSE;
    if (now - this.#released < pause) return;
    this.#released = now;
    this.#idle.shift();
    this.#slabs--;
    this.#allSlabs.remove();
  }

  /** A slab, all of it free, in blocks of this size. */
  #cut(size: number): Slab {
    const { count, most } = this.#allSlabs;
    const reserved = size < LARGE_BLOCK ? 0 : Math.floor(most / RESERVE);
    if (count >= most - reserved) this.#collectUnused();
    if (count - this.#idle.length >= most - reserved) throw noRoom(size);
    const slab = this.#idle.pop() ?? this.#newSlab(size);
    if (slab.blockSize === size) return slab;
    slab.blockSize = size;
    slab.free.length = 0;
    for (let start = 0; start < slab.memory.length; start += size) {
      const bytes = slab.memory.subarray(start, start + size);
      slab.free.push({ bytes, slab });
    }
    return slab;
  }

  /** Takes the slabs that wait for more of their size, and have none lent. */
  #collectUnused(): void {
    for (const slabs of this.#open.values()) {
      for (const slab of slabs) {
        if (slab.lent > 0) continue;
        slabs.delete(slab);
        this.#idle.push(slab);
      }
    }
  }

  #newSlab(size: number): Slab {
    // Another thread may have been faster than the look before.
    if (this.#allSlabs.add() > this.#allSlabs.most) {
      this.#allSlabs.remove();
      throw noRoom(size);
    }
    this.#slabs++;
    const memory = new Uint8Array(this.#slabSize);
    return { memory, free: [], blockSize: 0, lent: 0 };
  }
}

/** The blocks of one message, given back together. */
export class Loan implements BlockSource {
  readonly #pool: BlockPool;
  #blocks: Block[] = [];

  /** @param pool Where the blocks come from and go back to. */
  constructor(pool: BlockPool) {
    this.#pool = pool;
  }

  /** Lends one more block to this message. */
  lend(bytes: number): Uint8Array<ArrayBuffer> {
    const block = this.#pool.take(bytes);
    this.#blocks.push(block);
    return block.bytes;
  }

  /**
   * Gives the blocks back.
   *
   * @param inUse Memory that a read still writes to: the block it lies in
   * stays lent.
   */
  giveBack(inUse?: Uint8Array): void {
    const blocks = this.#blocks;
    this.#blocks = [];
    for (const block of blocks) {
      if (inUse !== undefined && liesIn(inUse, block.bytes)) {
        this.#blocks.push(block);
      } else {
        this.#pool.giveBack(block);
      }
    }
  }
}

function noRoom(bytes: number): NoRoomError {
  return new NoRoomError(`Cannot lend ${bytes} bytes: all slabs are lent`);
}

function liesIn(part: Uint8Array, whole: Uint8Array): boolean {
  return part.buffer === whole.buffer && part.byteOffset >= whole.byteOffset &&
    part.byteOffset < whole.byteOffset + whole.length;
}
