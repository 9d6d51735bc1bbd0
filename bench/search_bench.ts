// The speed of the search for the end marker, in memory, copying included: each
// chunk is copied into a buffer, as a read would do, and fed to the scanner.
// The baseline is @std's `indexOfNeedle` over the same bytes, copied as one
// chunk.
//
//   deno bench bench/search_bench.ts
//
// The speed in GB/s is the number of bytes in a name divided by the
// nanoseconds: 1048576 B in 262 µs are 4 GB/s. The run takes a minute and a
// half.

import { indexOfNeedle } from "@std/bytes";
import { MarkerSet } from "../framing/marker_set.ts";

const MiB = 1 << 20;
const CHUNK = 64 << 10;

const encoder = new TextEncoder();
const a = (count: number) => "a".repeat(count);

function repeated(text: string, length: number): Uint8Array {
  const period = encoder.encode(text);
  return Uint8Array.from({ length }, (_, i) => period[i % period.length]!);
}

/** Pseudorandom numbers, the same in every run. */
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

/** Common words in lines of text, some of them capitalized. */
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

/** Searches `data` for a marker that it does not hold, fed in chunks. */
function bench(
  group: string,
  name: string,
  markers: readonly Uint8Array[],
  data: Uint8Array,
  chunkSize: number,
): void {
  const buffer = new Uint8Array(chunkSize);
  const set = new MarkerSet(markers);
  const what = `${name}, ${data.length} B in chunks of ${chunkSize}`;
  Deno.bench(what, { group }, () => {
    const scanner = set.scanner();
    for (let at = 0; at < data.length; at += chunkSize) {
      const chunk = data.subarray(at, at + chunkSize);
      buffer.set(chunk);
      if (scanner.feed(buffer.subarray(0, chunk.length)) >= 0) {
        throw new Error("The data holds the marker");
      }
    }
  });
}

function baseline(group: string, marker: Uint8Array, data: Uint8Array): void {
  const buffer = new Uint8Array(data.length);
  const name = `indexOfNeedle, ${data.length} B`;
  Deno.bench(name, { group, baseline: true }, () => {
    buffer.set(data);
    if (indexOfNeedle(buffer, marker) >= 0) {
      throw new Error("The data holds the marker");
    }
  });
}

const ordinary = [
  ["repetitive", repeated("abcdefgh", MiB)],
  ["random", randomBytes(MiB)],
  ["English", encoder.encode(english(MiB))],
] as const;

// No marker is in the data, or the search would end there.
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
    // Random bytes hold every marker of one byte, and some of two.
    const data = marker.length > 2 ? bytes : bytes.map((b) => b === 28 ? 0 : b);
    const group = `${length}, ${kind}`;
    baseline(group, marker, data);
    bench(group, "feed", [marker], data, CHUNK);
  }
}

// Less data, for the baseline takes hundreds of times as long.
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
  baseline(group, encoder.encode(marker), repeated(data, CHUNK));
  for (const size of [CHUNK, 8 << 10]) {
    bench(group, "feed", [encoder.encode(marker)], repeated(data, CHUNK), size);
  }
}

const text = encoder.encode(english(CHUNK));
for (const [name, marker] of [markers[2], markers[3]]) {
  const group = `small chunks: ${name}, English`;
  baseline(group, marker, text);
  for (const size of [CHUNK, 8 << 10, 1 << 10, 1]) {
    bench(group, "feed", [marker], text, size);
  }
}

const two = [markers[3][1], markers[2][1]];
baseline("several", two[0]!, text);
bench("several", "feed, two markers", two, text, CHUNK);

const message = encoder.encode("a1234SERVER WRONG MARKER");
const scanner = new MarkerSet([markers[3][1]]).scanner();
baseline("small", markers[3][1], message.subarray(0, -1));
Deno.bench(`feed, a message of ${message.length} B`, { group: "small" }, () => {
  scanner.feed(message);
});
Deno.bench("MarkerSet and feed, the same", { group: "small" }, () => {
  new MarkerSet([markers[3][1]]).scanner().feed(message);
});
