import { assertStrictEquals } from "@std/assert";
import { WriteQueue } from "./write_queue.ts";

Deno.test("WriteQueue keeps no empty chunk, which nothing would take", () => {
  const queue = new WriteQueue();
  const reply = new Uint8Array(1);
  for (const chunk of [new Uint8Array(0), reply]) queue.push(chunk);
  // The only chunk is not copied.
  assertStrictEquals(queue.take(), reply);
});
