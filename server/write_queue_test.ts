import { assertEquals, assertStrictEquals } from "@std/assert";
import { WriteQueue } from "./write_queue.ts";

Deno.test("WriteQueue keeps no empty chunk, which nothing would take", () => {
  const queue = new WriteQueue();
  const reply = new Uint8Array(1);
  for (const chunk of [new Uint8Array(0), reply]) queue.push(chunk);
  const taken = queue.take()!;
  assertEquals(taken, reply);
  // The only chunk is not copied.
  assertStrictEquals(taken.buffer, reply.buffer);
});

Deno.test("WriteQueue joins chunks, and copies only those that lie apart", () => {
  const queue = new WriteQueue();
  const bytes = Uint8Array.from({ length: 15 }, (_, i) => i - 3).subarray(3);
  const parts = (...cuts: [number, number][]) => {
    for (const [index, [start, end]] of cuts.entries()) {
      if (index % 2 === 0) queue.push(bytes.subarray(start, end));
      else queue.pushSpan({ bytes, start, end });
    }
    assertEquals(
      queue.byteLength,
      cuts.reduce((sum, [start, end]) => sum + end - start, 0),
    );
    const taken = queue.take()!;
    assertEquals([queue.byteLength, queue.take()], [0, undefined]);
    return { taken, isCopy: taken.buffer !== bytes.buffer };
  };
  const neighbours = parts([2, 4], [4, 4], [4, 9], [9, 12]);
  assertEquals(neighbours, { taken: bytes.subarray(2), isCopy: false });
  // Neither a gap nor an overlap is joined over.
  for (
    const [cuts, expected] of [
      [[[0, 2], [3, 5]], [0, 1, 3, 4]],
      [[[0, 4], [3, 5]], [0, 1, 2, 3, 3, 4]],
      [[[4, 6], [0, 4]], [4, 5, 0, 1, 2, 3]],
      [[[4, 6], [6, 7], [0, 1], [1, 2], [8, 9]], [4, 5, 6, 0, 1, 8]],
    ] as [[number, number][], number[]][]
  ) {
    const { taken, isCopy } = parts(...cuts);
    assertEquals([...taken], expected);
    assertEquals(isCopy, true);
  }
  // Equal places in two buffers are not neighbours.
  queue.push(bytes.subarray(0, 4));
  queue.push(new Uint8Array(12).fill(9).subarray(4, 6));
  assertEquals([...queue.take()!], [0, 1, 2, 3, 9, 9]);
});
