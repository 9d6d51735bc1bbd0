import { concat } from "@std/bytes";
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { ByteQueue } from "./byte_queue.ts";

/** Chunks of their own memory: they are not merged. */
const chunk = (...bytes: number[]) => Uint8Array.from(bytes);

Deno.test("ByteQueue returns bytes in the order of their arrival", () => {
  const queue = new ByteQueue();
  queue.push(chunk(1, 2, 3));
  queue.push(chunk(4));
  queue.push(chunk(5, 6));
  assertEquals(queue.byteLength, 6);
  assertEquals(queue.take(2), [chunk(1, 2)]);
  assertEquals(queue.first, chunk(3));
  assertEquals(queue.take(3), [chunk(3), chunk(4), chunk(5)]);
  assertEquals([queue.byteLength, queue.first], [1, chunk(6)]);
  queue.drop(1);
  assertEquals([queue.byteLength, queue.first], [0, undefined]);
  assertEquals(queue.take(0), []);
});

Deno.test("ByteQueue prepends chunks that were taken", () => {
  const queue = new ByteQueue();
  queue.push(chunk(1));
  queue.push(chunk(2, 3));
  const taken = queue.take(2);
  queue.push(chunk(4));
  queue.prepend(taken);
  assertEquals(queue.byteLength, 4);
  assertEquals(concat(queue.take(4)), chunk(1, 2, 3, 4));
});

Deno.test("ByteQueue merges chunks that lie next to each other", () => {
  const bytes = chunk(1, 2, 3, 4);
  const queue = new ByteQueue();
  for (let at = 0; at < 4; at++) queue.push(bytes.subarray(at, at + 1));
  assertStrictEquals(queue.first?.buffer, bytes.buffer);
  assertEquals(queue.take(4), [bytes]);
});

Deno.test("ByteQueue shortens its first chunk", () => {
  const queue = new ByteQueue();
  const first = chunk(1, 2, 3);
  queue.push(first);
  queue.push(chunk(4));
  const end = first.subarray(2);
  queue.shortenFirst(end);
  assertEquals([queue.byteLength, queue.first], [2, end]);
  queue.shortenFirst(end.subarray(1));
  assertEquals([queue.byteLength, queue.first], [1, chunk(4)]);
});

Deno.test("ByteQueue agrees with one array of bytes", () => {
  let next = 0;
  let seed = 7;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * below);
  };
  const queue = new ByteQueue();
  let model: number[] = [];
  for (let round = 0; round < 20_000; round++) {
    // Grows for a while, and shrinks for a while.
    const isGrowing = round % 2000 < 1000;
    if (random(4) < (isGrowing ? 3 : 1)) {
      const bytes = Uint8Array.from({ length: 1 + random(3) }, () => next++);
      queue.push(bytes);
      model.push(...bytes);
    } else if (model.length > 0) {
      const count = random(Math.min(model.length, 9) + 1);
      const taken = queue.take(count);
      assertEquals(concat(taken), Uint8Array.from(model.slice(0, count)));
      if (random(3) === 0) queue.prepend(taken);
      else model = model.slice(count);
    }
    assert(queue.byteLength === model.length);
  }
  assertEquals(concat(queue.take(model.length)), Uint8Array.from(model));
});
