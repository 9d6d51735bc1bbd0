import {
  assert,
  assertEquals,
  assertNotStrictEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  BlockPool,
  LARGEST_BLOCK,
  nextBlockSize,
  NoRoomError,
  SMALLEST_BLOCK,
} from "./buffer_pool.ts";

Deno.test("BlockPool lends no byte twice at a time", () => {
  const pool = new BlockPool(4 * LARGEST_BLOCK, Infinity);
  let seed = 7;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >> 8) % below;
  };
  const sizes = [SMALLEST_BLOCK];
  while (sizes.at(-1) !== LARGEST_BLOCK) {
    sizes.push(nextBlockSize(sizes.at(-1)!));
  }
  const loans: { blocks: Uint8Array[]; giveBack(): void }[] = [];
  let refused = 0;
  for (let round = 1; round < 2000; round++) {
    const loan = pool.loan();
    const blocks: Uint8Array[] = [];
    try {
      for (let count = random(4); count >= 0; count--) {
        blocks.push(loan.lend(sizes[random(sizes.length)]!));
      }
    } catch (error) {
      if (!(error instanceof NoRoomError)) throw error;
      refused++;
    }
    // Everybody signs what is theirs, and finds it signed when they give back.
    for (const block of blocks) {
      new Uint32Array(block.buffer, block.byteOffset, 1)[0] = round;
    }
    const signed = () =>
      blocks.every((block) =>
        new Uint32Array(block.buffer, block.byteOffset, 1)[0] === round
      );
    loans.push({
      blocks,
      giveBack() {
        assert(signed());
        loan.giveBack();
      },
    });
    while (loans.length > random(12)) {
      loans.splice(random(loans.length), 1)[0]!.giveBack();
    }
    assert(pool.byteLength <= 4 * LARGEST_BLOCK);
  }
  assert(refused > 0);
  for (const loan of loans) loan.giveBack();
  for (let count = 0; count < 4; count++) pool.loan().lend(LARGEST_BLOCK);
});

Deno.test("BlockPool hands a block on when it is back", () => {
  const pool = new BlockPool(Infinity, Infinity);
  const loan = pool.loan();
  const first = loan.lend(1);
  assertEquals(first.length, SMALLEST_BLOCK);
  assertNotStrictEquals(pool.loan().lend(1), first);
  loan.giveBack();
  assertStrictEquals(pool.loan().lend(1), first);
});

Deno.test("BlockPool has no more memory than its bound", () => {
  const pool = new BlockPool(2 * LARGEST_BLOCK + 1, Infinity);
  const loans = [pool.loan(), pool.loan()];
  for (const loan of loans) loan.lend(LARGEST_BLOCK);
  assertThrows(() => pool.loan().lend(1), NoRoomError);
  assertEquals(pool.byteLength, 2 * LARGEST_BLOCK);
  loans[0]?.giveBack();
  // What a large message has left serves small ones.
  const small = pool.loan();
  for (let count = 0; count < LARGEST_BLOCK / SMALLEST_BLOCK; count++) {
    small.lend(1);
  }
  assertThrows(() => pool.loan().lend(1), NoRoomError);
  small.giveBack();
  pool.loan().lend(LARGEST_BLOCK);
  assertEquals(pool.byteLength, 2 * LARGEST_BLOCK);
});

Deno.test("BlockPool with a small bound has small blocks", () => {
  const pool = new BlockPool(SMALLEST_BLOCK, 0);
  assertEquals(pool.loan().lend(LARGEST_BLOCK).length, SMALLEST_BLOCK);
  assertThrows(() => new BlockPool(10, 0).loan().lend(1), NoRoomError);
});

Deno.test("BlockPool lets go of what it need not keep", () => {
  const pool = new BlockPool(Infinity, LARGEST_BLOCK);
  const loan = pool.loan();
  for (let count = 0; count < 3; count++) loan.lend(LARGEST_BLOCK);
  assertEquals(pool.byteLength, 3 * LARGEST_BLOCK);
  loan.giveBack();
  assertEquals(pool.byteLength, 2 * LARGEST_BLOCK);
});

Deno.test("Loan.giveBack() keeps the block that a read still writes to", () => {
  const pool = new BlockPool(Infinity, Infinity);
  const loan = pool.loan();
  const first = loan.lend(1);
  const pending = loan.lend(1);
  loan.giveBack(pending.subarray(100));
  assertStrictEquals(pool.loan().lend(1), first);
  assertNotStrictEquals(pool.loan().lend(1), pending);
  loan.giveBack();
  assertStrictEquals(pool.loan().lend(1), pending);
});

Deno.test("BlockPool leaves room for small messages beside large ones", () => {
  const pool = new BlockPool(16 * LARGEST_BLOCK, Infinity);
  const large = pool.loan();
  for (let count = 0; count < 14; count++) large.lend(LARGEST_BLOCK);
  assertThrows(() => large.lend(LARGEST_BLOCK), NoRoomError);
  const small = pool.loan();
  for (let count = 0; count < 2 * LARGEST_BLOCK / SMALLEST_BLOCK; count++) {
    small.lend(1);
  }
  assertThrows(() => small.lend(1), NoRoomError);
});
