import { assert, assertEquals } from "@std/assert";
import { Slab, type SlabBlock } from "./slab.ts";

const KIB = 1024;

/** Takes all blocks of one size. */
function takeAll(slab: Slab, byteLength: number): SlabBlock[] {
  const blocks: SlabBlock[] = [];
  for (;;) {
    const block = slab.take(byteLength);
    if (block === undefined) return blocks;
    blocks.push(block);
  }
}

Deno.test("Slab is one block again when all of its blocks came back", () => {
  const slab = new Slab(16 * KIB);
  for (const size of [1, 2, 4, 8, 16]) {
    const blocks = takeAll(slab, size * KIB);
    assertEquals([blocks.length, slab.usedBytes], [16 / size, 16 * KIB]);
    // Halves join in any order.
    for (const block of blocks.filter((_, i) => i % 2 === 1)) {
      slab.putBack(block);
    }
    for (const block of blocks.filter((_, i) => i % 2 === 0)) {
      slab.putBack(block);
    }
    assertEquals(slab.usedBytes, 0);
    const all = slab.take(16 * KIB);
    assert(all !== undefined, `after blocks of ${size} KiB`);
    slab.putBack(all);
  }
});

Deno.test("Slab joins halves of one parent only", () => {
  const slab = new Slab(4 * KIB);
  const blocks = takeAll(slab, KIB);
  // The second and the third quarter are neighbours, and not halves of one.
  slab.putBack(blocks[1]!);
  slab.putBack(blocks[2]!);
  assertEquals(slab.take(2 * KIB), undefined);
  slab.putBack(blocks[0]!);
  assertEquals(slab.take(2 * KIB)?.bytes.byteOffset, 0);
});

Deno.test("Slab leases no block once it is retired, and takes blocks back", () => {
  const slab = new Slab(4 * KIB);
  const block = slab.take(KIB)!;
  slab.isRetired = true;
  assertEquals(slab.take(KIB), undefined);
  slab.putBack(block);
  assertEquals([slab.usedBytes, slab.take(KIB)], [0, undefined]);
});
