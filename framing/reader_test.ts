import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { type CountFraming, Reader } from "../mod.ts";
import {
  GatedSource,
  scripted,
  textOf,
  utf8,
} from "../tests/scripted_source.ts";

/** Bytes as a reader that gives one a read. */
const slowly = (text: string) =>
  scripted([...utf8(text)].map((byte) => Uint8Array.of(byte)));

Deno.test("until() returns one message after the other, then the end of file", async () => {
  const reader = new Reader(slowly("one;;thr"));
  const seen = [];
  for (let i = 0; i < 4; i++) {
    const { data, reason, markerIndex, rest } = await reader.until(";");
    seen.push([textOf(data), reason, markerIndex, rest.length]);
  }
  assertEquals(seen, [
    ["one", "end", 0, 0],
    ["", "end", 0, 0],
    ["thr", "eof", -1, 0],
    ["", "eof", -1, 0],
  ]);
});

Deno.test("until() returns a message that is too large in parts", async () => {
  for (const source of [utf8("abcdefgh;i;"), slowly("abcdefgh;i;")]) {
    const reader = new Reader(source);
    const parts = [];
    for (let i = 0; i < 4; i++) {
      const { data, reason } = await reader.until(";", { maxBytes: 3 });
      parts.push(`${textOf(data)} ${reason}`);
    }
    assertEquals(parts, ["abc limit", "def limit", "gh end", "i end"]);
  }
});

Deno.test("until() makes progress with maxBytes 0", async () => {
  const reader = new Reader(utf8("ab;"));
  const reasons = [];
  for (let i = 0; i < 3; i++) {
    const { reason, byteLength } = await reader.until(";", { maxBytes: 0 });
    reasons.push([reason, byteLength]);
  }
  assertEquals(reasons, [["limit", 1], ["limit", 1], ["end", 0]]);
});

Deno.test("until() reads another marker where the last one was", async () => {
  const reader = new Reader(slowly("a;b\nc"));
  const bytes = utf8(";");
  assertEquals(textOf((await reader.until(bytes)).data), "a");
  // The same array, with other bytes: not the marker of before.
  bytes[0] = 10;
  assertEquals(textOf((await reader.until(bytes)).data), "b");
  assertEquals((await reader.until([";", "\n"])).reason, "eof");
});

Deno.test("skipUntil() keeps only what may start the marker", async () => {
  const source = new GatedSource([utf8("junk|\r"), utf8("\nline\r\n")]);
  const reader = new Reader(source);
  const controller = new AbortController();
  const { signal } = controller;
  const skip = reader.skipUntil("\r\n", { signal });
  await Promise.resolve();
  source.open();
  while (!source.isReading) await new Promise((done) => setTimeout(done));
  controller.abort(new Error("aborted"));
  await assertRejects(() => skip, Error, "aborted");
  source.open();
  assertEquals(textOf(await reader.some() ?? utf8("")), "\r");
  assertEquals(textOf((await reader.until("\r\n")).data), "\nline");
});

Deno.test("exactly() leaves what it cannot complete", async () => {
  const reader = new Reader(slowly("abcde"));
  assertEquals(textOf(await reader.exactly(2)), "ab");
  assertEquals(await reader.exactly(0), utf8(""));
  await assertRejects(
    () => reader.exactly(4),
    Deno.errors.UnexpectedEof,
    "Cannot read exactly 4 bytes: the end of file came after 3",
  );
  assertEquals(textOf(await reader.toEnd()), "cde");
  assertEquals(await reader.some(), null);
  assertEquals(await reader.toEnd(), utf8(""));
});

Deno.test("exactly() does not copy what lies in one chunk", async () => {
  const chunk = utf8("abcdef");
  const reader = new Reader(ReadableStream.from([chunk]));
  const first = await reader.exactly(3);
  assertStrictEquals(first.buffer, chunk.buffer);
  assertEquals(first.byteOffset, 0);
});

