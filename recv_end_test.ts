import { concat, indexOfNeedle } from "@std/bytes";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import {
  type ByteReader,
  messages,
  type Received,
  recvCount,
  recvEnd,
} from "./recv_end.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** A reader that gives these chunks, one a read, and then the end of file. */
function scripted(
  chunks: readonly (Uint8Array | number | Error)[],
): ByteReader & { reads: number } {
  const queue = [...chunks];
  return {
    reads: 0,
    read(p) {
      this.reads++;
      const chunk = queue.shift();
      if (chunk === undefined) return Promise.resolve(null);
      if (chunk instanceof Error) return Promise.reject(chunk);
      if (typeof chunk === "number") return Promise.resolve(chunk);
      const now = chunk.subarray(0, p.length);
      p.set(now);
      if (now.length < chunk.length) queue.unshift(chunk.subarray(p.length));
      return Promise.resolve(now.length);
    },
  };
}

/** The stream in chunks, cut at these places. */
function cutAt(stream: Uint8Array, places: readonly number[]): Uint8Array[] {
  const edges = [0, ...places, stream.length];
  return edges.slice(1).map((edge, i) => stream.subarray(edges[i], edge));
}

/** All that must hold of any answer: nothing is lost, and nothing made up. */
async function assertNothingLost(
  received: Received,
  source: ByteReader,
  marker: Uint8Array,
  stream: Uint8Array,
) {
  const left = await recvEnd(source, "\0no such marker\0", {
    initial: received.rest,
    maxBytes: Infinity,
  });
  const marked = received.gotEnd ? marker : new Uint8Array();
  assertEquals(concat([received.data, marked, left.data]), stream);
  assertEquals(concat(received.chunks), received.data);
  assertEquals(received.byteLength, received.data.length);
  assert(received.chunks.every((chunk) => chunk.length > 0));
}

Deno.test("recvEnd() finds a marker spread over ten one-byte reads", async () => {
  const source = scripted(
    [...utf8("0123456789")].map((byte) => Uint8Array.of(byte)),
  );
  const received = await recvEnd(source, "0123456789");
  assertEquals(received.gotEnd, true);
  assertEquals(received.byteLength, 0);
  assertEquals(received.chunks, []);
  assertEquals(source.reads, 10);
});

// Streams in markerIndex a naive search goes wrong at some cut.
Deno.test.each([
  ["aCRLFb", "CRLF"],
  ["CRCRLF", "CRLF"],
  ["aaaaab", "aaab"],
  ["ababac", "abac"],
  ["a\r\n\r\r\n\r\nb", "\r\n\r\n"],
  ["END", "END"],
  ["ENENDEND", "END"],
  ["no marker, EN", "END"],
  ["äöü€x", "€"],
  ["xx", "x"],
])("recvEnd() gives one answer for every cut of %j (%j)", async (text, end) => {
  const stream = utf8(text);
  const marker = utf8(end);
  const start = indexOfNeedle(stream, marker);
  for (let first = 0; first <= stream.length; first++) {
    for (let second = first; second <= stream.length; second++) {
      const chunks = cutAt(stream, [first, second]);
      for (
        const source of [
          scripted(chunks.filter((chunk) => chunk.length > 0)),
          ReadableStream.from(chunks.map((chunk) => chunk.slice())),
        ]
      ) {
        const received = await recvEnd(source, end);
        assertEquals(received.gotEnd, start >= 0);
        assertEquals(received.reason, start >= 0 ? "end" : "eof");
        assertEquals(
          received.data,
          start >= 0 ? stream.subarray(0, start) : stream,
        );
        if (!(source instanceof ReadableStream)) {
          await assertNothingLost(received, source, marker, stream);
        }
      }
    }
  }
});

