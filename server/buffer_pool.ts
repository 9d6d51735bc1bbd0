/**
 * The blocks of memory that messages are read into, and their reuse.
 *
 * A fresh block costs more than reading into it (the kernel hands out zeroed
 * pages one fault at a time), so a server leases the same blocks again and
 * again. A block is leased to one connection at a time.
 *
 * All blocks are cut from slabs, and the memory of a pool is its slabs and no
 * more. Freed memory would not be free: it stays until the garbage collector
 * runs, and with it the bound would be one in name only. The exception is
 * memory that a handler may still read without anybody knowing until when: up
 * to 64 MiB of it wait for the collector above the bound.
 *
 * @module
 */
import {
  type BlockSource,
  BufferLimitError,
  LARGEST_BLOCK_BYTES,
  SMALLEST_BLOCK_BYTES,
} from "../framing/read_buffer.ts";
import { SharedCounter } from "./shared_counter.ts";
import { Slab, type SlabBlock } from "./slab.ts";

/** Blocks of this size and more may not use all memory, but leave … */
const LARGE_BLOCK_BYTES = 512 * 1024;

/** … one part in this many to small messages, which they would shut out. */
const RESERVE_DIVISOR = 8;

/** Slabs that are not needed are released at most once in this time, in ms. */
const RELEASE_PAUSE_MS = 1000;

/** A slab is retired when one part in this many was abandoned. */
const RETIRE_DIVISOR = 4;

/**
 * Dropped slabs that the bound does not count while they wait for the garbage
 * collector, which V8 runs at the latest when they are about this many.
 */
const MAX_UNCOUNTED_SLABS = 64;

/** The size of the slabs of a pool that may have `maxBytes` bytes. */
function slabSize(maxBytes: number): number {
  let size = LARGEST_BLOCK_BYTES;
  while (size > maxBytes && size >= SMALLEST_BLOCK_BYTES) size /= 2;
  return size;
}

/** The number of slabs of a pool that may have `maxBytes` bytes. */
export function slabsIn(maxBytes: number): number {
  const size = slabSize(maxBytes);
  return size < SMALLEST_BLOCK_BYTES ? 0 : Math.floor(maxBytes / size);
}

