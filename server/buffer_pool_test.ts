import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  BufferLimitError,
  LARGEST_BLOCK_BYTES,
  ReadBuffer,
  SMALLEST_BLOCK_BYTES,
} from "../framing/read_buffer.ts";
import { BufferPool, poolBytesFor } from "./buffer_pool.ts";
import { SharedCounter } from "./shared_counter.ts";
import type { SlabBlock } from "./slab.ts";

const MiB = 2 ** 20;

/** Random numbers from a seed: a failure can be repeated. */
function randomNumbers(seed: number): (below: number) => number {
  return (below) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * below);
  };
}

/** Leases all blocks of this size to messages that hold so many bytes. */
function leaseAll(
  pool: BufferPool,
  size: number,
  heldBytes = size,
): SlabBlock[] {
  const blocks: SlabBlock[] = [];
  for (;;) {
    try {
      const block = pool.acquire(size, heldBytes);
      if (block.bytes.length === size) {
        blocks.push(block);
        continue;
      }
      pool.release(block);
      return blocks;
    } catch (error) {
      if (!(error instanceof BufferLimitError)) throw error;
      return blocks;
    }
  }
}

Deno.test("BufferPool leases no byte twice at a time", () => {
  const pool = new BufferPool(4 * MiB, Infinity);
  const random = randomNumbers(7);
  const leased = new Map<SlabBlock, number>();
  let refused = 0;
  for (let round = 1; round < 20_000; round++) {
    if (random(10) < 5) {
      try {
        const block = pool.acquire(SMALLEST_BLOCK_BYTES << random(11), MiB);
        new DataView(block.bytes.buffer).setUint32(
          block.bytes.byteOffset,
          round,
        );
        // The last bytes, too.
        const end = block.bytes.byteOffset + block.bytes.length - 4;
        new DataView(block.bytes.buffer).setUint32(end, round);
        leased.set(block, round);
      } catch (error) {
        if (!(error instanceof BufferLimitError)) throw error;
        refused++;
      }
    } else {
      const [entry] = [...leased].slice(random(leased.size));
      if (entry === undefined) continue;
      const [block, signature] = entry;
      const { buffer, byteOffset, length } = block.bytes;
      const view = new DataView(buffer);
      assertEquals(view.getUint32(byteOffset), signature);
      assertEquals(view.getUint32(byteOffset + length - 4), signature);
      leased.delete(block);
      pool.release(block);
    }
    const bytes = [...leased.keys()].map(({ bytes }) => bytes.length);
    assertEquals(pool.leasedBytes, bytes.reduce((sum, n) => sum + n, 0));
    assert(pool.byteLength <= 4 * MiB);
  }
  assert(refused > 0);
  for (const block of leased.keys()) pool.release(block);
  assertEquals(pool.leasedBytes, 0);
  // All halves are joined again: the largest block fits everywhere but in the
  // reserve.
  assertEquals(leaseAll(pool, LARGEST_BLOCK_BYTES).length, 3);
});

Deno.test("BufferPool leases the same memory again", () => {
  const pool = new BufferPool(4 * MiB, Infinity);
  const block = pool.acquire(1000);
  assertEquals(block.bytes.length, 1024);
  pool.release(block);
  assertStrictEquals(pool.acquire(1024).bytes, block.bytes);
});

Deno.test("BufferPool leases all of its memory to small blocks", () => {
  const pool = new BufferPool(2 * MiB, Infinity);
  assertEquals(leaseAll(pool, 1024).length, 2048);
  assertEquals(pool.byteLength, 2 * MiB);
});

Deno.test("BufferPool reserves an eighth for small blocks", () => {
  const pool = new BufferPool(8 * MiB, Infinity);
  assertEquals(leaseAll(pool, LARGEST_BLOCK_BYTES).length, 7);
  assertThrows(() => pool.acquire(1024, 128 * 1024), BufferLimitError);
  assertEquals(leaseAll(pool, 64 * 1024).length, 16);
});

Deno.test("BufferPool is not pinned by a few small blocks", () => {
  const pool = new BufferPool(8 * MiB, Infinity);
  const small = leaseAll(pool, 1024);
  // One block of each slab stays leased.
  for (const [index, block] of small.entries()) {
    if (index % 1024 !== 0) pool.release(block);
  }
  assertEquals(leaseAll(pool, 256 * 1024, 64 * 1024).length, 8 * 3);
});

Deno.test("BufferPool releases memory above what it keeps", () => {
  const slabs = new SharedCounter(16);
  const pool = new BufferPool(16 * MiB, 2 * MiB, slabs);
  const blocks = leaseAll(pool, LARGEST_BLOCK_BYTES);
  assertEquals(slabs.count, 14);
  for (const block of blocks) pool.release(block);
  // The first release came at once, the others have to wait.
  assert(pool.byteLength < 14 * MiB, `${pool.byteLength}`);
  assertEquals(slabs.count * MiB, pool.byteLength);
});

Deno.test("BufferPool.trim() releases what a burst has left", () => {
  const slabs = new SharedCounter(16);
  const pool = new BufferPool(16 * MiB, 2 * MiB, slabs);
  for (const block of leaseAll(pool, LARGEST_BLOCK_BYTES)) pool.release(block);
  pool.trim(true);
  assertEquals([slabs.count, pool.byteLength], [2, 2 * MiB]);
});

