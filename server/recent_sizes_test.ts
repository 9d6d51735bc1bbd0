import { assertEquals } from "@std/assert";
import { ReadBuffer } from "../framing/read_buffer.ts";
import { BufferPool } from "./buffer_pool.ts";
import { RecentSizes } from "./recent_sizes.ts";

const KIB = 1024;

/** Reads a message of this many bytes, and returns the first block's size. */
function readMessage(buffer: ReadBuffer, byteLength: number): number {
  let first = 0;
  for (let left = byteLength; left > 0;) {
    const free = buffer.beginRead();
    first ||= free.length;
    left -= buffer.endRead(Math.min(left, free.length)).length;
  }
  buffer.nextMessage(0);
  return first;
}

Deno.test("RecentSizes: large blocks come after large messages, and go after small ones", () => {
  const pool = new BufferPool(2 ** 26, 2 ** 20);
  const buffer = new ReadBuffer(pool, 2 ** 20, new RecentSizes());
  const sizes = [5, 100_000, 100_000, 100_000, 5, 5, 5, 5, 5]
    .map((byteLength) => readMessage(buffer, byteLength) / KIB);
  assertEquals(sizes, [1, 1, 1, 128, 128, 128, 128, 1, 1]);
  assertEquals(pool.leasedBytes, 0);
});

Deno.test("RecentSizes: a flood of silent clients gets the smallest blocks", () => {
  const pool = new BufferPool(2 ** 26, 2 ** 20);
  const recent = new RecentSizes();
  const connection = () => new ReadBuffer(pool, 2 ** 20, recent);
  for (let i = 0; i < 10; i++) readMessage(connection(), 100_000);
  const silent = Array.from({ length: 100 }, connection);
  const sizes = silent.map((buffer) => buffer.beginRead().length / KIB);
  assertEquals(sizes.filter((size) => size === 128).length, 32);
  assertEquals(sizes.filter((size) => size === 1).length, 68);
  // One that speaks, and one that leaves, make room for others.
  silent[0]!.endRead(10);
  silent[1]!.finish();
  silent[1]!.endRead(0);
  assertEquals(connection().beginRead().length, 128 * KIB);
  assertEquals(connection().beginRead().length, 128 * KIB);
  assertEquals(connection().beginRead().length, KIB);
});

Deno.test("RecentSizes: the bytes of the next message do not count", () => {
  const pool = new BufferPool(2 ** 26, 2 ** 20);
  const buffer = new ReadBuffer(pool, 2 ** 20, new RecentSizes());
  for (let i = 0; i < 10; i++) {
    buffer.beginRead();
    buffer.endRead(1000);
    buffer.nextMessage(995);
    buffer.beginRead();
    buffer.endRead(29);
    buffer.nextMessage(0);
  }
  assertEquals(buffer.beginRead().length, KIB);
});
