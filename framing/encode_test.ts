import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { concat } from "@std/bytes";
import { type Body, encode } from "./encode.ts";
import { EndMarkerFraming } from "./end_marker.ts";
import { endOfFileFraming } from "./end_of_file.ts";
import type { Framing } from "./framing.ts";
import { toMarkerSet } from "./marker.ts";
import { netstringFraming } from "./netstring.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const marked = (...markers: string[]) =>
  new EndMarkerFraming(toMarkerSet(markers));

/** The bodies of a text: as text, bytes, and cut at a place in every manner. */
function bodiesOf(text: string, cut: number): Record<string, () => Body> {
  const parts = [text.slice(0, cut), text.slice(cut)];
  return {
    text: () => text,
    bytes: () => utf8(text),
    list: () => parts,
    iterable: () => new Set([parts[0] + "", utf8(parts[1]!)]),
    generator: async function* () {
      for (const part of parts) yield await Promise.resolve(part);
    },
    stream: () => ReadableStream.from(parts.map(utf8)),
  };
}

async function collect(body: Body, framing: Framing): Promise<Uint8Array[]> {
  const chunks = [];
  for await (const chunk of encode(body, framing)) chunks.push(chunk);
  return chunks;
}

Deno.test.each([
  { name: "a marker", framing: marked("\r\n"), expected: "a1234\r\n" },
  { name: "the first of two", framing: marked(";", "\n"), expected: "a1234;" },
  { name: "a count", framing: netstringFraming, expected: "5:a1234," },
  { name: "the end of file", framing: endOfFileFraming, expected: "a1234" },
])("encode() frames each kind of body with $name", async (test) => {
  for (let cut = 0; cut <= 5; cut++) {
    for (const body of Object.values(bodiesOf("a1234", cut))) {
      const chunks = await collect(body(), test.framing);
      assertEquals(concat(chunks), utf8(test.expected));
    }
  }
});

Deno.test("encode() joins small chunks and keeps large ones", async () => {
  const large = new Uint8Array(20_000).fill(1);
  const chunks = await collect(["a", "b", large, "c"], marked(";"));
  assertEquals(chunks.map(({ length }) => length), [2, 20_000, 2]);
  assertEquals(chunks[1], large);
});

Deno.test.each([
  { name: "inside", text: "one\r\ntwo" },
  { name: "at the end", text: "one\r\n" },
  { name: "at the start", text: "\r\none" },
  { name: "after its own start", text: "\r\r\n" },
])(
  "encode() refuses an end marker in the data, at every cut: $name",
  async ({ text }) => {
    const framing = marked("\r\n");
    for (let cut = 0; cut <= text.length; cut++) {
      for (const [kind, body] of Object.entries(bodiesOf(text, cut))) {
        await assertRejects(
          () => collect(body(), framing),
          TypeError,
          "contains its end marker",
          `${kind}, cut at ${cut}`,
        );
      }
    }
    // The framing is as good as new.
    assertEquals(concat(await collect("one", framing)), utf8("one\r\n"));
  },
);

Deno.test("encode() refuses data that forms a marker with the trailer", async () => {
  const framing = marked("aa");
  await assertRejects(() => collect("xa", framing), TypeError, "end marker");
  assertEquals(concat(await collect("xab", framing)), utf8("xabaa"));
});

Deno.test("encode() refuses a stream that forms a marker with the trailer", async () => {
  const framing = marked("aa");
  const stream = (...chunks: string[]) => () => ReadableStream.from(chunks);
  for (const body of [stream("xa"), stream("x", "a"), stream("xa", "")]) {
    await assertRejects(
      () => collect(body(), framing),
      TypeError,
      "end marker",
    );
  }
  const { length } = await collect(ReadableStream.from(["xab"]), framing);
  assertEquals(length, 2);
});

Deno.test("encode() keeps the order of large and small chunks", async () => {
  const letters = [..."abcdefgh"];
  const sizes = [1, 17_000, 5, 16_000, 600, 17_000, 17_000, 2];
  const parts = letters.map((letter, i) => letter.repeat(sizes[i]!));
  const expected = `${parts.join("")};`;
  for (const body of [parts, new Set(parts), ReadableStream.from(parts)]) {
    const chunks = await collect(body, marked(";"));
    assert(new TextDecoder().decode(concat(chunks)) === expected);
  }
});

Deno.test("encode() finds a marker far into large data", () => {
  const large = new Uint8Array(1_000_000);
  large.set(utf8("\r\n"), 900_000);
  assertThrows(() => encode(large, marked("\r\n")), TypeError, "end marker");
});

Deno.test("encode() does not look for markers of messages in a reply", async () => {
  const chunks = await collect("one\ntwo", marked("\r\n", "\n"));
  assertEquals(concat(chunks), utf8("one\ntwo\r\n"));
});

Deno.test.each([
  { name: "a number", body: 5 },
  { name: "null", body: null },
  { name: "undefined", body: undefined },
  { name: "a list of numbers", body: [1, 2] },
])("encode() throws a TypeError for $name", ({ body }) => {
  assertThrows(() => encode(body as never, endOfFileFraming), TypeError);
});