Deno.test("BufferPool.trim() keeps a slab of which one block is leased", () => {
  const pool = new BufferPool(16 * MiB, 2 * MiB);
  const blocks = leaseAll(pool, 1024);
  assertEquals(blocks.length, 16 * 1024);
  // One block of each slab stays leased.
  const kept = blocks.filter((_, index) => index % 1024 === 7);
  for (const block of blocks) if (!kept.includes(block)) pool.release(block);
  pool.trim(true);
  assertEquals(pool.byteLength, 16 * MiB);
  for (const block of kept) pool.release(block);
  pool.trim(true);
  assertEquals(pool.byteLength, 2 * MiB);
});

Deno.test("BufferPool gives memory that another thread wants back at once", () => {
  const memory = new Int32Array(new SharedArrayBuffer(4));
  const pools = [0, 1].map(() =>
    new BufferPool(4 * MiB, 4 * MiB, new SharedCounter(4, memory))
  );
  const blocks = leaseAll(pools[0]!, 1024);
  assertEquals(blocks.length, 4096);
  assertThrows(() => pools[1]!.acquire(1024), BufferLimitError);
  for (const block of blocks) pools[0]!.release(block);
  assert(leaseAll(pools[1]!, 1024).length >= 1024);
});

Deno.test("BufferPool never leases an abandoned block again", () => {
  const pool = new BufferPool(4 * MiB, Infinity);
  const blocks = leaseAll(pool, 64 * 1024);
  const abandoned = blocks.filter((_, index) => index % 5 === 0);
  const buffers = new Set(abandoned.map(({ bytes }) => bytes.buffer));
  for (const block of blocks) {
    block.bytes.fill(1);
    if (abandoned.includes(block)) pool.abandon(block);
    else pool.release(block);
  }
  assertEquals(pool.leasedBytes, 0);
  for (const size of [1024, 64 * 1024]) {
    const again = leaseAll(pool, size);
    for (const block of again) block.bytes.fill(2);
    for (const block of again) pool.release(block);
  }
  for (const { bytes } of abandoned) assert(bytes.every((byte) => byte === 1));
  assert(buffers.size > 0);
});

Deno.test("BufferPool has all of its memory again after abandoned blocks", () => {
  const pool = new BufferPool(4 * MiB, Infinity);
  assertEquals(pool.freeBytes, 4 * MiB);
  for (let round = 0; round < 60; round++) {
    const block = pool.acquire(LARGEST_BLOCK_BYTES, MiB);
    assertEquals(pool.freeBytes, 3 * MiB);
    pool.abandon(block);
    assertEquals(pool.freeBytes, 4 * MiB);
  }
  // A part of a slab stays counted until the slab is used up.
  pool.abandon(pool.acquire(512 * 1024, MiB));
  assertEquals(pool.freeBytes, 3.5 * MiB);
});

Deno.test("BufferPool counts abandoned memory from 64 MiB until it is collected", async () => {
  const slabs = new SharedCounter(100);
  const pool = new BufferPool(100 * MiB, Infinity, slabs);
  // In a function of its own, so that no variable keeps a block.
  const abandon = () => {
    const block = pool.acquire(LARGEST_BLOCK_BYTES, MiB);
    pool.abandon(block);
    return block.bytes;
  };
  for (let i = 0; i < 64; i++) abandon();
  assertEquals([slabs.count, pool.byteLength, pool.leasedBytes], [0, 0, 0]);
  // Whoever reads one of these keeps its memory, and is counted.
  const read = Array.from({ length: 4 }, abandon);
  assertEquals([slabs.count, pool.byteLength], [4, 0]);
  read.length = 0;
  // A growing heap makes V8 collect.
  const heap: unknown[] = [];
  while (slabs.count > 0) {
    assert(heap.length < 500, "the slabs were never collected");
    heap.push(Array.from({ length: 100_000 }, (_, i) => ({ i })));
    await new Promise((resolve) => setTimeout(resolve));
  }
  pool.release(pool.acquire(LARGEST_BLOCK_BYTES, MiB));
});

Deno.test("BufferPool leases a smaller block where none of the size is left", () => {
  const pool = new BufferPool(2 * MiB, Infinity);
  for (const block of leaseAll(pool, 512 * 1024).slice(0, 1)) {
    pool.release(block);
  }
  pool.acquire(256 * 1024, 64 * 1024);
  assertEquals(pool.acquire(512 * 1024, 64 * 1024).bytes.length, 256 * 1024);
});

Deno.test("BufferPool leases modest blocks to many connections", () => {
  const pool = new BufferPool(1024 * MiB, Infinity);
  // Each connection stops just after its first block.
  for (let count = 0; count < 8200; count++) {
    pool.acquire(1024, 0);
    pool.acquire(128 * 1024, 1024);
  }
  assert(pool.leasedBytes < 320 * MiB, `${pool.leasedBytes / MiB} MiB`);
  assertEquals(pool.acquire(256 * 1024, 64 * 1024).bytes.length, 256 * 1024);
});

Deno.test.each([
  { name: "1 MiB", maxBytes: MiB },
  { name: "2.5 MB", maxBytes: 2_500_000 },
  { name: "1,000 B", maxBytes: 1000 },
  { name: "64 MiB", maxBytes: 64 * MiB },
])("poolBytesFor() is enough for a message of $name", ({ maxBytes }) => {
  const pool = new BufferPool(poolBytesFor(maxBytes), Infinity);
  const buffer = new ReadBuffer(pool, maxBytes);
  for (let read = 0; read < maxBytes;) {
    const count = Math.min(buffer.beginRead().length, maxBytes - read);
    read += buffer.endRead(count).length;
  }
  buffer.finish();
  assertEquals(pool.leasedBytes, 0);
});

Deno.test("BufferPool with no memory leases none", () => {
  const pool = new BufferPool(0, 0);
  assertThrows(() => pool.acquire(1), BufferLimitError);
});