Deno.test.each(
  [
    { bytes: [255], size: 1, order: "big", value: 255 },
    { bytes: [1, 2], size: 2, order: "big", value: 258 },
    { bytes: [1, 2], size: 2, order: "little", value: 513 },
    { bytes: [1, 2, 3], size: 3, order: "big", value: 66051 },
    { bytes: [255, 255, 255, 255], size: 4, order: "big", value: 2 ** 32 - 1 },
    {
      bytes: [0, 31, 255, 255, 255, 255, 255, 255],
      size: 8,
      order: "big",
      value: Number.MAX_SAFE_INTEGER,
    },
    { bytes: [2, 1, 0, 0, 0, 0, 0, 0], size: 8, order: "little", value: 258 },
  ] as const,
)("uint() reads $bytes as $value, $order", async (row) => {
  const chunks = row.bytes.map((byte) => Uint8Array.of(byte));
  for (const source of [Uint8Array.from(row.bytes), scripted(chunks)]) {
    const reader = new Reader(source);
    assertEquals(await reader.uint(row.size, row.order), row.value);
    assertEquals(await reader.some(), null);
  }
});

Deno.test("uint() leaves an integer that is no exact number", async () => {
  const bytes = Uint8Array.of(0, 32, 0, 0, 0, 0, 0, 0, 1);
  const reader = new Reader(bytes);
  await assertRejects(() => reader.uint(8), RangeError, "2^53");
  assertEquals(await reader.toEnd(), bytes);
});

Deno.test("toEnd() leaves what is more than maxBytes", async () => {
  const reader = new Reader(slowly("abcdef"));
  const options = { maxBytes: 5 };
  await assertRejects(() => reader.toEnd(options), RangeError, "more than 5");
  assertEquals(textOf(await reader.exactly(1)), "a");
  assertEquals(textOf(await reader.toEnd(options)), "bcdef");
});

Deno.test("toEnd() does not read on for ever", async () => {
  const endless = { read: (p: Uint8Array) => Promise.resolve(p.length) };
  const reader = new Reader(endless);
  await assertRejects(() => reader.toEnd({ maxBytes: 1e6 }), RangeError);
});

const framed: [string, CountFraming, string][] = [
  ["netstring", { framing: "netstring" }, "2:ab,0:,3:c,d,1:x"],
  ["octetCounted", { framing: "octetCounted" }, "2 ab3 c,d1 e9 x"],
  [
    "lengthPrefixed",
    { framing: "lengthPrefixed", lengthBytes: 2, order: "little" },
    "\x02\0ab\0\0\x03\0c,d\x09\0x",
  ],
];
for (const [name, framing, text] of framed) {
  Deno.test(`messages() yields messages of ${name}, the last one incomplete`, async () => {
    for (const source of [utf8(text), slowly(text)]) {
      const found = [];
      for await (const each of new Reader(source).messages(framing)) {
        found.push([textOf(each.data), each.reason]);
      }
      assertEquals(found[0], ["ab", "end"]);
      assertEquals(found[2]?.[1], "end");
      assertEquals(found.at(-1)?.[1], "eof");
      assertEquals(found.length, 4);
    }
  });

  Deno.test(`messages() yields nothing at the end of file after ${name}`, async () => {
    const none = await Array.fromAsync(new Reader(utf8("")).messages(framing));
    assertEquals(none, []);
  });
}

Deno.test("messages() can be left and entered again, with other markers", async () => {
  const reader = new Reader(slowly("a\nb\nc;d\r\ne"));
  const lines: string[] = [];
  for await (const { data } of reader.messages("\n")) {
    lines.push(textOf(data));
    if (lines.length === 2) break;
  }
  for await (const { data } of reader.messages(";")) {
    lines.push(textOf(data));
    break;
  }
  for await (const { data, gotEnd } of reader.messages(["\n", "\r\n"])) {
    lines.push(`${textOf(data)} ${gotEnd}`);
  }
  assertEquals(lines, ["a", "b", "c", "d true", "e false"]);
});

Deno.test("messages() ends at a message that is too large, and goes on after it", async () => {
  const reader = new Reader(slowly("a\nlonger\nb\n"));
  const loop = () => Array.fromAsync(reader.messages("\n", { maxBytes: 3 }));
  const first = await loop();
  assertEquals(first.map(({ reason }) => reason), ["end", "limit"]);
  assertEquals(await reader.skipUntil("\n"), true);
  assertEquals((await loop()).map(({ data }) => textOf(data)), ["b"]);
});