Deno.test("recvEnd() agrees with a search over the whole, for random streams", async () => {
  let seed = 20261122;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >> 8) % below;
  };
  const letters = (count: number) =>
    Uint8Array.from({ length: count }, () => 97 + random(2));
  for (let round = 0; round < 2000; round++) {
    const stream = letters(random(40));
    const marker = letters(1 + random(6));
    const maxBytes = random(30);
    const places = Array.from(
      { length: random(6) },
      () => random(stream.length + 1),
    ).sort((a, b) => a - b);
    const chunks = cutAt(stream, places).filter((chunk) => chunk.length > 0);
    const source = scripted(chunks);
    const received = await recvEnd(source, marker, { maxBytes });

    const start = indexOfNeedle(stream, marker);
    // Without a marker, what may still be the start of it does not count.
    let pending = Math.min(marker.length - 1, stream.length);
    while (
      indexOfNeedle(
          stream.subarray(stream.length - pending),
          marker.subarray(0, pending),
        ) !== 0 && pending > 0
    ) pending--;
    const counted = start >= 0 ? start : stream.length - pending;
    const reason = counted > maxBytes ? "limit" : start >= 0 ? "end" : "eof";
    assertEquals(
      received.reason,
      reason,
      `${textOf(stream)} until ${
        textOf(marker)
      } below ${maxBytes} at ${places}`,
    );
    if (reason === "end") assertEquals(received.data, stream.slice(0, start));
    await assertNothingLost(received, source, marker, stream);
  }
});

Deno.test.each([
  { text: "abcEND", maxBytes: 3, reason: "end" },
  { text: "abcdEND", maxBytes: 3, reason: "limit" },
  { text: "END", maxBytes: 0, reason: "end" },
  { text: "aEND", maxBytes: 0, reason: "limit" },
  { text: "abcEN", maxBytes: 3, reason: "eof" },
  // The bytes that looked like a marker were none, and now they count.
  { text: "abcENX", maxBytes: 3, reason: "limit" },
  { text: "abcENEND", maxBytes: 3, reason: "limit" },
])(
  "recvEnd() counts $text against maxBytes $maxBytes in any cut",
  async (row) => {
    const stream = utf8(row.text);
    for (let cut = 0; cut < stream.length; cut++) {
      const source = scripted(cutAt(stream, cut > 0 ? [cut] : []));
      const received = await recvEnd(source, "END", { maxBytes: row.maxBytes });
      assertEquals(received.reason, row.reason, `cut at ${cut}`);
      await assertNothingLost(received, source, utf8("END"), stream);
    }
  },
);

Deno.test("recvEnd() reports that the limit is passed without reading on", async () => {
  const source: ByteReader = {
    read: (p) => Promise.resolve(p.fill(120).length), // for ever
  };
  const received = await recvEnd(source, "END", { maxBytes: 100_000 });
  assertEquals(received.reason, "limit");
  assert(received.byteLength < 120_000, `${received.byteLength} were read`);
});

Deno.test("recvEnd() hands on what it read past the marker", async () => {
  const source = scripted([utf8("one;two;thr"), utf8("ee;")]);
  const messages = [];
  let initial: Uint8Array | undefined;
  for (;;) {
    const received = await recvEnd(source, ";", { initial });
    if (!received.gotEnd) break;
    messages.push(textOf(received.data));
    initial = received.rest;
  }
  assertEquals(messages, ["one", "two", "three"]);
});

Deno.test("recvEnd() reads nothing when initial holds the marker", async () => {
  const source = scripted([]);
  await recvEnd(source, ";", { initial: utf8("one;two") });
  assertEquals(source.reads, 0);
});

Deno.test("recvEnd() copies neither initial nor the chunks of a stream", async () => {
  const initial = utf8("a");
  const chunks = [utf8("bc"), utf8("d;e")];
  const received = await recvEnd(ReadableStream.from(chunks), ";", { initial });
  assertEquals(received.chunks.map(textOf), ["a", "bc", "d"]);
  assertStrictEquals(received.chunks[0]?.buffer, initial.buffer);
  assertStrictEquals(received.chunks[2]?.buffer, chunks[1]?.buffer);
  assertStrictEquals(received.rest.buffer, chunks[1]?.buffer);
});

Deno.test("recvEnd() keeps many small reads in one chunk", async () => {
  const source = scripted(
    [...utf8("hello;")].map((byte) => Uint8Array.of(byte)),
  );
  const received = await recvEnd(source, ";");
  assertEquals(received.chunks.length, 1);
  assertStrictEquals(received.data, received.chunks[0]);
});

