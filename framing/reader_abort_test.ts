// A `Reader` that is aborted keeps its data and its pending read: checked
// against an oracle, at every read and at random moments.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Reader } from "../mod.ts";
import { type Call, Oracle, randomStream } from "../tests/reader_oracle.ts";
import { cutAt, GatedSource, textOf, utf8 } from "../tests/scripted_source.ts";
import { Random } from "../tests/random.ts";

const RANDOM_ABORTS = 100_000;

/** The result of a promise, and whether it was thrown. */
async function outcomeOf(
  promise: Promise<unknown>,
): Promise<[result: unknown, isThrown: boolean]> {
  try {
    return [await promise, false];
  } catch (error) {
    return [error, true];
  }
}

/** Lets whatever is ready happen, up to the next event. */
const settled = () => new Promise((resolve) => setTimeout(resolve));

/** Makes a call, and aborts it at each of its reads, before the chunk comes. */
async function abortAtEveryRead(
  call: Call,
  reader: Reader,
  source: GatedSource,
): Promise<void> {
  for (;;) {
    const controller = new AbortController();
    const { signal } = controller;
    const outcome = outcomeOf(call.run(reader, { signal }));
    // A read may be pending from the abort before: its chunk was not there.
    await Promise.resolve();
    if (!source.isReading) return call.check(...await outcome);
    const reason = new Error("aborted");
    controller.abort(reason);
    assertEquals(await outcome, [reason, true]);
    source.open();
    // The chunk comes while no call waits for it.
    await settled();
  }
}

// Each method finds something, fails, and goes on in the middle of a marker.
const HOSTILE: [string, (oracle: Oracle) => Call[]][] = [
  ["a\r\r\nb\n\r", (o) => [
    o.until(["\r\n", "\n"]),
    o.until(["\r\n", "\n"]),
    o.until(["\r\n", "\n"]),
  ]],
  ["ababaxabab", (o) => [o.until(["abab"], 3), o.until(["abab"], 3)]],
  ["aaaaaaaaab", (o) => [o.until(["aab"], 3), o.skipUntil(["aab"])]],
  ["aaaaabaaab", (o) => [o.skipUntil(["aaab"]), o.toEnd(3), o.toEnd(9)]],
  ["3:abc,2:ab", (o) => [o.netstring(), o.netstring(), o.exactly(4)]],
  ["5 a1234;0 ", (o) => [o.octetCounted(), o.skipUntil([";"]), o.exactly(3)]],
  ["\0\x03abc\x01\0d", (o) => [
    o.lengthPrefixed(2, "big"),
    o.lengthPrefixed(2, "little"),
    o.some(),
  ]],
  ["\x01\x02\x03\x04abc", (o) => [
    o.uint(3, "little"),
    o.exactly(2),
    o.uint(4, "big"),
    o.toEnd(9),
  ]],
  ["abcdef", (o) => [o.some(2), o.netstring(), o.exactly(1), o.until([";"])]],
];

for (const [text, calls] of HOSTILE) {
  const stream = utf8(text);
  Deno.test(`Reader goes on after an abort at every read of ${JSON.stringify(text)}`, async () => {
    const everyByte = Array.from(stream, (_, at) => at);
    const cuts = everyByte.flatMap((first) =>
      everyByte.slice(first).map((second) => [first, second])
    );
    for (const places of [everyByte, ...cuts]) {
      const source = new GatedSource(cutAt(stream, places));
      const reader = new Reader(source);
      const oracle = new Oracle(stream);
      for (const call of calls(oracle)) {
        await abortAtEveryRead(call, reader, source);
      }
    }
  });
}

/** Calls back after as many microtasks. */
async function microtasks(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await null;
}

/** A source in memory that takes some microtasks for each chunk. */
function slowSource(chunks: readonly Uint8Array[], random: Random) {
  const queue = [...chunks];
  return {
    async read(p: Uint8Array): Promise<number | null> {
      await microtasks(random.int(0, 5));
      const chunk = queue.shift();
      if (chunk === undefined) return null;
      const now = chunk.subarray(0, p.length);
      p.set(now);
      if (now.length < chunk.length) queue.unshift(chunk.subarray(now.length));
      return now.length;
    },
  };
}

/** A stream of these chunks, each after a random number of microtasks. */
function slowStream(
  chunks: readonly Uint8Array[],
  random: Random,
): ReadableStream<Uint8Array> {
  const queue = [...chunks];
  return new ReadableStream({
    async pull(controller) {
      await microtasks(random.int(0, 5));
      const chunk = queue.shift();
      if (chunk === undefined) controller.close();
      else controller.enqueue(chunk.slice());
    },
  }, { highWaterMark: random.int(0, 1) });
}

