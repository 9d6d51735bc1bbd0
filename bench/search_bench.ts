// How fast the end marker is found, from memory, copying included: each piece
// is copied into a block, as a read would do, and the block is fed. The
// baseline is @std's `indexOfNeedle` over the same bytes, copied in one piece.
//
//   deno bench bench/search_bench.ts
//
// GB/s are the bytes in a name divided by the nanoseconds: 1048576 B in 262 µs
// are 4 GB/s. A minute and a half in all.

import { indexOfNeedle } from "@std/bytes";
import { EndMarkers } from "../search.ts";

const MiB = 1 << 20;
const BLOCK = 64 << 10;

const encoder = new TextEncoder();
const a = (count: number) => "a".repeat(count);

function repeated(text: string, length: number): Uint8Array {
  const period = encoder.encode(text);
  return Uint8Array.from({ length }, (_, i) => period[i % period.length]!);
}

/** The same numbers in every run. */
function randomNumbers(seed: number): (below: number) => number {
  return (below) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * below);
  };
}

function randomBytes(length: number): Uint8Array {
  const random = randomNumbers(1);
  return Uint8Array.from({ length }, () => random(256));
}

/** Common words in lines of text, some of them with a capital. */
function english(length: number): string {
  const words =
    ("the of and to in is that it was for as with his on be at by " +
      "had this not are but from or have an they which one you were her all " +
      "there would their we him been has when who will more no if out so said " +
      "what up its about into than them can only other new some could time")
      .split(" ");
  const random = randomNumbers(2);
  let text = "";
  for (let line = 0; text.length < length;) {
    const word = words[Math.min(random(words.length), random(words.length))]!;
    text += random(10) ? word : word[0]!.toUpperCase() + word.slice(1);
    line += word.length + 1;
    text += line > 66 ? "\r\n" : random(9) ? " " : ", ";
    if (line > 66) line = 0;
  }
  return text.slice(0, length);
}

/** Searches `data` for a marker that is not in it, fed in pieces of `cut`. */
function bench(
  group: string,
  name: string,
  markers: readonly Uint8Array[],
  data: Uint8Array,
  cut: number,
): void {
  const block = new Uint8Array(cut);
  const prepared = new EndMarkers(markers);
  Deno.bench(`${name}, ${data.length} B in feeds of ${cut}`, { group }, () => {
    const scan = prepared.scan();
    for (let at = 0; at < data.length; at += cut) {
      const piece = data.subarray(at, at + cut);
      block.set(piece);
      if (scan.feed(block.subarray(0, piece.length)) >= 0) {
        throw new Error("The marker was to be missing");
      }
    }
  });
}

function baseline(group: string, marker: Uint8Array, data: Uint8Array): void {
  const block = new Uint8Array(data.length);
  const name = `indexOfNeedle, ${data.length} B`;
  Deno.bench(name, { group, baseline: true }, () => {
    block.set(data);
    if (indexOfNeedle(block, marker) >= 0) {
      throw new Error("The marker was to be missing");
    }
  });
}

const ordinary = [
  ["repetitive", repeated("abcdefgh", MiB)],
  ["random", randomBytes(MiB)],
  ["English", encoder.encode(english(MiB))],
] as const;

// None of them is in the data, or the search would end there.
const markers = [
  ["1 byte", encoder.encode("\x1c")],
  ["2 bytes", encoder.encode("\x1c\r")],
  ["4 bytes", encoder.encode("\r\n\r\n")],
  ["19 bytes", encoder.encode("SERVER WRONG MARKER")],
  ["300 bytes", encoder.encode(english(298) + "QZ")],
  ["1000 bytes", encoder.encode(english(998) + "QZ")],
] as const;

for (const [length, marker] of markers) {
  for (const [kind, bytes] of ordinary) {
    // Random bytes do hold a marker of one byte, and now and then of two.
    const data = marker.length > 2 ? bytes : bytes.map((b) => b === 28 ? 0 : b);
    const group = `${length}, ${kind}`;
    baseline(group, marker, data);
    bench(group, "feed", [marker], data, BLOCK);
  }
}

// Small data: here the baseline takes hundreds of times as long.
const hostile = [
  ["18 × a, b", a(18) + "b", "a"],
  ["b, 18 × a", "b" + a(18), "a"],
  ["999 × a, b", a(999) + "b", "a"],
  ["b, 999 × a", "b" + a(999), "a"],
  ["500 × a, b, 499 × a", a(500) + "b" + a(499), "a"],
  [
    "18 bytes of 19, again and again",
    "SERVER WRONG MARKER",
    "ERVER WRONG MARKER",
  ],
] as const;

for (const [name, marker, data] of hostile) {
  const group = `hostile: ${name}`;
  baseline(group, encoder.encode(marker), repeated(data, BLOCK));
  for (const cut of [BLOCK, 8 << 10]) {
    bench(group, "feed", [encoder.encode(marker)], repeated(data, BLOCK), cut);
  }
}

const text = encoder.encode(english(BLOCK));
for (const [name, marker] of [markers[2], markers[3]]) {
  const group = `cuts: ${name}, English`;
  baseline(group, marker, text);
  for (const cut of [BLOCK, 8 << 10, 1 << 10, 1]) {
    bench(group, "feed", [marker], text, cut);
  }
}

const two = [markers[3][1], markers[2][1]];
baseline("several", two[0]!, text);
bench("several", "feed, two markers", two, text, BLOCK);

const message = encoder.encode("a1234SERVER WRONG MARKER");
const ready = new EndMarkers([markers[3][1]]);
const ongoing = ready.scan();
baseline("small", markers[3][1], message.subarray(0, -1));
Deno.bench(`feed, a message of ${message.length} B`, { group: "small" }, () => {
  ongoing.feed(message);
});
Deno.bench("EndMarkers and feed, the same", { group: "small" }, () => {
  new EndMarkers([markers[3][1]]).scan().feed(message);
});
