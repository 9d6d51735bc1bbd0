import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type ByteSource, Reader, type ReadOptions } from "../mod.ts";
import { scripted, textOf, utf8 } from "../tests/scripted_source.ts";

const stream = (...texts: string[]) => ReadableStream.from(texts.map(utf8));

Deno.test.each<[string, () => ByteSource]>([
  ["a reader", () => scripted([utf8("a;"), utf8("b;")])],
  ["a stream", () => stream("a;", "b;")],
  ["a child process", () => ({ stdout: stream("a", ";b;") })],
  ["bytes", () => utf8("a;b;")],
  ["a reader with empty reads", () => scripted([0, utf8("a;b"), 0, utf8(";")])],
  ["a stream with empty chunks", () => stream("", "a;", "", "b;", "")],
])("new Reader() reads from %s", async (_name, source) => {
  using reader = new Reader(source());
  assertEquals(textOf((await reader.until(";")).data), "a");
  assertEquals(textOf((await reader.until(";")).data), "b");
  assertEquals((await reader.until(";")).reason, "eof");
});

Deno.test.each<[string, unknown]>([
  ["nothing", undefined],
  ["null", null],
  ["a text", "a;"],
  ["an ArrayBuffer", new ArrayBuffer(1)],
  ["an object without read()", { read: 1 }],
  ["a process without a stream", { stdout: "piped" }],
])("new Reader() throws a TypeError for %s", (_name, source) => {
  assertThrows(
    () => new Reader(source as never),
    TypeError,
    "Cannot read from",
  );
});

Deno.test("new Reader() throws a TypeError for a locked stream", () => {
  const source = stream("a");
  source.getReader();
  assertThrows(() => new Reader(source), TypeError);
});

Deno.test("new Reader() throws a TypeError for initial that is not bytes", () => {
  const options = { initial: "a" as never };
  assertThrows(() => new Reader(utf8(""), options), TypeError, "initial");
});

const calls: Record<string, (r: Reader, o?: ReadOptions) => Promise<unknown>> =
  {
    until: (reader, options) => reader.until(";", options),
    skipUntil: (reader, options) => reader.skipUntil(";", options),
    exactly: (reader, options) => reader.exactly(1, options),
    some: (reader, options) => reader.some(options),
    toEnd: (reader, options) => reader.toEnd(options),
    uint: (reader, options) => reader.uint(1, "big", options),
    netstring: (reader, options) => reader.netstring(options),
    octetCounted: (reader, options) => reader.octetCounted(options),
    lengthPrefixed: (reader, o) => reader.lengthPrefixed(1, "big", o),
    messages: (reader, options) => reader.messages(";", options).next(),
  };

for (const [name, call] of Object.entries(calls)) {
  Deno.test(`${name}() rejects a wrong option before the first read`, async () => {
    const source = scripted([]);
    const reader = new Reader(source);
    for (const maxBytes of [-1, 1.5, NaN, "5" as never]) {
      await assertRejects(() => call(reader, { maxBytes }), RangeError);
    }
    for (const timeout of [-1, NaN, "5" as never]) {
      await assertRejects(() => call(reader, { timeout }), RangeError);
    }
    assertEquals(source.reads, 0);
  });

  Deno.test(`${name}() has a signal and a time limit`, async () => {
    const reader = new Reader({ read: () => new Promise(() => {}) });
    const late = () => call(reader, { timeout: 1 });
    await assertRejects(late, DOMException, "Timed out after 1 ms");
    const controller = new AbortController();
    const aborted = call(reader, { signal: controller.signal });
    controller.abort(new Error("enough"));
    await assertRejects(() => aborted, Error, "enough");
  });
}

Deno.test.each<[string, (reader: Reader) => Promise<unknown>, string]>([
  ["until an empty marker", (r) => r.until(""), "is empty"],
  ["until a number", (r) => r.until(10 as never), "neither text nor bytes"],
  ["until none of no markers", (r) => r.until([]), "there is none"],
  ["skipUntil an empty marker", (r) => r.skipUntil(""), "is empty"],
  [
    "messages of an unknown framing",
    (r) => r.messages({ framing: "json" } as never).next(),
    "Cannot use json",
  ],
  ["uint in no order", (r) => r.uint(1, "middle" as never), "byte order"],
])("Reader rejects with a TypeError: %s", async (_name, call, message) => {
  const reader = new Reader(utf8("abc"));
  await assertRejects(() => call(reader), TypeError, message);
  assertEquals(textOf(await reader.toEnd()), "abc");
});

Deno.test.each<[string, (reader: Reader) => Promise<unknown>]>([
  ["exactly -1 bytes", (reader) => reader.exactly(-1)],
  ["exactly 1.5 bytes", (reader) => reader.exactly(1.5)],
  ["exactly NaN bytes", (reader) => reader.exactly(NaN)],
  ["more than maxBytes", (reader) => reader.exactly(3, { maxBytes: 2 })],
  ["more than the default", (reader) => reader.exactly(2 ** 26 + 1)],
  ["some of 0 bytes", (reader) => reader.some({ maxBytes: 0 })],
  ["uint of 0 bytes", (reader) => reader.uint(0)],
  ["uint of 9 bytes", (reader) => reader.uint(9)],
  ["uint above maxBytes", (reader) => reader.uint(4, "big", { maxBytes: 3 })],
  ["lengthPrefixed with 1.5 bytes", (reader) => reader.lengthPrefixed(1.5)],
])("Reader rejects with a RangeError: %s", async (_name, call) => {
  const reader = new Reader(utf8("abc"));
  await assertRejects(() => call(reader), RangeError, "Cannot");
  assertEquals(textOf(await reader.toEnd()), "abc");
});