Deno.test(`Reader loses no byte and repeats none in ${RANDOM_ABORTS} random aborts`, async () => {
  let aborts = 0;
  for (let seed = 1; aborts < RANDOM_ABORTS; seed++) {
    const random = new Random(seed);
    const stream = randomStream(random, 40);
    const places = Array.from(
      { length: random.int(0, stream.length) },
      () => random.int(0, stream.length),
    );
    const chunks = cutAt(stream, places);
    const source = random.chance(0.5)
      ? slowSource(chunks, random)
      : slowStream(chunks, random);
    const reader = new Reader(source);
    const oracle = new Oracle(stream);
    const calls: string[] = [];
    let skipping: Call | undefined;
    try {
      for (let idle = 0; idle < 5;) {
        const before = oracle.left.length;
        const call = skipping ?? oracle.call(random);
        calls.push(call.name);
        const controller = new AbortController();
        const outcome = outcomeOf(
          call.run(reader, { signal: controller.signal }),
        );
        if (random.chance(0.9)) {
          await microtasks(random.int(0, 12));
          controller.abort(calls);
        }
        const [result, isThrown] = await outcome;
        if (result === calls) {
          aborts++;
          // What it has dropped, the oracle does not know.
          skipping = call.name.startsWith("skipUntil") ? call : undefined;
          continue;
        }
        skipping = undefined;
        call.check(result, isThrown);
        // Several calls at the end of file, and when nothing is consumed.
        if (oracle.left.length === before) idle++;
      }
      assertEquals(await reader.toEnd(), oracle.left);
    } catch (error) {
      const text = JSON.stringify(String.fromCharCode(...stream));
      throw new Error(`seed ${seed}: ${text}, calls ${calls.join(", ")}`, {
        cause: error,
      });
    }
  }
});

Deno.test("Reader returns for a stream and for a reader what the oracle returns", async () => {
  for (let seed = 1; seed <= 3000; seed++) {
    const random = new Random(seed, 1);
    const stream = randomStream(random, 30);
    const places = Array.from(
      { length: random.int(0, 9) },
      () => random.int(0, stream.length),
    );
    const chunks = cutAt(stream, places);
    const source = random.pick([
      () => ReadableStream.from(chunks),
      () => slowSource(chunks, random),
      () => stream,
    ])();
    const initial = stream.slice(0, random.int(0, stream.length));
    const withInitial = source === stream && random.chance(0.5);
    const reader = withInitial
      ? new Reader(stream.subarray(initial.length), { initial })
      : new Reader(source);
    const oracle = new Oracle(stream);
    for (let call = 0; call < 12; call++) {
      const next = oracle.call(random);
      next.check(...await outcomeOf(next.run(reader, {})));
    }
    assertEquals(await reader.toEnd(), oracle.left, `seed ${seed}`);
  }
});

Deno.test("until() goes on where it was, however often it is aborted", async () => {
  // Quadratic, it would take hours: 40,000 aborts in a message of 40,000
  // chunks, each of which is searched once.
  const length = 40_000;
  let count = 0;
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await null;
      const byte = ++count < length ? 97 : 59;
      controller.enqueue(Uint8Array.of(byte));
    },
  });
  const reader = new Reader(stream);
  let aborts = 0;
  for (;;) {
    const controller = new AbortController();
    const call = reader.until("aab;", { signal: controller.signal });
    const other = reader.until(";").catch((error) => error.name);
    assertEquals(await other, "Busy");
    controller.abort();
    const [, isAborted] = await outcomeOf(call);
    if (!isAborted) break;
    aborts++;
    if (count >= length) break;
    await microtasks(8);
  }
  assert(aborts > 1000, `only ${aborts} aborts`);
  const { byteLength } = await reader.until(";");
  assertEquals(byteLength, length - 1);
  await stream.cancel().catch(() => {});
});

Deno.test("Reader takes many chunks of one byte in linear time", async () => {
  // Quadratic, it would take an hour.
  const length = 300_000;
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const controller = new AbortController();
  const stream = ReadableStream.from(async function* () {
    for (let i = 0; i < length; i++) yield Uint8Array.of(i % 2 ? 59 : 97);
    controller.abort();
    await gate;
  }());
  const reader = new Reader(stream);
  const { signal } = controller;
  const call = reader.exactly(length + 1, { signal });
  await assertRejects(() => call, DOMException);
  // All chunks are in the reader now. The last ones are searched from the first.
  for (let i = 0; i < length / 4; i++) {
    assertEquals((await reader.until(";")).byteLength, 1);
  }
  const late = reader.until("no such marker", { timeout: 10 });
  await assertRejects(() => late, DOMException);
  open();
  assertEquals((await reader.toEnd()).length, length / 2);
});

Deno.test("Reader has the chunk of a read whose call was aborted", async () => {
  const source = new GatedSource([utf8("a;"), utf8("b;")]);
  const reader = new Reader(source);
  const controller = new AbortController();
  const call = reader.until(";", { signal: controller.signal });
  controller.abort(new Error("enough"));
  await assertRejects(() => call, Error, "enough");
  source.open();
  await settled();
  assertEquals(source.isReading, false);
  assertEquals(textOf((await reader.until(";")).data), "a");
});

Deno.test("Reader returns a message that arrives together with the abort", async () => {
  const source = new GatedSource([utf8("a;b")]);
  const reader = new Reader(source);
  const controller = new AbortController();
  const call = reader.until(";", { signal: controller.signal });
  await Promise.resolve();
  source.open();
  controller.abort();
  const [result, isThrown] = await outcomeOf(call);
  // Either is right, as long as nothing is lost.
  if (isThrown) assertEquals(textOf((await reader.until(";")).data), "a");
  else assertEquals(textOf((result as { data: Uint8Array }).data), "a");
  const rest = reader.some();
  assertEquals(textOf(await rest ?? utf8("")), "b");
});
