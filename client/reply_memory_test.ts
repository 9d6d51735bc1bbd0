import { assertEquals } from "@std/assert";
import { LARGEST_BLOCK_BYTES } from "../framing/read_buffer.ts";
import { appendChunk } from "../framing/received.ts";
import { ReplyMemory } from "./reply_memory.ts";

/** Fills memory with bytes 0, 1, 2, …; returns the chunks of a reply. */
function fill(
  memory: ReplyMemory,
  byteLength: number,
  readBytes = 65_000,
): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let filled = 0; filled < byteLength;) {
    const free = memory.beginRead();
    const count = Math.min(readBytes, free.length, byteLength - filled);
    for (let i = 0; i < count; i++) free[i] = filled + i;
    appendChunk(chunks, memory.endRead(count));
    filled += count;
  }
  return chunks;
}

/** Whether the bytes are those of {@linkcode fill}, from `first` on. */
function isFilled(bytes: Uint8Array, first = 0): boolean {
  return bytes.every((byte, index) => byte === (first + index) % 256);
}

const LARGE = 5 * LARGEST_BLOCK_BYTES + 1000;

Deno.test("ReplyMemory.join() joins a large reply, and frees its large blocks", () => {
  const memory = new ReplyMemory(0);
  const chunks = fill(memory, LARGE);
  const isLarge = chunks.map(({ length }) => length === LARGEST_BLOCK_BYTES);
  const joined = memory.join(chunks);
  assertEquals(joined.length, LARGE);
  assertEquals(isFilled(joined), true);
  assertEquals(isLarge.filter(Boolean).length, 4);
  assertEquals(chunks.map(({ length }) => length === 0), isLarge);
});

Deno.test("ReplyMemory.join() frees no block that has other bytes, too", () => {
  const memory = new ReplyMemory(0);
  const chunks = fill(memory, LARGE);
  const [earlier, later] = [chunks[4]!, chunks.at(-1)!];
  const ours = chunks.map((chunk) =>
    chunk === earlier ? chunk.subarray(1) : chunk
  );
  assertEquals(memory.join(ours).length, LARGE - 1);
  assertEquals(earlier.length, LARGEST_BLOCK_BYTES);
  assertEquals(later.length > 0, true);
  assertEquals(fill(memory, 100)[0]!.buffer === later.buffer, true);
});

Deno.test("ReplyMemory.join() frees no block that is in use, if it is full", () => {
  const memory = new ReplyMemory(0);
  const small = 641 * 1024;
  const chunks = fill(memory, small + 2 * LARGEST_BLOCK_BYTES);
  assertEquals(isFilled(memory.join(chunks)), true);
  assertEquals(chunks.map(({ length }) => length).slice(-2), [
    0,
    LARGEST_BLOCK_BYTES,
  ]);
  assertEquals(isFilled(fill(memory, 100)[0]!), true);
});

Deno.test("ReplyMemory.join() frees no block of a reply below its limit", () => {
  const memory = new ReplyMemory(LARGE + 1);
  const chunks = fill(memory, LARGE);
  assertEquals(isFilled(memory.join(chunks)), true);
  assertEquals(chunks.every(({ length }) => length > 0), true);
});

Deno.test("ReplyMemory.join() frees no chunk of a stream", () => {
  const memory = new ReplyMemory(0);
  const chunks = [1, 2].map((byte) =>
    new Uint8Array(LARGEST_BLOCK_BYTES).fill(byte)
  );
  assertEquals(memory.join(chunks).length, 2 * LARGEST_BLOCK_BYTES);
  assertEquals(chunks.map((chunk) => chunk[0]), [1, 2]);
});

Deno.test("ReplyMemory.join() copies no reply of one chunk", () => {
  const memory = new ReplyMemory(0);
  const [chunk] = fill(memory, 100);
  assertEquals(memory.join([chunk!]) === chunk, true);
  assertEquals(memory.join([]), new Uint8Array(0));
});
