import { assertEquals } from "@std/assert";
import { concat } from "@std/bytes";
import { endOfFileFraming } from "./end_of_file.ts";
import { EndMarkerFraming } from "./end_marker.ts";
import type { Framing } from "./framing.ts";
import { lengthPrefixFraming } from "./length_prefix.ts";
import { MarkerSet } from "./marker_set.ts";
import { netstringFraming } from "./netstring.ts";
import { octetCountFraming } from "./octet_count.ts";
import { skipFraming } from "./skip.ts";
import { withStart } from "./start_marker.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const markers = new MarkerSet([utf8("\r\n"), utf8("\n")]);
const lines = new EndMarkerFraming(markers);

/** Streams of three messages, and a beginning of a fourth one. */
const STREAMS: { name: string; framing: Framing; stream: string }[] = [
  { name: "end markers", framing: lines, stream: "\none\r\n\ntwo" },
  {
    name: "a start",
    framing: withStart(utf8("<"), lines),
    stream: "<one\r\n<\n<two\n<thr",
  },
  {
    name: "netstrings",
    framing: netstringFraming,
    stream: "3:one,0:,3:two,5:thr",
  },
  {
    name: "octet counts",
    framing: octetCountFraming,
    stream: "3 one1 23 two5 thr",
  },
  {
    name: "lengths",
    framing: lengthPrefixFraming(1, "big"),
    stream: "\x03one\x00\x03two\x05thr",
  },
  {
    name: "skipped bytes",
    framing: skipFraming(markers),
    stream: "\none\r\n\ntwo",
  },
  { name: "an end of file", framing: endOfFileFraming, stream: "one" },
];

/** All messages, decoded with a view of the bytes after each, or without. */
function decodeAll(framing: Framing, stream: Uint8Array, from: number) {
  const decoder = framing.decoder(100);
  const results = [];
  let restIn = stream;
  let restStart = from;
  while (restStart < restIn.length) {
    const result = decoder.push(restIn, restStart);
    if (result === undefined) break;
    const { reason, data, markerIndex, count, rest } = result;
    results.push([reason, data.slice(), markerIndex, count, rest.slice()]);
    ({ restIn, restStart } = from === 0
      ? { restIn: rest, restStart: 0 }
      : result);
  }
  const { reason, data, count, isEmpty } = decoder.end();
  return [...results, [reason, data.slice(), count, isEmpty]];
}

Deno.test.each(STREAMS)(
  "Decoder.push() may begin anywhere in a chunk: $name",
  ({ framing, stream }) => {
    const expected = decodeAll(framing, utf8(stream), 0);
    // What comes before has markers, and a count that is not valid.
    const before = utf8("\n<x:\r");
    const bytes = concat([before, utf8(stream)]);
    assertEquals(decodeAll(framing, bytes, before.length), expected);
    assertEquals(expected.length, framing === endOfFileFraming ? 1 : 4);
  },
);

Deno.test("Decoder.push() from a place on judges the limit by the bytes after it", () => {
  const decoder = lines.decoder(3);
  assertEquals(decoder.push(utf8("12345\n123\n1234"), 6)?.byteLength, 3);
  assertEquals(decoder.push(utf8("12345\n1234"), 6)?.reason, "limit");
  assertEquals(decoder.skip!(), undefined);
  assertEquals(decoder.push(utf8("a\n5\nab"), 2)?.rest, utf8("ab"));
});

Deno.test("Decoder keeps no chunk after which nothing follows", () => {
  const messages: [Framing, string][] = [
    [lines, "a\n"],
    [netstringFraming, "1:a,"],
    [octetCountFraming, "1 a"],
    [lengthPrefixFraming(1, "big"), "\x01a"],
  ];
  for (const [framing, message] of messages) {
    const decoder = framing.decoder(100);
    const result = decoder.push(utf8(`.${message}`), 1)!;
    assertEquals([result.reason, result.restIn.buffer.byteLength], ["end", 0]);
  }
});