Deno.test("recvEnd() reads a message of many blocks", async () => {
  const stream = new Uint8Array(5_000_000);
  for (let i = 0; i < stream.length; i++) stream[i] = (i * 7919) >> 5;
  const marker = utf8("the very end");
  const source = scripted([stream, marker, utf8("more")]);
  const received = await recvEnd(source, marker);
  assertEquals(received.gotEnd, true);
  assertEquals(indexOfNeedle(received.data, stream), 0);
  await assertNothingLost(
    received,
    source,
    marker,
    concat([stream, marker, utf8("more")]),
  );
});

Deno.test("recvEnd() leaves a stream unlocked and open", async () => {
  const stream = ReadableStream.from([utf8("a;"), utf8("b")]);
  await recvEnd(stream, ";");
  assertEquals(stream.locked, false);
  const { value } = await stream.getReader().read();
  assertEquals(value, utf8("b"));
});

Deno.test("recvEnd() reads from bytes in memory, which it does not copy", async () => {
  const bytes = utf8("a;b");
  const received = await recvEnd(bytes, ";");
  assertEquals([received.data, received.rest], [utf8("a"), utf8("b")]);
  assertStrictEquals(received.data.buffer, bytes.buffer);
  const none = await recvEnd(utf8(""), ";");
  assertEquals([none.reason, none.byteLength], ["eof", 0]);
  const all = await Array.fromAsync(messages(bytes, ";"));
  assertEquals(all.map(({ data }) => textOf(data)), ["a", "b"]);
  assertEquals((await recvCount(utf8("1:a,"))).data, utf8("a"));
});

// What a reader may do wrong, and what may look like it but is right.
Deno.test.each([
  { name: "throws at once", script: [new Error("broken")], error: "broken" },
  {
    name: "throws half-way",
    script: [utf8("abc"), new Error("broken")],
    error: "broken",
  },
  { name: "returns a negative count", script: [-1], error: "returned -1" },
  { name: "returns a fraction", script: [1.5], error: "returned 1.5" },
  { name: "returns NaN", script: [NaN], error: "returned NaN" },
  {
    name: "returns more than the buffer holds",
    script: [1025],
    error: "returned 1025 for a buffer of 1024 bytes",
  },
  {
    name: "returns nothing for ever",
    script: Array(100).fill(0),
    error: "100 reads in a row returned nothing",
  },
])("recvEnd() rejects when the reader $name", async ({ script, error }) => {
  await assertRejects(() => recvEnd(scripted(script), ";"), Error, error);
});

Deno.test("recvEnd() bears with empty reads and empty chunks", async () => {
  const source = scripted([0, 0, utf8("a"), ...Array(99).fill(0), utf8(";")]);
  assertEquals((await recvEnd(source, ";")).gotEnd, true);
  const stream = ReadableStream.from([
    utf8(""),
    utf8("a"),
    utf8(""),
    utf8(";"),
  ]);
  assertEquals((await recvEnd(stream, ";")).gotEnd, true);
});

Deno.test("recvEnd() rejects a stream of something else than bytes", async () => {
  const stream = ReadableStream.from(["text"]);
  const bytes = stream as unknown as ReadableStream<Uint8Array>;
  await assertRejects(() => recvEnd(bytes, ";"), TypeError, "not bytes");
  assertEquals(stream.locked, false);
});

const anything = undefined as unknown as never;
Deno.test.each([
  { name: "an empty marker", args: [";"] as never, end: "" },
  { name: "empty bytes for a marker", end: new Uint8Array() },
  { name: "a number for a marker", end: 10 as never },
  { name: "no source", end: ";", source: anything },
  {
    name: "no bytes for initial",
    end: ";",
    options: { initial: "a" as never },
  },
])("recvEnd() throws a TypeError for $name", async (row) => {
  const source = "source" in row ? anything : scripted([]);
  await assertRejects(
    () => recvEnd(source, row.end, row.options),
    TypeError,
    "Cannot",
  );
});

Deno.test.each([-1, 1.5, NaN, "5" as never])(
  "recvEnd() throws a RangeError for maxBytes %s",
  async (maxBytes) => {
    const source = scripted([utf8(";")]);
    await assertRejects(
      () => recvEnd(source, ";", { maxBytes }),
      RangeError,
      "maxBytes",
    );
    assertEquals(source.reads, 0);
  },
);
