import { assert, assertEquals, assertThrows } from "@std/assert";
import { concat, indexOfNeedle } from "@std/bytes";
import { MarkerSet } from "./marker_set.ts";

const encoder = new TextEncoder();
const bytesOf = (text: string) => encoder.encode(text);

/** Random numbers from a seed: a failure can be repeated. */
function randomNumbers(seed: number): (below: number) => number {
  return (below) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * below);
  };
}

interface End {
  end: number;
  markerIndex: number;
}

/** Every end of a message in `stream`, and what is pending, by brute force. */
function plainSearch(
  markers: readonly Uint8Array[],
  stream: Uint8Array,
): { ends: End[]; pending: number } {
  const isAt = (marker: Uint8Array, at: number) =>
    at >= 0 && marker.every((byte, i) => stream[at + i] === byte);
  const ends: End[] = [];
  let start = 0;
  for (let end = 1; end <= stream.length; end++) {
    let markerIndex = -1;
    for (const [index, marker] of markers.entries()) {
      const at = end - marker.length;
      if (at < start || marker.length <= (markers[markerIndex]?.length ?? 0)) {
        continue;
      }
      if (isAt(marker, at)) markerIndex = index;
    }
    if (markerIndex < 0) continue;
    ends.push({ end, markerIndex });
    start = end;
  }
  let pending = 0;
  for (const marker of markers) {
    const most = Math.min(marker.length - 1, stream.length - start);
    for (let length = most; length > pending; length--) {
      if (isAt(marker.subarray(0, length), stream.length - length)) {
        pending = length;
      }
    }
  }
  return { ends, pending };
}

/** What a scan finds that is fed `stream` cut at the offsets `cuts`. */
function scanThrough(
  markers: MarkerSet,
  stream: Uint8Array,
  cuts: readonly number[],
): { ends: End[]; pending: number } {
  const scan = markers.scanner();
  const ends: End[] = [];
  let from = 0;
  for (const to of [...cuts, stream.length]) {
    // A copy of its own, overwritten after it: nothing fed may be kept.
    const chunk = stream.slice(from, to);
    for (let at = 0;;) {
      const offset = scan.feed(chunk.subarray(at));
      if (offset < 0) break;
      assert(offset > 0 && at + offset <= chunk.length);
      assertEquals(scan.partialMatch, 0);
      at += offset;
      ends.push({ end: from + at, markerIndex: scan.index });
    }
    chunk.fill(255);
    from = to;
  }
  return { ends, pending: scan.partialMatch };
}

const everyByte = (length: number) =>
  Array.from({ length }, (_, offset) => offset);

Deno.test("MarkerSet wants a marker, and none of them empty", () => {
  assertThrows(() => new MarkerSet([]), TypeError, "there is none");
  const empty = [bytesOf("END"), new Uint8Array(0)];
  assertThrows(() => new MarkerSet(empty), TypeError, "is empty");
});

Deno.test("MarkerSet keeps copies, in the order given", () => {
  const given = [bytesOf("END"), bytesOf("THE END"), bytesOf("\n")];
  const markers = new MarkerSet(given);
  for (const marker of given) marker.fill(0);
  assertEquals(markers.markers, ["END", "THE END", "\n"].map(bytesOf));
  assertEquals(markers.longestByteLength, 7);
  assertEquals(markers.scanner().feed(bytesOf("to THE END")), 10);
});

Deno.test("MarkerSet serves many scans at once", () => {
  const markers = new MarkerSet([bytesOf("aab")]);
  const [one, other] = [markers.scanner(), markers.scanner()];
  assertEquals(one.feed(bytesOf("aa")), -1);
  assertEquals(other.feed(bytesOf("b")), -1);
  assertEquals([one.partialMatch, other.partialMatch], [2, 0]);
  assertEquals(one.feed(bytesOf("b")), 1);
});

const a = (count: number) => "a".repeat(count);

