import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { type Block, type BlockSource, ReadBuffer } from "./read_buffer.ts";

/** A source that counts how often each block came back, and how. */
class CountingSource implements BlockSource {
  readonly events: string[] = [];
  readonly leased = new Map<Block, number>();
  #count = 0;

  acquire(byteLength: number): Block {
    const block = { bytes: new Uint8Array(byteLength) };
    this.leased.set(block, this.#count++);
    return block;
  }

  release(block: Block): void {
    this.#end("release", block);
  }

  abandon(block: Block): void {
    this.#end("abandon", block);
  }

  #end(how: string, block: Block): void {
    const number = this.leased.get(block);
    assert(number !== undefined, "the block is not leased");
    this.leased.delete(block);
    this.events.push(`${how} ${number}`);
  }
}

/** Reads this many bytes, in as many reads as it takes. */
function fill(buffer: ReadBuffer, byteLength: number): void {
  while (byteLength > 0) {
    const count = Math.min(byteLength, buffer.beginRead().length);
    buffer.endRead(count);
    byteLength -= count;
  }
}

Deno.test("ReadBuffer returns chunks that lie next to each other", () => {
  const buffer = new ReadBuffer(new CountingSource(), 2000);
  const first = buffer.beginRead();
  first.set([1, 2, 3]);
  const chunk = buffer.endRead(3);
  assertEquals(chunk, Uint8Array.of(1, 2, 3));
  const second = buffer.beginRead();
  assertStrictEquals(second.buffer, first.buffer);
  assertEquals(second.byteOffset, first.byteOffset + 3);
  assertEquals(buffer.endRead(0).length, 0);
});

Deno.test("ReadBuffer takes no block larger than can matter", () => {
  const source = new CountingSource();
  const buffer = new ReadBuffer(source, 5000);
  fill(buffer, 5000);
  assertEquals([...source.leased.keys()].map(({ bytes }) => bytes.length), [
    1024,
    5000 - 1024,
  ]);
});

Deno.test("ReadBuffer leases the same for each message of a connection", () => {
  const leases: [number, number][] = [];
  const source = new CountingSource();
  const buffer = new ReadBuffer({
    acquire(byteLength, heldBytes) {
      leases.push([byteLength, heldBytes]);
      return source.acquire(byteLength);
    },
    release: (block) => source.release(block),
    abandon: (block) => source.abandon(block),
  }, 200_000);
  const expected = [[1024, 0], [131_072, 1024], [67_904, 132_096]];
  for (let message = 0; message < 3; message++) {
    fill(buffer, 200_000);
    assertEquals(leases.splice(0), expected as [number, number][]);
    buffer.nextMessage(0);
  }
});

Deno.test("ReadBuffer releases each block once, at the end of the message", () => {
  const source = new CountingSource();
  const buffer = new ReadBuffer(source, 1e9);
  fill(buffer, 3000);
  assertEquals(source.events, []);
  buffer.nextMessage(0);
  assertEquals(source.events, ["release 0", "release 1"]);
  fill(buffer, 10);
  buffer.finish();
  buffer.finish();
  assertEquals(source.events.slice(2), ["release 2"]);
});

Deno.test("ReadBuffer keeps the block of a pending read until it has ended", () => {
  const source = new CountingSource();
  const buffer = new ReadBuffer(source, 1e9);
  fill(buffer, 2000);
  buffer.beginRead();
  buffer.finish();
  assertEquals(source.events, ["release 0"]);
  buffer.endRead(7);
  assertEquals(source.events, ["release 0", "release 1"]);
});

Deno.test("ReadBuffer keeps the block of a pending first read", () => {
  const source = new CountingSource();
  const buffer = new ReadBuffer(source, 1e9);
  const free = buffer.beginRead();
  buffer.finish();
  assertEquals(source.events, []);
  free.fill(1);
  buffer.endRead(free.length);
  assertEquals(source.events, ["release 0"]);
});

