// What a message costs with each way to read, in memory: `Reader.until()` in a
// loop, `Reader.messages()` and `recvEnd()`, as ratios to `messages()`. All read
// the same bytes in the same run, in turn, so that whatever else keeps the
// machine busy slows each of them alike.
//
//   deno run bench/reader_bench.ts
//
// Prints the median of the rounds. The run takes half a minute.

import { messages, Reader, recvEnd } from "../mod.ts";

const ROUNDS = 21;
const MESSAGES = 50_000;

/** Reads all messages from the source, and returns their number. */
type Way = (source: ReadableStream<Uint8Array>) => Promise<number>;

const ways: Record<string, Way> = {
  async "messages()"(source) {
    let count = 0;
    for await (const { gotEnd } of messages(source, "\n")) count += +gotEnd;
    return count;
  },
  async "Reader.until()"(source) {
    using reader = new Reader(source);
    let count = 0;
    while ((await reader.until("\n")).gotEnd) count++;
    return count;
  },
  async "Reader.until(), time limit"(source) {
    using reader = new Reader(source);
    let count = 0;
    while ((await reader.until("\n", { timeout: 10_000 })).gotEnd) count++;
    return count;
  },
  async "Reader.messages()"(source) {
    using reader = new Reader(source);
    let count = 0;
    for await (const { gotEnd } of reader.messages("\n")) count += +gotEnd;
    return count;
  },
  async "recvEnd()"(source) {
    let count = 0;
    let initial = new Uint8Array(0);
    for (;;) {
      const { gotEnd, rest } = await recvEnd(source, "\n", { initial });
      if (!gotEnd) return count;
      initial = rest as Uint8Array<ArrayBuffer>;
      count++;
    }
  },
};

/** A stream of lines of `length` bytes, in chunks of `chunkBytes`. */
function lines(
  count: number,
  length: number,
  chunkBytes: number,
): ReadableStream<Uint8Array> {
  const bytes = new Uint8Array(count * length).fill(97);
  for (let at = length - 1; at < bytes.length; at += length) bytes[at] = 10;
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at += chunkBytes));
    },
  });
}

const median = (values: number[]) =>
  values.toSorted((a, b) => a - b)[values.length >> 1]!;

for (
  const [length, chunkBytes] of [[6, 65536], [24, 65536], [24, 24], [
    200,
    1000,
  ]] as const
) {
  const times = Object.keys(ways).map((): number[] => []);
  for (let round = -2; round < ROUNDS; round++) {
    for (const [index, read] of Object.values(ways).entries()) {
      const source = lines(MESSAGES, length, chunkBytes);
      const start = performance.now();
      if (await read(source) !== MESSAGES) throw new Error("Messages are lost");
      // The first rounds only compile.
      if (round >= 0) times[index]!.push(performance.now() - start);
    }
  }
  console.log(`\nmessages of ${length} B in chunks of ${chunkBytes} B`);
  for (const [index, name] of Object.keys(ways).entries()) {
    const ratios = times[index]!.map((time, round) => time / times[0]![round]!);
    const ns = median(times[index]!) * 1e6 / MESSAGES;
    console.log(
      `${name.padEnd(28)} ${ns.toFixed(0).padStart(6)} ns ` +
        `${median(ratios).toFixed(2).padStart(6)}`,
    );
  }
}
