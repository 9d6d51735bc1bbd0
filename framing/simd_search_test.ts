import { assert, assertEquals } from "@std/assert";
import { indexOfNeedle } from "@std/bytes";
import { Random } from "../tests/random.ts";
import { MarkerSet } from "./marker_set.ts";
import { MIN_SIMD_BYTES, simdSearch } from "./simd_search.ts";

const encoder = new TextEncoder();

/** Random bytes from 0 to `letters - 1`. */
function randomBytes(random: Random, length: number, letters: number) {
  return Uint8Array.from({ length }, () => random.int(0, letters - 1));
}

/** Asserts that a search says what a plain search says, as far as it says. */
function assertSearch(
  marker: Uint8Array,
  bytes: Uint8Array,
  from: number,
  to: number,
): number {
  const place = indexOfNeedle(bytes.subarray(0, to), marker, from);
  const end = place < 0 ? -1 : place + marker.length;
  const found = simdSearch(marker, bytes, from, to);
  if (found >= 0) assertEquals(found, end);
  else {
    assert(~found >= from && ~found <= to, `${~found} of ${from} to ${to}`);
    assert(place < 0 || place >= ~found, `${place} is before ${~found}`);
  }
  return found;
}

Deno.test("simdSearch() finds what indexOfNeedle() finds", () => {
  const random = new Random(1);
  for (let round = 0; round < 300; round++) {
    const letters = [2, 3, 10, 256][round % 4]!;
    const length = random.int(1, random.int(0, 1) ? 300 : 8);
    const marker = randomBytes(random, length, letters);
    const size = random.int(MIN_SIMD_BYTES, 40_000);
    // Not aligned, and in the middle of a larger buffer.
    const whole = randomBytes(random, size + 20, letters);
    const bytes = whole.subarray(random.int(0, 9), size);
    if (round % 3) bytes.set(marker, random.int(0, size - 1000));
    assertSearch(marker, bytes, random.int(0, 50), bytes.length);
  }
});

Deno.test.each([1, 2, 3, 4, 5, 19, 64, 255, 256, 257, 300].map((length) => ({
  length,
})))(
  "simdSearch() finds a marker in any place: $length bytes",
  ({ length }) => {
    const random = new Random(length);
    const marker = randomBytes(random, length, 256);
    const size = 150_000;
    const bytes = new Uint8Array(size).fill(marker[0]! ^ 1);
    const from = 5;
    // Pieces begin near these places: each is twice as long, up to 64 KiB.
    for (const seam of [0, 4096, 12288, 28672, 61440, 126976, size - length]) {
      for (
        let at = Math.max(from, seam - length - 70);
        at < Math.min(seam + 70, size - length + 1);
        at += length > 100 ? 7 : 3
      ) {
        const before = bytes.slice(at, at + length);
        bytes.set(marker, at);
        const found = assertSearch(marker, bytes, from, size);
        // The last few bytes are left to others.
        if (at < size - length - 63 - 256) assertEquals(found, at + length);
        else assert(found > 0 || ~found > size - length - 64 - 256);
        // A marker that is not complete is not found.
        assert(simdSearch(marker, bytes, from, at + length - 1) < 0);
        bytes.set(before, at);
      }
    }
  },
);

Deno.test("simdSearch() leaves few bytes to others", () => {
  const bytes = new Uint8Array(MIN_SIMD_BYTES).fill(1);
  bytes[100] = 0;
  const marker = new Uint8Array(1);
  assertEquals(simdSearch(marker, bytes, 0, bytes.length - 1), ~0);
  assertEquals(simdSearch(marker, bytes, 1, bytes.length), ~1);
  assertEquals(simdSearch(marker, bytes, 0, bytes.length), 101);
});

/** A marker that counts how often one of its bytes is compared. */
function countedMarker(text: string) {
  let compared = 0;
  const marker = new Proxy(encoder.encode(text), {
    get(target, property) {
      if (typeof property === "string" && /^\d+$/.test(property)) compared++;
      return Reflect.get(target, property, target);
    },
  });
  return { marker, compared: () => compared };
}

Deno.test.each([
  { name: "every place, short", marker: "aa" + "b" + "aa", part: "a" },
  {
    name: "every place, long",
    marker: "a".repeat(150) + "b" + "a".repeat(149),
    part: "a",
  },
  { name: "every eighth", marker: "abqqqqcd", part: "abxxxxcd" },
  {
    name: "all but the last bytes",
    marker: "q".repeat(299) + "w",
    part: "q".repeat(298) + "x",
  },
])("simdSearch() ends early on hostile data: $name", ({ marker, part }) => {
  const bytes = encoder.encode(part.repeat(1e6 / part.length));
  const counted = countedMarker(marker);
  const found = simdSearch(counted.marker, bytes, 0, bytes.length);
  assert(found < 0);
  assert(~found < 10_000, `after ${~found} bytes`);
  assert(counted.compared() < 2000, `${counted.compared()} bytes compared`);
});

Deno.test("simdSearch() goes on where few places resemble the marker", () => {
  const part = "SERVER WRONG XARKER".padEnd(100, "the ");
  const bytes = encoder.encode(part.repeat(1000) + "SERVER WRONG MARKER");
  const marker = encoder.encode("SERVER WRONG MARKER");
  const found = simdSearch(marker, bytes, 0, bytes.length);
  assert(~found > 99_000, `${found}`);
});

/** Ends of messages in `bytes`, fed in chunks of random lengths. */
function scan(set: MarkerSet, bytes: Uint8Array, most: number, random: Random) {
  const scanner = set.scanner();
  const ends: number[] = [];
  for (let from = 0; from < bytes.length;) {
    const chunk = bytes.slice(from, from + random.int(1, most));
    for (let at = 0; at < chunk.length;) {
      const offset = scanner.feed(chunk.subarray(at));
      if (offset < 0) break;
      at += offset;
      ends.push(from + at);
    }
    from += chunk.length;
  }
  return ends;
}

Deno.test("feed() finds long messages in chunks of any length", () => {
  const random = new Random(2);
  for (let round = 0; round < 60; round++) {
    const letters = [2, 5, 26, 256][round % 4]!;
    const length = random.int(1, round % 3 ? 30 : 300);
    const marker = randomBytes(random, length, letters);
    const bytes = randomBytes(random, 100_000, letters);
    for (let i = random.int(0, 3); i > 0; i--) {
      bytes.set(marker, random.int(0, bytes.length - length));
    }
    const expected: number[] = [];
    for (let at = 0;;) {
      at = indexOfNeedle(bytes, marker, at);
      if (at < 0) break;
      expected.push(at += length);
    }
    const set = new MarkerSet([marker]);
    for (const most of [100_000, 20_000, 7000]) {
      assertEquals(scan(set, bytes, most, random), expected, `round ${round}`);
    }
  }
});