Deno.test.each([
  { markers: ["\n"], stream: "\n\na\n" },
  { markers: ["\r\n"], stream: "\r\r\n\n\r\n\r" },
  { markers: ["\r\n\r\n"], stream: "\r\n\r\r\n\r\n\n\r\n\r\n\r\n\r" },
  // A false start inside a false start.
  { markers: ["aab"], stream: "aaaabaaab" },
  { markers: ["ababac"], stream: "abababacababababac" },
  { markers: ["abcabd"], stream: "abcabcabdabcab" },
  // Markers overlap: the message ends with the first, the scan starts afresh.
  { markers: ["aa"], stream: "aaaaa" },
  { markers: ["abab"], stream: "abababababa" },
  { markers: [a(6) + "b" + a(6)], stream: a(9) + "b" + a(15) + "b" + a(5) },
  { markers: ["SERVER WRONG MARKER"], stream: "SERVER SERVER WRONG MARKERSER" },
  // Longer than `indexOfNeedle` is asked for.
  { markers: [a(30) + "b"], stream: a(40) + "c" + a(33) + "b" + a(2) },
  { markers: ["b" + a(30)], stream: a(10) + "bb" + a(29) + "b" + a(31) },
  // The earliest end wins, though the other began first.
  { markers: ["abcdef", "cd"], stream: "abcdefcdabc" },
  // Two end together: the longer one wins, wherever it stands in the list.
  { markers: ["D", "END", "ND"], stream: "ENDND DEN" },
  { markers: ["END", "D"], stream: "ENDND DEN" },
  // One is the start of the other, markerIndex can never end.
  { markers: ["\r\n\r\n", "\r\n"], stream: "\r\n\r\n\r" },
  { markers: ["aab", "aab", "ab"], stream: "aaabab" },
])("feed() finds the same in every two and three feeds: $markers", (row) => {
  const markers = row.markers.map(bytesOf);
  const stream = bytesOf(row.stream);
  const expected = plainSearch(markers, stream);
  assert(expected.ends.length > 0);
  const ready = new MarkerSet(markers);
  for (let first = 0; first <= stream.length; first++) {
    for (let second = first; second <= stream.length; second++) {
      assertEquals(scanThrough(ready, stream, [first, second]), expected);
    }
  }
  const ones = everyByte(stream.length);
  assertEquals(scanThrough(ready, stream, ones), expected);
});

Deno.test("feed() knows what is pending after each byte", () => {
  const markers = ["abaabab", "bab"].map(bytesOf);
  const scan = new MarkerSet(markers).scanner();
  const stream = bytesOf("abaabaabbaabaabcaba");
  for (let fed = 1; fed <= stream.length; fed++) {
    scan.feed(stream.subarray(fed - 1, fed));
    const { pending } = plainSearch(markers, stream.subarray(0, fed));
    assertEquals(scan.partialMatch, pending, `after ${fed} bytes`);
  }
});

Deno.test("feed() of nothing changes nothing", () => {
  const scan = new MarkerSet([bytesOf("\r\n")]).scanner();
  scan.feed(bytesOf("\r"));
  assertEquals(scan.feed(new Uint8Array(0)), -1);
  assertEquals(scan.partialMatch, 1);
  assertEquals(scan.feed(bytesOf("\n")), 1);
});

Deno.test("feed() finds what indexOfNeedle() finds in the joined bytes", () => {
  const random = randomNumbers(1);
  for (let round = 0; round < 3000; round++) {
    const letters = 1 + random(3);
    const marker = Uint8Array.from(
      { length: 1 + random(random(8) ? 8 : 60) },
      () => random(letters),
    );
    // The marker's own start again and again, or letters; here and there noise.
    const repeated = 1 + random(marker.length);
    const stream = Uint8Array.from(
      { length: random(random(8) ? 100 : 5000) },
      (_, i) =>
        random(40) === 0
          ? random(4)
          : round % 2
          ? random(letters)
          : marker[i % repeated]!,
    );
    const expected = indexOfNeedle(stream, marker);
    const scan = new MarkerSet([marker]).scanner();
    const most = 1 + random(random(2) ? 4 : 1000);
    let found = -1;
    for (let at = 0; at < stream.length && found < 0;) {
      const chunk = stream.subarray(at, at + random(most + 1));
      const offset = scan.feed(chunk);
      if (offset >= 0) found = at + offset - marker.length;
      at += chunk.length;
    }
    assertEquals(found, expected, `round ${round}: ${marker} in ${stream}`);
  }
});

Deno.test("feed() agrees with a plain search, for lists and messages in a row", () => {
  const random = randomNumbers(2);
  for (let round = 0; round < 1500; round++) {
    const letters = 1 + random(3);
    const markers = Array.from(
      { length: 1 + random(4) },
      () => Uint8Array.from({ length: 1 + random(9) }, () => random(letters)),
    );
    const stream = Uint8Array.from(
      { length: random(random(8) ? 60 : 700) },
      () => random(20) ? random(letters) : 7,
    );
    const most = 1 + random(random(2) ? 4 : 300);
    const cuts: number[] = [];
    for (let at = 0; at < stream.length; at += random(most + 1)) cuts.push(at);
    assertEquals(
      scanThrough(new MarkerSet(markers), stream, cuts),
      plainSearch(markers, stream),
      `round ${round}: ${markers.join(" ")} in ${stream}`,
    );
  }
});

/** No two neighbours are followed by the same byte too often. */
const noise = (length: number, seed: number) => {
  const random = randomNumbers(seed);
  return Uint8Array.from({ length }, () => random(256));
};

