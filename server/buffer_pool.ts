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
import { type Clock, systemClock } from "../framing/clock.ts";
import {
  type BlockSource,
  BufferLimitError,
  LARGEST_BLOCK_BYTES,
  nextBlockSize,
  SMALLEST_BLOCK_BYTES,
} from "../framing/read_buffer.ts";
import { SharedCounter } from "./shared_counter.ts";
import { Slab, type SlabBlock } from "./slab.ts";

/** Messages that hold more than this may not use all memory, but leave … */
const LARGE_MESSAGE_BYTES = 128 * 1024;

/** … one part in this many to small messages, which they would shut out. */
const RESERVE_DIVISOR = 8;

/**
 * When less than this part of the memory is free, a message gets blocks of at
 * most this many times the bytes that it holds: a thousand connections that
 * stop just after the first block would otherwise pin 128 KiB each.
 */
const AMPLE_PART = 3 / 4;
const GROWTH = 4;

/** No block smaller than this is tried where a larger one is not to be had. */
const LEAST_GROWTH_BYTES = 4 * 1024;

/** Slabs that are not needed are released at most once in this time, in ms. */
const RELEASE_PAUSE_MS = 1000;

/** A slab is retired when this part of it was abandoned: it is used up. */
const RETIRED_PART = 7 / 8;

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

/**
 * The memory that a pool must have, so that one message of up to `maxBytes`
 * bytes can be read into it.
 */
export function poolBytesFor(maxBytes: number): number {
  let blocks = SMALLEST_BLOCK_BYTES;
  let size = SMALLEST_BLOCK_BYTES;
  while (blocks < maxBytes) {
    size = nextBlockSize(size);
    blocks += size;
  }
  const needed = blocks * RESERVE_DIVISOR / (RESERVE_DIVISOR - 1);
  return Math.ceil(needed / LARGEST_BLOCK_BYTES) * LARGEST_BLOCK_BYTES;
}

/** The number of slabs of a pool that may have `maxBytes` bytes. */
export function slabsIn(maxBytes: number): number {
  const size = slabSize(maxBytes);
  return size < SMALLEST_BLOCK_BYTES ? 0 : Math.floor(maxBytes / size);
}

/** The blocks of all messages of a server, or of one thread of it. */
export class BufferPool implements BlockSource<SlabBlock> {
  readonly #keepBytes: number;
  /** The size of a slab, in bytes. */
  readonly slabBytes: number;
  /** The slabs of all threads. */
  readonly #allSlabs: SharedCounter;
  readonly #clock: Clock;
  /** In the order of their age: blocks are taken from the oldest that fits. */
  readonly #slabs: Slab[] = [];
  /**
   * Blocks that came back, by size, for the next message: to divide and join
   * halves for each of many small messages would cost as much as a read.
   */
  readonly #cache = new Map<number, SlabBlock[]>();
  /** The bytes that are kept for small messages. */
  readonly #reservedBytes: number;
  /** Free bytes from which on memory is not short. */
  readonly #ampleBytes: number;
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
    clock: Clock = systemClock,
  ) {
    this.#clock = clock;
    this.slabBytes = slabSize(maxBytes);
    this.#keepBytes = keepBytes;
    this.#allSlabs = allSlabs;
    const totalBytes = allSlabs.max * this.slabBytes;
    this.#reservedBytes = totalBytes / RESERVE_DIVISOR;
    this.#ampleBytes = totalBytes * AMPLE_PART;
  }

  /** The memory that the pool has, leased or not, in bytes. */
  get byteLength(): number {
    return this.#slabs.length * this.slabBytes;
  }

  /** The memory that is leased, in bytes. */
  get leasedBytes(): number {
    return this.#leasedBytes;
  }

  acquire(byteLength: number, heldBytes = 0): SlabBlock {
    let size = SMALLEST_BLOCK_BYTES;
    while (size < byteLength && size < this.slabBytes) size *= 2;
    const isLarge = heldBytes >= LARGE_MESSAGE_BYTES;
    if (size > SMALLEST_BLOCK_BYTES && this.freeBytes < this.#ampleBytes) {
      while (size > SMALLEST_BLOCK_BYTES && size > GROWTH * heldBytes) {
        size /= 2;
      }
    }
    for (;; size /= 2) {
      const block = this.#tryAcquire(size, isLarge);
      if (block !== undefined) return block;
      if (size <= LEAST_GROWTH_BYTES) throw limitReached(size);
    }
  }

  #tryAcquire(size: number, isLarge: boolean): SlabBlock | undefined {
    if (isLarge && this.freeBytes - size < this.#reservedBytes) {
      return undefined;
    }
    const block = this.#cache.get(size)?.pop() ?? this.#take(size);
    if (block !== undefined) this.#leasedBytes += size;
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
    if (idleBytes > keepBytes + this.slabBytes) this.#releaseSlabs(keepBytes);
  }

  abandon({ slab, bytes: { length } }: SlabBlock): void {
    this.#leasedBytes -= length;
    this.#abandonedBytes += length;
    slab.abandonedBytes += length;
    if (slab.abandonedBytes < this.slabBytes * RETIRED_PART) return;
    if (!slab.isRetired) {
      this.#emptyCache();
      slab.isRetired = true;
    }
    this.#dropIfUnused(slab);
  }

  /**
   * Releases memory above what the pool keeps. Call it from time to time.
   *
   * @param isIdle Whether all of it may be released at once.
   */
  trim(isIdle: boolean): void {
    const idleBytes = this.byteLength - this.#leasedBytes -
      this.#abandonedBytes;
    if (idleBytes <= this.#keepBytes + this.slabBytes) return;
    if (isIdle) this.#releasedMs = -Infinity;
    this.#releaseSlabs(this.#keepBytes);
  }

  /** Takes a block from a slab, from a new one if need be. */
  #take(size: number): SlabBlock | undefined {
    const block = this.#takeFromSlabs(size) ?? this.#newSlab()?.take(size);
    if (block !== undefined) return block;
    this.#emptyCache();
    return this.#takeFromSlabs(size);
  }

  #takeFromSlabs(size: number): SlabBlock | undefined {
    for (const slab of this.#slabs) {
      const block = slab.take(size);
      if (block !== undefined) return block;
    }
    return undefined;
  }

  /** The memory that may still be leased, in bytes. */
  get freeBytes(): number {
    const { count, max } = this.#allSlabs;
    return (max - count) * this.slabBytes + this.byteLength -
      this.#leasedBytes - this.#abandonedBytes;
  }

  #newSlab(): Slab | undefined {
    // Another thread may be faster: count first.
    if (this.#allSlabs.increment() > this.#allSlabs.max) {
      this.#allSlabs.decrement();
      return undefined;
    }
    const slab = new Slab(this.slabBytes);
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
    const now = this.#clock.now();
    const pauseMs = this.#allSlabs.isShared ? 0 : RELEASE_PAUSE_MS;
    if (now - this.#releasedMs < pauseMs) return;
    this.#releasedMs = now;
    this.#emptyCache();
    let unusedBytes = this.byteLength - this.#leasedBytes -
      this.#abandonedBytes;
    for (const slab of [...this.#slabs].reverse()) {
      if (unusedBytes <= keepBytes) return;
      if (slab.usedBytes > 0) continue;
      unusedBytes -= this.slabBytes;
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
