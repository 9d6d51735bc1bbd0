import { assertEquals, assertStrictEquals } from "@std/assert";
import { ReadAhead } from "./read_ahead.ts";

Deno.test("ReadAhead takes larger blocks for a source that fills them", () => {
  const memory = new ReadAhead();
  const sizes = Array.from({ length: 5 }, () => {
    const free = memory.beginRead();
    return memory.endRead(free.length).length;
  });
  assertEquals(sizes, [1024, 8192, 65_536, 65_536, 65_536]);
});

Deno.test("ReadAhead fills one block with small reads", () => {
  const memory = new ReadAhead();
  const blocks = new Set<ArrayBufferLike>();
  for (let read = 0; read < 2048; read++) {
    const free = memory.beginRead();
    free[0] = read;
    const chunk = memory.endRead(1);
    assertEquals(chunk, Uint8Array.of(read));
    blocks.add(chunk.buffer);
  }
  assertEquals(blocks.size, 3);
});

Deno.test("ReadAhead returns memory again that was not read into", () => {
  const memory = new ReadAhead();
  memory.beginRead();
  memory.endRead(100);
  const free = memory.beginRead();
  assertEquals(memory.endRead(0).length, 0);
  assertStrictEquals(memory.beginRead().buffer, free.buffer);
  assertEquals(memory.beginRead().byteOffset, free.byteOffset);
});
