import { assertEquals, assertRejects } from "@std/assert";
import { openChunks } from "./chunk_reader.ts";
import { freshBlocks, ReadBuffer } from "./read_buffer.ts";

const EMPTY = new Uint8Array(0);

/** A buffer, for readers: a stream has its own memory. */
function newBuffer(): ReadBuffer {
  return new ReadBuffer(freshBlocks, 1000);
}

Deno.test("openChunks() passes on no empty chunk of a stream", async () => {
  const bytes = [EMPTY, Uint8Array.of(1), EMPTY, EMPTY, Uint8Array.of(2)];
  using chunks = openChunks(ReadableStream.from(bytes), newBuffer());
  assertEquals(await chunks.next(), Uint8Array.of(1));
  assertEquals(await chunks.next(), Uint8Array.of(2));
  assertEquals(await chunks.next(), null);
});

Deno.test("openChunks() rejects a source that returns nothing 100 times", async () => {
  let reads = 0;
  const reader = { read: () => Promise.resolve(reads++ * 0) };
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(EMPTY),
  });
  for (const source of [reader, stream]) {
    using chunks = openChunks(source, newBuffer());
    await assertRejects(() => chunks.next(), Error, "Cannot trust the");
  }
  assertEquals(reads, 100);
});