/** The blocks of all messages of a server, or of one thread of it. */
export class BufferPool implements BlockSource<SlabBlock> {
  readonly #keepBytes: number;
  readonly #slabBytes: number;
  /** The slabs of all threads. */
  readonly #allSlabs: SharedCounter;
  /** In the order of their age: blocks are taken from the oldest that fits. */
  readonly #slabs: Slab[] = [];
  /**
   * Blocks that came back, by size, for the next message: to divide and join
   * halves for each of many small messages would cost as much as a read.
   */
  readonly #cache = new Map<number, SlabBlock[]>();
  #leasedBytes = 0;
  #abandonedBytes = 0;
  #releasedMs = -Infinity;
  /** Dropped slabs whose memory is not free yet. */
  #uncollected = 0;
  readonly #dropped = new FinalizationRegistry((isCounted: boolean) => {
    this.#uncollected--;
    if (isCounted) this.#allSlabs.decrement();
  });

  /**
   * @param maxBytes The memory that the pools of all threads may have.
   * @param keepBytes The part of it that this pool keeps when it is idle.
   * @param allSlabs The slabs of all threads.
   */
  constructor(
    maxBytes: number,
    keepBytes: number,
    allSlabs: SharedCounter = new SharedCounter(slabsIn(maxBytes)),
  ) {
    this.#slabBytes = slabSize(maxBytes);
    this.#keepBytes = keepBytes;
    this.#allSlabs = allSlabs;
  }

  /** The memory that the pool has, leased or not, in bytes. */
  get byteLength(): number {
    return this.#slabs.length * this.#slabBytes;
  }

  /** The memory that is leased, in bytes. */
  get leasedBytes(): number {
    return this.#leasedBytes;
  }

  acquire(byteLength: number): SlabBlock {
    let size = SMALLEST_BLOCK_BYTES;
    while (size < byteLength && size < this.#slabBytes) size *= 2;
    const block = this.#cache.get(size)?.pop() ?? this.#take(size);
    this.#leasedBytes += size;
    return block;
  }

  release(block: SlabBlock): void {
    const { slab, bytes: { length } } = block;
    this.#leasedBytes -= length;
    if (slab.isRetired) {
      slab.putBack(block);
      return this.#dropIfUnused(slab);
    }
    let cached = this.#cache.get(length);
    if (cached === undefined) this.#cache.set(length, cached = []);
    cached.push(block);
    // Memory that another thread may want is not kept.
    const { isShared, count, max } = this.#allSlabs;
    const keepBytes = isShared && count >= max ? 0 : this.#keepBytes;
    const idleBytes = this.byteLength - this.#leasedBytes -
      this.#abandonedBytes;
    if (idleBytes > keepBytes + this.#slabBytes) this.#releaseSlabs(keepBytes);
  }

  abandon({ slab, bytes: { length } }: SlabBlock): void {
    this.#leasedBytes -= length;
    this.#abandonedBytes += length;
    slab.abandonedBytes += length;
    if (slab.abandonedBytes * RETIRE_DIVISOR < this.#slabBytes) return;
    if (!slab.isRetired) {
      this.#emptyCache();
      slab.isRetired = true;
    }
    this.#dropIfUnused(slab);
  }

  /** Takes a block from a slab, from a new one if need be. */
  #take(size: number): SlabBlock {
    if (size >= LARGE_BLOCK_BYTES && this.#freeBytes - size < this.#reserve) {
      throw limitReached(size);
    }
    const block = this.#takeFromSlabs(size) ?? this.#newSlab()?.take(size);
    if (block !== undefined) return block;
    this.#emptyCache();
    const joined = this.#takeFromSlabs(size);
    if (joined === undefined) throw limitReached(size);
    return joined;
  }

  #takeFromSlabs(size: number): SlabBlock | undefined {
    for (const slab of this.#slabs) {
      const block = slab.take(size);
      if (block !== undefined) return block;
    }
    return undefined;
  }

  /** The bytes that may still be leased. */
  get #freeBytes(): number {
    const { count, max } = this.#allSlabs;
    return (max - count) * this.#slabBytes + this.byteLength -
      this.#leasedBytes - this.#abandonedBytes;
  }

  get #reserve(): number {
    return this.#allSlabs.max * this.#slabBytes / RESERVE_DIVISOR;
  }

  #newSlab(): Slab | undefined {
    // Another thread may be faster: count first.
    if (this.#allSlabs.increment() > this.#allSlabs.max) {
      this.#allSlabs.decrement();
      return undefined;
    }
    const slab = new Slab(this.#slabBytes);
    this.#slabs.push(slab);
    return slab;
  }

  /** Puts the cached blocks back into their slabs, where halves join. */
  #emptyCache(): void {
    for (const blocks of this.#cache.values()) {
      for (const block of blocks) block.slab.putBack(block);
    }
    this.#cache.clear();
  }

  /**
   * Releases the slabs above `keepBytes` that are not used, once in a while: a
   * slab that was released stays in memory, above the bound, until the garbage
   * collector has run.
   */
  #releaseSlabs(keepBytes: number): void {
    const now = performance.now();
    const pauseMs = this.#allSlabs.isShared ? 0 : RELEASE_PAUSE_MS;
    if (now - this.#releasedMs < pauseMs) return;
    this.#releasedMs = now;
    this.#emptyCache();
    let unusedBytes = this.byteLength - this.#leasedBytes -
      this.#abandonedBytes;
    for (const slab of [...this.#slabs].reverse()) {
      if (unusedBytes <= keepBytes) return;
      if (slab.usedBytes > 0) continue;
      unusedBytes -= this.#slabBytes;
      this.#remove(slab);
      this.#allSlabs.decrement();
    }
  }

  /** Drops a retired slab, once none of its blocks is leased. */
  #dropIfUnused(slab: Slab): void {
    if (slab.usedBytes > slab.abandonedBytes) return;
    this.#remove(slab);
    this.#abandonedBytes -= slab.abandonedBytes;
    // Code that still reads an abandoned block keeps the memory alive. Mostly
    // none does, and then a server should not be busy for want of a collection.
    const isCounted = ++this.#uncollected > MAX_UNCOUNTED_SLABS;
    if (!isCounted) this.#allSlabs.decrement();
    this.#dropped.register(slab.memory.buffer, isCounted);
  }

  #remove(slab: Slab): void {
    this.#slabs.splice(this.#slabs.indexOf(slab), 1);
  }
}

function limitReached(byteLength: number): BufferLimitError {
  return new BufferLimitError(
    `Cannot lease ${byteLength} bytes: the limit on buffers is reached`,
  );
}
