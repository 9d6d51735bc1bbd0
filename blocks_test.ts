import {
  assertEquals,
  assertNotStrictEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { BlockPool, NoRoomError, SMALLEST_BLOCK } from "./blocks.ts";

Deno.test("BlockPool lends no block twice at a time", () => {
  const pool = new BlockPool(Infinity, Infinity);
  const loan = pool.loan();
  const first = loan.lend(1);
  const second = pool.loan().lend(1);
  assertNotStrictEquals(first.buffer, second.buffer);
  loan.giveBack();
  assertStrictEquals(pool.loan().lend(1), first);
  assertNotStrictEquals(pool.loan().lend(1), first);
});

Deno.test("BlockPool counts what it lends, and stops at its bound", () => {
  const pool = new BlockPool(3 * SMALLEST_BLOCK, Infinity);
  const loan = pool.loan();
  loan.lend(SMALLEST_BLOCK + 1); // twice as large
  loan.lend(1);
  assertEquals(pool.lentBytes, 3 * SMALLEST_BLOCK);
  assertThrows(() => pool.loan().lend(1), NoRoomError);
  loan.giveBack();
  assertEquals(pool.lentBytes, 0);
  pool.loan().lend(1);
});

Deno.test("BlockPool keeps no more than it is told to", () => {
  const pool = new BlockPool(Infinity, SMALLEST_BLOCK);
  const loan = pool.loan();
  const kept = loan.lend(1);
  const dropped = loan.lend(1);
  loan.giveBack();
  const again = [pool.loan().lend(1), pool.loan().lend(1)];
  assertEquals(again.map((block) => block === kept), [true, false]);
  assertEquals(again.includes(dropped), false);
});

Deno.test("Loan.giveBack() keeps the block that a read still writes to", () => {
  const pool = new BlockPool(Infinity, Infinity);
  const loan = pool.loan();
  loan.lend(1);
  const pending = loan.lend(1);
  loan.giveBack(pending.subarray(100));
  assertEquals(pool.lentBytes, SMALLEST_BLOCK);
  assertNotStrictEquals(pool.loan().lend(1), pending);
  loan.giveBack();
  assertStrictEquals(pool.loan().lend(1), pending);
});
