import { assertEquals, assertStrictEquals } from "@std/assert";
import { appendChunk, Decoded, dropLast } from "./received.ts";

const memory = Uint8Array.from({ length: 10 }, (_, index) => index);
const other = Uint8Array.from({ length: 10 }, (_, index) => 100 + index);

Deno.test.each([
  {
    name: "joins neighbours",
    chunks: [memory.subarray(0, 3), memory.subarray(3, 5)],
    expected: [[0, 1, 2, 3, 4]],
  },
  {
    name: "keeps a gap between two chunks",
    chunks: [memory.subarray(0, 3), memory.subarray(4, 6)],
    expected: [[0, 1, 2], [4, 5]],
  },
  {
    name: "keeps the order of chunks",
    chunks: [memory.subarray(3, 5), memory.subarray(0, 3)],
    expected: [[3, 4], [0, 1, 2]],
  },
  {
    name: "keeps chunks of two buffers apart",
    chunks: [memory.subarray(0, 3), other.subarray(3, 5)],
    expected: [[0, 1, 2], [103, 104]],
  },
  {
    name: "does not join the same chunk twice",
    chunks: [memory.subarray(0, 3), memory.subarray(0, 3)],
    expected: [[0, 1, 2], [0, 1, 2]],
  },
])("appendChunk() $name", ({ chunks, expected }) => {
  const joined: Uint8Array[] = [];
  for (const chunk of chunks) appendChunk(joined, chunk);
  assertEquals<unknown>(joined.map((chunk) => [...chunk]), expected);
});

Deno.test("appendChunk() copies no byte", () => {
  const chunks = [memory.subarray(0, 3)];
  appendChunk(chunks, memory.subarray(3, 5));
  assertStrictEquals(chunks[0]!.buffer, memory.buffer);
});

Deno.test.each([
  { count: 0, expected: [[0, 1], [2], [3, 4, 5]] },
  { count: 1, expected: [[0, 1], [2], [3, 4]] },
  { count: 3, expected: [[0, 1], [2]] },
  { count: 4, expected: [[0, 1]] },
  { count: 5, expected: [[0]] },
  { count: 6, expected: [] },
])("dropLast() removes $count bytes", ({ count, expected }) => {
  const chunks = [[0, 1], [2], [3, 4, 5]].map((each) => Uint8Array.from(each));
  dropLast(chunks, count);
  assertEquals<unknown>(chunks.map((chunk) => [...chunk]), expected);
});

Deno.test.each(
  [
    { reason: "limit", byteLength: 9, count: null, expected: "too large" },
    { reason: "bad count", byteLength: 3, count: 3, expected: "bad count" },
    { reason: "eof", byteLength: 3, count: 5, expected: "got 3 of 5 bytes" },
    { reason: "eof", byteLength: 5, count: 5, expected: "no end" },
    { reason: "eof", byteLength: 5, count: null, expected: "no end" },
  ] as const,
)(
  "Decoded.errorCode after $reason with $byteLength bytes of $count is $expected",
  ({ reason, byteLength, count, expected }) => {
    const decoded = new Decoded(reason, [], byteLength, -1, count);
    assertEquals(decoded.errorCode, expected);
  },
);
