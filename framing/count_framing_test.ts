import { assertEquals, assertThrows } from "@std/assert";
import { type CountFraming, toCountFraming } from "./count_framing.ts";
import { encode } from "./encode.ts";
import { lengthPrefixFraming } from "./length_prefix.ts";

const latin1 = (text: string) =>
  Uint8Array.from(text, (char) => char.charCodeAt(0));

const octets: CountFraming = { framing: "octetCounted" };
const big = (lengthBytes: number): CountFraming => ({
  framing: "lengthPrefixed",
  lengthBytes,
});
const little = (lengthBytes: number): CountFraming => ({
  framing: "lengthPrefixed",
  lengthBytes,
  order: "little",
});

// framing, bytes, reason, data, count, rest; the limit is 12 bytes.
const TABLE: [CountFraming, string, string, string, number | null, string][] = [
  [octets, "5 a1234", "end", "a1234", 5, ""],
  [octets, "1 ,2 ab", "end", ",", 1, "2 ab"],
  [octets, "12 exactly 12 b", "end", "exactly 12 b", 12, ""],
  // RFC 6587 3.4.1: NONZERO-DIGIT *DIGIT.
  [octets, "0 ", "bad count", "", null, ""],
  [octets, "05 a1234", "bad count", "", null, ""],
  [octets, " a", "bad count", "", null, ""],
  [octets, "5:a1234,", "bad count", "", null, ""],
  [octets, "<34>1 message", "bad count", "", null, ""],
  [octets, "13 a", "bad count", "", null, ""],
  [octets, "99999999999999999999 ", "bad count", "", null, ""],
  [octets, "", "eof", "", null, ""],
  [octets, "5", "eof", "", null, ""],
  [octets, "5 ", "eof", "", 5, ""],
  [octets, "5 a12", "eof", "a12", 5, ""],
  [big(1), "\x05a1234\x01", "end", "a1234", 5, "\x01"],
  [big(1), "\0", "end", "", 0, ""],
  [big(2), "\0\x02ab", "end", "ab", 2, ""],
  [little(2), "\x02\0ab\0", "end", "ab", 2, "\0"],
  [big(3), "\0\0\x0cexactly 12 b", "end", "exactly 12 b", 12, ""],
  [little(4), "\x01\0\0\0a", "end", "a", 1, ""],
  [big(8), "\0\0\0\0\0\0\0\x01a", "end", "a", 1, ""],
  [big(1), "\x0da", "bad count", "", 13, ""],
  [little(2), "\0\x02ab", "bad count", "", 512, ""],
  [big(8), "\xff\xff\xff\xff\xff\xff\xff\xffa", "bad count", "", null, ""],
  [big(2), "", "eof", "", null, ""],
  [big(2), "\0", "eof", "", null, ""],
  [big(2), "\0\x02", "eof", "", 2, ""],
  [big(2), "\0\x02a", "eof", "a", 2, ""],
];

for (const [named, text, reason, data, count, rest] of TABLE) {
  Deno.test(`decoder() reports ${reason} for ${JSON.stringify(named)} ${JSON.stringify(text)} in any chunks`, () => {
    const bytes = latin1(text);
    for (let first = 0; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second++) {
        const decoder = toCountFraming(named).decoder(12);
        const edges = [0, first, second, bytes.length];
        const left: Uint8Array[] = edges.slice(1)
          .map((edge, i) => bytes.subarray(edges[i], edge));
        let received;
        while (received === undefined && left.length > 0) {
          received = decoder.push(left.shift()!);
        }
        received ??= decoder.end();
        assertEquals(received.reason, reason, `cut at ${first}, ${second}`);
        assertEquals(received.isEmpty, text === "");
        if (reason === "bad count") continue;
        assertEquals([received.data, received.count], [latin1(data), count]);
        const unread = [received.rest, ...left].flatMap((each) => [...each]);
        assertEquals(Uint8Array.from(unread), latin1(rest));
      }
    }
  });
}

Deno.test.each<[CountFraming, string]>([
  [octets, "11111111111111111 "],
  [{ framing: "netstring" }, "11111111111111111:"],
  [big(8), "\xff\xff\xff\xff\xff\xff\xff\xff"],
])("decoder() refuses a count that no number holds: %j %j", (named, text) => {
  const decoder = toCountFraming(named).decoder(Infinity);
  assertEquals(decoder.push(latin1(text))?.reason, "bad count");
});

Deno.test("decoder() starts afresh after each message", () => {
  for (const named of [octets, big(1), { framing: "netstring" } as const]) {
    const framing = toCountFraming(named);
    const texts = ["a1234", "b", "c5"];
    const bytes = texts.flatMap((text) =>
      [...encode(text, framing) as Iterable<Uint8Array>]
        .flatMap((chunk) => [...chunk])
    );
    const decoder = framing.decoder(9);
    const found: string[] = [];
    for (const byte of bytes) {
      const received = decoder.push(Uint8Array.of(byte));
      if (received) found.push(new TextDecoder().decode(received.data));
    }
    assertEquals(found, texts);
    assertEquals(decoder.end().isEmpty, true);
  }
});

Deno.test.each<[CountFraming, number, string]>([
  [octets, 5, "5 "],
  [big(1), 255, "\xff"],
  [big(4), 258, "\0\0\x01\x02"],
  [little(4), 258, "\x02\x01\0\0"],
  [big(8), Number.MAX_SAFE_INTEGER, "\0\x1f\xff\xff\xff\xff\xff\xff"],
])("header() of %j for %d bytes", (named, byteLength, text) => {
  assertEquals(toCountFraming(named).header?.(byteLength), latin1(text));
});

Deno.test("header() refuses a length that the framing cannot say", () => {
  const header = (named: CountFraming, byteLength: number) => () =>
    toCountFraming(named).header?.(byteLength);
  assertThrows(header(big(1), 256), RangeError, "Cannot send 256 bytes");
  assertThrows(header(little(2), 65_536), RangeError);
  assertThrows(header(octets, 0), TypeError, "Cannot send an empty message");
});

Deno.test("lengthPrefixFraming() returns the same object again", () => {
  const framing = lengthPrefixFraming(4, "big");
  assertEquals(lengthPrefixFraming(4, "big") === framing, true);
  assertEquals(lengthPrefixFraming(4, "little") === framing, false);
});