Deno.test.each([
  ...[1, 2, 3, 4, 5, 20, 21, 32, 300, 2000].map((length) => ({
    name: `${length} random bytes`,
    marker: noise(length, length),
  })),
  { name: "999 × a, b", marker: bytesOf(a(999) + "b") },
  { name: "b, 1,999 × a", marker: bytesOf("b" + a(1999)) },
  { name: "a's around a b", marker: bytesOf(a(500) + "b" + a(499)) },
  { name: "a period of 7", marker: bytesOf("abcabcd".repeat(99) + "abc") },
  // More kinds of bytes than a byte can count, and each of them twice.
  {
    name: "all 256 bytes",
    marker: Uint8Array.from({ length: 512 }, (_, i) => i),
  },
  // Too large for a step table.
  { name: "5,000 random bytes", marker: noise(5000, 3) },
])("feed() finds a long marker after hostile data: $name", ({ marker }) => {
  const markers = new MarkerSet([marker]);
  const { length } = marker;
  // Its last byte alone; all but its last again and again; one byte wrong at
  // the start, in the middle. Each goes on until the table has been built.
  const wrong = (at: number) => marker.with(at, marker[at]! ^ 1);
  const parts = [
    marker.slice(-1),
    marker.subarray(0, -1),
    marker.subarray(1),
    wrong(0),
    wrong(length >> 1),
  ].filter((part) => length > 1 || part[0] !== marker[0]);
  for (const part of parts) {
    const times = part.length ? Math.ceil(9000 / part.length) : 0;
    const stream = new Uint8Array(part.length * times + length);
    for (let i = 0; i < times; i++) stream.set(part, i * part.length);
    stream.set(marker, part.length * times);
    const end = indexOfNeedle(stream, marker) + length;
    for (const cut of [1, 7, length, 1024, stream.length]) {
      const scan = markers.scanner();
      let found = -1;
      for (let at = 0; at < stream.length && found < 0; at += cut) {
        const offset = scan.feed(stream.subarray(at, at + cut));
        if (offset >= 0) found = at + offset;
      }
      assertEquals(found, end, `in feeds of ${cut}`);
    }
    // Two feeds, with the seam just where one way of searching gives over to
    // another: at the start of the second feed, and at the end of the first.
    for (const near of [1, 2, 31, 32, 33, 34, length - 1]) {
      for (const cut of [stream.length - near, end - length + near]) {
        if (cut < 0 || cut >= end) continue;
        const scan = markers.scanner();
        assertEquals(scan.feed(stream.subarray(0, cut)), -1);
        assertEquals(scan.feed(stream.subarray(cut)), end - cut);
      }
    }
  }
});

Deno.test("feed() finds one marker in any place of a word", () => {
  // Bytes that differ from the marker's by one bit, the top and the lowest.
  for (const marker of [[0], [0, 255], [128, 1, 128], [10, 13, 10, 13]]) {
    const markers = new MarkerSet([Uint8Array.from(marker)]);
    for (let at = 0; at < 80; at++) {
      // Not aligned, and in the middle of a larger buffer.
      const bytes = new Uint8Array(200).subarray(at % 8 + 1, 180);
      bytes.forEach((_, i) =>
        bytes[i] = marker[i % marker.length]! ^ (i % 3 ? 1 : 128)
      );
      bytes.set(marker, at);
      const { ends } = plainSearch(markers.markers, bytes);
      assertEquals(markers.scanner().feed(bytes), ends[0]!.end);
    }
  }
});

Deno.test("feed() tells 256 kinds of bytes apart in hostile data", () => {
  // All bytes, each twice, and a tail that data of `a` alone is hostile to.
  const marker = Uint8Array.from({ length: 912 }, (_, i) => i < 512 ? i : 97);
  const hostile = new Uint8Array(2000).fill(97);
  for (const at of [0, 1, 97, 254, 255, 256, 511]) {
    for (const byte of [0, 1, 254, 255]) {
      const scan = new MarkerSet([marker]).scanner();
      const near = marker.with(at, byte);
      const end = marker[at] === byte ? 2912 : -1;
      assertEquals(scan.feed(concat([hostile, near])), end);
      if (end < 0) assertEquals(scan.feed(marker), 912);
    }
  }
});

// Both take hours where each marker is looked for again in all that follows,
// or each byte compared with all of the marker; and milliseconds here. How
// fast they are is for bench/search_bench.ts to say.
Deno.test("feed() follows a long hostile marker in feeds of one byte", () => {
  const marker = bytesOf(a(20_000) + "b" + a(20_000));
  const scan = new MarkerSet([marker]).scanner();
  const bytes = new Uint8Array(1 << 20).fill(97);
  assertEquals(scan.feed(bytes), -1);
  for (let i = 0; i < 100_000; i++) scan.feed(bytes.subarray(0, 1));
  assertEquals(scan.partialMatch, 20_000);
});

Deno.test("feed() finds many messages in one block", () => {
  const block = new Uint8Array(1 << 18).fill(10);
  for (const list of [["\n"], ["\n\n"], ["\n\n", "SERVER WRONG MARKER"]]) {
    const scan = new MarkerSet(list.map(bytesOf)).scanner();
    let messages = 0;
    for (let at = 0; at < block.length; messages++) {
      at += scan.feed(block.subarray(at));
    }
    assertEquals(messages, block.length / list[0]!.length);
  }
});
