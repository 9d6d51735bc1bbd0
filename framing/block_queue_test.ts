import { assertEquals, assertThrows } from "@std/assert";
import { BlockQueue } from "./block_queue.ts";
import { type Block, BufferLimitError } from "./read_buffer.ts";

/** A queue over fresh blocks, and the sizes of those that are leased. */
function queueOver(maxBytes = Infinity) {
  const leased: Block[] = [];
  const sizes = () => leased.map(({ bytes }) => bytes.length);
  const queue = new BlockQueue({
    acquire(byteLength) {
      const held = sizes().reduce((sum, size) => sum + size, 0);
      if (held + byteLength > maxBytes) throw new BufferLimitError("full");
      const block = { bytes: new Uint8Array(byteLength) };
      leased.push(block);
      return block;
    },
    release: (block) => void leased.splice(leased.indexOf(block), 1),
    abandon: () => {
      throw new Error("Nobody else reads");
    },
  });
  const read = (byteLength: number) => {
    queue.beginRead();
    return queue.endRead(byteLength);
  };
  return { queue, read, sizes };
}

Deno.test("BlockQueue reads on in a block, and releases it when all is consumed", () => {
  const { queue, read, sizes } = queueOver();
  const first = read(600);
  const second = read(400);
  assertEquals(first.buffer, second.buffer);
  queue.takeBack(600);
  assertEquals(sizes(), [1024]);
  queue.takeBack(400);
  assertEquals(sizes(), []);
});

Deno.test("BlockQueue gives larger blocks to a peer that fills them, also once they were consumed", () => {
  const { queue, read, sizes } = queueOver();
  read(1024);
  queue.takeBack(1024);
  assertEquals(queue.beginRead().length, 128 * 1024);
  queue.endRead(128 * 1024);
  queue.takeBack(128 * 1024);
  assertEquals(queue.beginRead().length, 512 * 1024);
  queue.endRead(1);
  queue.takeBack(1);
  assertEquals(queue.beginRead().length, 1024);
  assertEquals(sizes(), [1024]);
});

Deno.test("BlockQueue keeps the block of a pending read, whatever is consumed", () => {
  const { queue, read, sizes } = queueOver();
  read(10);
  const free = queue.beginRead();
  queue.takeBack(10);
  assertEquals(sizes(), [1024]);
  free.set([1, 2, 3]);
  assertEquals([...queue.endRead(3)], [1, 2, 3]);
  assertEquals(sizes(), [1024]);
  queue.takeBack(3);
  assertEquals(sizes(), []);
});

Deno.test("BlockQueue releases a block that nothing was read into", () => {
  const { queue, read, sizes } = queueOver();
  assertEquals(read(0).length, 0);
  assertEquals(sizes(), []);
  read(1024);
  queue.beginRead();
  queue.takeBack(1024);
  assertEquals(sizes().length, 1);
  queue.endRead(0);
  assertEquals(sizes(), []);
});

Deno.test("BlockQueue takes bytes back over several blocks", () => {
  const { queue, read, sizes } = queueOver();
  read(1024);
  read(100);
  read(100);
  queue.takeBack(1023);
  assertEquals(sizes(), [1024, 128 * 1024]);
  queue.takeBack(101);
  assertEquals(sizes(), [128 * 1024]);
  queue.takeBack(100);
  assertEquals(sizes(), []);
});

Deno.test("BlockQueue.finish() releases all, that of a pending read when it ends", () => {
  const { queue, read, sizes } = queueOver();
  read(1024);
  queue.beginRead();
  queue.finish();
  assertEquals(sizes().length, 2);
  queue.endRead(5);
  assertEquals(sizes(), []);
});

Deno.test("BlockQueue passes on that memory is short, and goes on afterwards", () => {
  const { queue, read, sizes } = queueOver(2000);
  read(1024);
  assertThrows(() => queue.beginRead(), BufferLimitError);
  queue.takeBack(1024);
  assertEquals(sizes(), []);
});