Deno.test("ReadBuffer keeps a new block of which a read is pending", () => {
  const source = new CountingSource();
  const buffer = new ReadBuffer(source, 1e9);
  fill(buffer, 1024);
  buffer.beginRead();
  buffer.finish();
  assertEquals(source.events, ["release 0"]);
  buffer.endRead(0);
  assertEquals(source.events, ["release 0", "release 1"]);
});

Deno.test("ReadBuffer keeps all blocks for a handler that was interrupted", async () => {
  const source = new CountingSource();
  const buffer = new ReadBuffer(source, 1e9);
  fill(buffer, 2000);
  const handler = Promise.withResolvers<void>();
  const other = Promise.withResolvers<void>();
  buffer.holdUntil(handler.promise);
  buffer.holdUntil(other.promise);
  // A read that is pending ends before the handlers do.
  buffer.beginRead();
  buffer.finish();
  buffer.endRead(0);
  handler.resolve();
  await handler.promise;
  assertEquals(source.events, []);
  other.reject(new Error("failed"));
  await other.promise.catch(() => {});
  await Promise.resolve();
  assertEquals(source.events, ["release 0", "release 1"]);
});

Deno.test("ReadBuffer keeps the block of a pending read when the handler ends first", async () => {
  const source = new CountingSource();
  const buffer = new ReadBuffer(source, 1e9);
  fill(buffer, 10);
  const handler = Promise.withResolvers<void>();
  buffer.holdUntil(handler.promise);
  buffer.beginRead();
  buffer.finish();
  handler.resolve();
  await handler.promise;
  await Promise.resolve();
  assertEquals(source.events, []);
  buffer.endRead(1);
  assertEquals(source.events, ["release 0"]);
});

Deno.test("ReadBuffer keeps the block with the start of the next message", () => {
  const source = new CountingSource();
  const buffer = new ReadBuffer(source, 1e9);
  fill(buffer, 2000);
  buffer.nextMessage(5);
  assertEquals(source.events, ["release 0"]);
  fill(buffer, 1);
  assertEquals(source.leased.size, 1);
  buffer.nextMessage(0);
  assertEquals(source.events, ["release 0", "release 1"]);
});

Deno.test("ReadBuffer abandons the blocks of an iterable that was broken off", () => {
  const source = new CountingSource();
  const buffer = new ReadBuffer(source, 1e9);
  fill(buffer, 2000);
  buffer.abandon();
  buffer.beginRead();
  buffer.finish();
  assertEquals(source.events, ["abandon 0"]);
  buffer.endRead(3);
  assertEquals(source.events, ["abandon 0", "abandon 1"]);
});

Deno.test("ReadBuffer abandons a block that the next message shares", () => {
  const source = new CountingSource();
  const buffer = new ReadBuffer(source, 1e9);
  fill(buffer, 100);
  buffer.abandon();
  buffer.nextMessage(50);
  assertEquals(source.events, []);
  buffer.nextMessage(0);
  assertEquals(source.events, ["abandon 0"]);
  fill(buffer, 100);
  buffer.finish();
  assertEquals(source.events, ["abandon 0", "release 1"]);
});

Deno.test("ReadBuffer stays usable when the source has reached its bound", () => {
  const source = new CountingSource();
  const buffer = new ReadBuffer({
    acquire(byteLength) {
      if (source.leased.size === 1) throw new Error("limit");
      return source.acquire(byteLength);
    },
    release: (block) => source.release(block),
    abandon: (block) => source.abandon(block),
  }, 1e9);
  fill(buffer, 1024);
  let refused = false;
  try {
    buffer.beginRead();
  } catch {
    refused = true;
  }
  assert(refused);
  buffer.finish();
  assertEquals(source.events, ["release 0"]);
});

Deno.test("ReadBuffer does not release what is held at the end of a message", () => {
  const source = new CountingSource();
  const buffer = new ReadBuffer(source, 1e9);
  fill(buffer, 2000);
  buffer.holdUntil(new Promise(() => {}));
  buffer.nextMessage(0);
  assertEquals(source.events, ["abandon 0", "abandon 1"]);
});