Deno.test("a call that waits too long rejects, and the next one goes on", async () => {
  const source = new GatedSource([utf8("to be continu"), utf8("ed;")]);
  const reader = new Reader(source);
  const start = performance.now();
  const late = reader.until(";", { timeout: 20 });
  await Promise.resolve();
  source.open();
  const error = await assertRejects(() => late, DOMException, "after 20 ms");
  assertEquals(error.name, "TimeoutError");
  assert(performance.now() - start >= 19);
  const next = reader.until(";", { timeout: 60_000 });
  await Promise.resolve();
  source.open();
  assertEquals(textOf((await next).data), "to be continued");
});

Deno.test("the time limit is of the call, not of each read", async () => {
  let read = Promise.resolve();
  const trickle = {
    async read(p: Uint8Array) {
      read = new Promise((done) => setTimeout(done, 4));
      await read;
      p[0] = 97;
      return 1;
    },
  };
  const reader = new Reader(trickle);
  const late = reader.until(";", { timeout: 30 });
  await assertRejects(() => late, DOMException, "Timed out");
  await read;
});

Deno.test("a call whose signal was aborted before rejects, even if it need not wait", async () => {
  const reader = new Reader(utf8("a;"));
  const signal = AbortSignal.abort("no");
  const reason = await reader.until(";", { signal }).catch((reason) => reason);
  assertEquals(reason, "no");
  assertEquals(textOf((await reader.until(";")).data), "a");
});

Deno.test("a second call at the same time rejects, and disturbs nothing", async () => {
  const source = new GatedSource([utf8("a;b;")]);
  const reader = new Reader(source);
  const first = reader.until(";");
  for (
    const second of [
      () => reader.until("\n"),
      () => reader.some(),
      () => reader.messages(";").next(),
      () => Promise.try(() => reader.release()),
    ]
  ) {
    await assertRejects(second, Deno.errors.Busy, "Cannot read: another call");
  }
  source.open();
  assertEquals(textOf((await first).data), "a");
  assertEquals(textOf((await reader.until(";")).data), "b");
});

Deno.test("an error of the source comes after the data, again and again", async () => {
  const broken = new Error("reset");
  const reader = new Reader(scripted([utf8("ab"), broken, utf8("never")]));
  for (let i = 0; i < 2; i++) {
    await assertRejects(() => reader.until(";"), Error, "reset");
    await assertRejects(() => reader.exactly(3), Error, "reset");
  }
  assertEquals(textOf(await reader.exactly(1)), "a");
  assertEquals(textOf(await reader.some() ?? utf8("")), "b");
  await assertRejects(() => reader.some(), Error, "reset");
});

Deno.test("an error of the source ends a call with a time limit at once", async () => {
  const read = Promise.withResolvers<number | null>();
  const reader = new Reader({ read: () => read.promise });
  const call = reader.some({ timeout: 60_000 });
  await Promise.resolve();
  read.reject(new Error("reset"));
  await assertRejects(() => call, Error, "reset");
});

Deno.test("a time limit longer than any timer is no limit", async () => {
  const source = new GatedSource([utf8("a")]);
  const reader = new Reader(source);
  const call = reader.some({ timeout: 2 ** 40 });
  await new Promise((done) => setTimeout(done, 5));
  source.open();
  assertEquals(await call, utf8("a"));
});

Deno.test("a call leaves nothing on its signal", async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--;
    remove(...args);
  };
  const source = new GatedSource([utf8("a")]);
  const reader = new Reader(source);
  const call = reader.some({ signal });
  assertEquals(listeners, 1);
  source.open();
  await call;
  assertEquals(listeners, 0);
});

Deno.test("an error of a read whose call was aborted is thrown to the next", async () => {
  const read = Promise.withResolvers<number | null>();
  const reader = new Reader({ read: () => read.promise });
  const late = reader.some({ timeout: 1 });
  await assertRejects(() => late, DOMException);
  read.reject(new Error("reset"));
  // Not an unhandled rejection, which would end the test run.
  await new Promise((done) => setTimeout(done));
  await assertRejects(() => reader.some(), Error, "reset");
});
