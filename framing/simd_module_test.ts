import { assert, assertEquals } from "@std/assert";
import { Random } from "../tests/random.ts";
import { type Find, simdModule } from "./simd_module.ts";

const { exports } = new WebAssembly.Instance(
  new WebAssembly.Module(simdModule()),
);
const memory = new Uint8Array(
  (exports.memory as WebAssembly.Memory).buffer,
);
const find = exports.find as Find;

/** What `find` has to return, by brute force. */
const plainFind: Find = (at, end, bytes, toSecond, toThird, toLast) => {
  const isAt = (place: number) =>
    [0, toSecond, toThird, toLast].every((distance, i) =>
      memory[place + distance] === (bytes >>> 8 * i & 255)
    );
  // It searches 64 places, or none.
  while (at + 64 + toLast <= end) {
    for (const stop = at + 64; at < stop; at++) if (isAt(at)) return at;
  }
  return ~at;
};

Deno.test("simdModule() has one page of memory, which does not grow", () => {
  assertEquals(memory.length, 65536);
  assertEquals(Object.keys(exports).toSorted(), ["find", "memory"]);
});

Deno.test("find() finds the first place of four bytes", () => {
  const random = new Random(1);
  for (let round = 0; round < 400; round++) {
    const letters = random.int(1, 4);
    for (let i = 0; i < 2000; i++) memory[i] = random.int(0, letters);
    const last = random.int(0, round % 2 ? 3 : 300);
    const distances = [random.int(0, last), random.int(0, last), last];
    const bytes = Array.from({ length: 4 }, () => random.int(0, letters));
    const word = bytes.reduce((word, byte, i) => word | byte << 8 * i, 0);
    const [toSecond = 0, toThird = 0, toLast = 0] = distances;
    for (let at = random.int(0, 100), end = random.int(0, 2000);;) {
      const args = [at, end, word, toSecond, toThird, toLast] as const;
      const found = find(...args);
      assertEquals(found, plainFind(...args), `round ${round}: ${args}`);
      if (found < 0) break;
      at = found + 1;
    }
  }
});

// Neighbours differ from the right bytes in one bit, the highest or lowest:
// a carry from one to the next would be seen.
Deno.test("find() compares all bits of a byte, in each place", () => {
  for (const byte of [0, 1, 127, 128, 254, 255]) {
    const word = Math.imul(byte, 0x01010101);
    for (const wrong of [byte ^ 1, byte ^ 128]) {
      for (let place = 0; place < 128; place++) {
        memory.fill(wrong, 0, 256).fill(byte, place, place + 4);
        assertEquals(find(0, 256, word, 1, 2, 3), place);
      }
    }
  }
});

Deno.test("find() reads its memory up to the last byte, and none beyond", () => {
  memory.fill(0);
  memory[65535] = 1;
  assertEquals(find(65535 - 63, 65536, 0x01010101, 0, 0, 0), 65535);
  assertEquals(find(65535 - 62, 65536, 0x01010101, 0, 0, 0), ~(65535 - 62));
  const near = find(65535 - 255 - 63, 65536, 0x01000000, 1, 254, 255);
  assertEquals(near, 65535 - 255);
  assert(find(0, 20, 0, 1, 2, 3) === ~0, "an end before the first 64 places");
});
