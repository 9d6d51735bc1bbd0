import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { BufferedSource } from "./buffered_source.ts";
import type { ChunkReader } from "./chunk_reader.ts";
import { systemClock } from "./clock.ts";
import { EndMarkerFraming } from "./end_marker.ts";
import { endOfFileFraming } from "./end_of_file.ts";
import type { Framing } from "./framing.ts";
import { toMarkerSet } from "./marker.ts";
import { netstringFraming } from "./netstring.ts";
import { skipFraming } from "./skip.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

/** Chunks, and then the end of file. */
function chunkReader(chunks: Iterable<Uint8Array>): ChunkReader {
  const iterator = chunks[Symbol.iterator]();
  return {
    [Symbol.dispose]: () => {},
    next: () => Promise.resolve(iterator.next().value ?? null),
  };
}

/** Wraps a framing so that it counts the bytes that its decoders are given. */
function counted<F extends Framing>(framing: F): F & { pushedBytes: number } {
  const counting = Object.create(framing);
  counting.pushedBytes = 0;
  // Not through the prototype: the fields of a framing are private to it.
  for (const name of ["markers", "overheadBytes"] as const) {
    Object.defineProperty(counting, name, { value: framing[name] });
  }
  counting.decoder = (maxBytes: number) => {
    const decoder = framing.decoder(maxBytes);
    return {
      get neededBytes() {
        return decoder.neededBytes;
      },
      push(chunk: Uint8Array) {
        counting.pushedBytes += chunk.length;
        return decoder.push(chunk);
      },
      end: () => decoder.end(),
    };
  };
  return counting;
}

const lines = () => counted(new EndMarkerFraming(toMarkerSet("\n")));

Deno.test.each([
  ["until", lines],
  ["netstring", () => counted(netstringFraming)],
  ["skip", () => counted(skipFraming(toMarkerSet("\n")))],
])(
  "decode() decodes each byte once, however often it is aborted: %s",
  async (_name, make) => {
    const framing = make();
    const text = "8000:" + "a".repeat(8000) + ",\n";
    const chunks = Array.from(text, (char) => utf8(char));
    const source = new BufferedSource(chunkReader(chunks));
    const attempt = () => source.decode(framing, 10_000);
    for (let at = 0; at < 8000; at++) {
      const controller = new AbortController();
      const { signal } = controller;
      const call = Promise.resolve(source.run(attempt, { signal }));
      controller.abort(new Error("aborted"));
      await assertRejects(() => call, Error, "aborted");
    }
    assertEquals((await source.run(attempt, {})).gotEnd, true);
    const consumed = framing.markers.length > 0 ? text.length : text.length - 1;
    assertEquals(framing.pushedBytes, consumed);
  },
);

Deno.test("decode() does not search all of a large chunk for a small limit", () => {
  const framing = lines();
  const source = new BufferedSource(chunkReader([]), new Uint8Array(1 << 20));
  for (let i = 0; i < 1000; i++) {
    const received = source.until(framing, 10);
    assertEquals([received?.reason, received?.byteLength], ["limit", 10]);
  }
  assert(framing.pushedBytes <= 12_000, `${framing.pushedBytes} were searched`);
});

Deno.test("decode() returns all bytes once with the end-of-file framing", async () => {
  const chunks = [utf8("ab"), utf8("c")];
  const source = new BufferedSource(chunkReader(chunks));
  const attempt = () => source.decode(endOfFileFraming, 3);
  const { reason, data } = await source.run(attempt, {});
  assertEquals([reason, data], ["end", utf8("abc")]);
  assertEquals((await source.run(attempt, {})).isEmpty, true);
});

Deno.test("decode() reports the limit with the end-of-file framing", async () => {
  for (const chunks of [["abcd"], ["abc", "d"], ["a", "b", "c", "d"]]) {
    const source = new BufferedSource(chunkReader(chunks.map(utf8)));
    const attempt = () => source.until(endOfFileFraming, 3);
    const { reason, data } = await source.run(attempt, {});
    assertEquals([reason, data], ["limit", utf8("abc")]);
    assertEquals((await source.run(attempt, {})).data, utf8("d"));
  }
});

Deno.test("decode() keeps few bytes while it skips", async () => {
  const framing = skipFraming(toMarkerSet("ab"));
  const chunks = [utf8("aaaa"), utf8("aaca"), utf8("bc")];
  const source = new BufferedSource(chunkReader(chunks));
  const attempt = () => source.decode(framing, Infinity);
  assertEquals((await source.run(attempt, {})).gotEnd, true);
  assertEquals(source.takeAll(), [utf8("c")]);
});

Deno.test("run() starts no timer for what has arrived, and stops the others", async () => {
  let running = 0;
  const clock: typeof systemClock = {
    ...systemClock,
    setTimeout(callback, ms) {
      running++;
      return systemClock.setTimeout(callback, ms);
    },
    clearTimeout(timer) {
      if (timer !== undefined) running--;
      systemClock.clearTimeout(timer);
    },
  };
  const source = new BufferedSource(
    chunkReader([utf8("cd")]),
    utf8("ab"),
    clock,
  );
  const options = { timeout: 60_000 };
  const first = source.run(() => source.exactly(2), options);
  assertEquals([first, running], [utf8("ab"), 0]);
  const second = source.run(() => source.exactly(2), options);
  assertEquals(running, 1);
  assertEquals(await second, utf8("cd"));
  assertEquals(running, 0);
});

Deno.test("readAhead() adds the bytes of one read, which the next call has", async () => {
  const chunks = chunkReader([utf8("a"), utf8("b\n")]);
  const source = new BufferedSource(chunks);
  assertEquals(source.peek(), undefined);
  await Promise.all([source.readAhead(), source.readAhead()]);
  assertEquals(source.peek(), utf8("a"));
  const framing = new EndMarkerFraming(toMarkerSet("\n"));
  const { data } = await source.run(() => source.decode(framing, 10), {});
  assertEquals(data, utf8("ab"));
  assertEquals(source.peek(), undefined);
  await source.readAhead();
  assertEquals(source.peek(), null);
  await source.readAhead();
});

Deno.test("peek() throws what the source threw, after the bytes before", async () => {
  const steps = [
    Promise.resolve(utf8("a")),
    Promise.reject(new Error("broken")),
  ];
  const source = new BufferedSource({
    [Symbol.dispose]: () => {},
    next: () => steps.shift()!,
  });
  await source.readAhead();
  await source.readAhead();
  assertEquals(source.peek(), utf8("a"));
  source.takeAll();
  assertThrows(() => source.peek(), Error, "broken");
  await source.readAhead();
});
