// Memory of a message must not be handed to another client while a handler, or
// an iterable that was not read to its end, may still read the message.
import { assert, assertEquals } from "@std/assert";
import { type Handler, type Message, sendData, serve } from "../mod.ts";
import { needsNet } from "./options.ts";
import { pause } from "./sockets.ts";

/** Whether these bytes hold anything but the letter of their own client. */
function foreignBytes(chunks: readonly Uint8Array[], own: string): string {
  const text = chunks.map((chunk) => new TextDecoder().decode(chunk)).join("");
  return text.replaceAll(own, "");
}

/**
 * A client sends `a`s and leaves in the middle of the reply. Others send `b`s.
 * Then the handler of the first continues, and reports what it reads.
 */
async function readAfterBreakOff(
  handler: (
    message: Message,
    goOn: Promise<void>,
    read: (bytes: readonly Uint8Array[]) => void,
  ) => ReturnType<Handler>,
  size: number,
): Promise<string> {
  const { promise: goOn, resolve: release } = Promise.withResolvers<void>();
  const reading = Promise.withResolvers<string>();
  const brokenOff = Promise.withResolvers<void>();
  const onConversation = () => brokenOff.resolve();
  const options = { port: 0, end: "\n", onConversation };
  await using server = serve(options, (message) => {
    const [first] = message.text();
    if (first === "b") return "b";
    return handler(message, goOn, (chunks) => {
      reading.resolve(foreignBytes(chunks, "a"));
    });
  });
  const { port } = server.addr;
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const sent = new TextEncoder().encode("a".repeat(size) + "\n");
  for (let start = 0; start < sent.length;) {
    start += await conn.write(sent.subarray(start));
  }
  await conn.read(new Uint8Array(1024));
  conn.close();
  // The kernel answers the next writes with a reset: the server breaks off.
  await brokenOff.promise;
  for (let i = 0; i < 50; i++) {
    await sendData("b".repeat(size), { port, end: "\n" });
  }
  release();
  for (let i = 0; i < 50; i++) {
    await sendData("b".repeat(size), { port, end: "\n" });
  }
  return await reading.promise;
}

/** More chunks than all socket buffers hold: the reply cannot be complete. */
const MANY = 300;
const large = new Uint8Array(64 * 1024).fill(120);

for (const size of [5, 3000, 300_000]) {
  Deno.test(
    needsNet(
      `serve() keeps ${size} bytes for a ReadableStream that is cancelled while it pulls`,
    ),
    async () => {
      let pulls = 0;
      const foreign = await readAfterBreakOff((message, goOn, read) => {
        const { chunks } = message;
        return new ReadableStream<Uint8Array>({
          async pull(controller) {
            if (pulls++ < MANY) return controller.enqueue(large);
            await goOn;
            read(chunks);
          },
        }, { highWaterMark: MANY + 10 });
      }, size);
      assertEquals(foreign, "");
    },
  );

  Deno.test(
    needsNet(
      `serve() keeps ${size} bytes for the finally of a generator that is broken off`,
    ),
    async () => {
      const foreign = await readAfterBreakOff(
        async function* (message, goOn, read) {
          try {
            for (;;) yield large;
          } finally {
            await goOn;
            read(message.chunks);
          }
        },
        size,
      );
      assertEquals(foreign, "");
    },
  );

  Deno.test(
    needsNet(
      `serve() keeps ${size} bytes for a stream inside a generator that is broken off`,
    ),
    async () => {
      let pulls = 0;
      const foreign = await readAfterBreakOff(
        async function* (message, goOn, read) {
          yield* new ReadableStream<Uint8Array>({
            async pull(controller) {
              if (pulls++ < MANY) return controller.enqueue(large);
              await goOn;
              read(message.chunks);
            },
          }, { highWaterMark: MANY + 10 });
        },
        size,
      );
      assertEquals(foreign, "");
    },
  );
}

Deno.test(
  needsNet("serve() keeps a message for a handler that a shutdown interrupted"),
  async () => {
    const { promise: goOn, resolve: release } = Promise.withResolvers<void>();
    const read = Promise.withResolvers<string>();
    const pulled = Promise.withResolvers<string>();
    const called = Promise.withResolvers<void>();
    const server = serve({ port: 0, end: "\n", grace: 50 }, async (message) => {
      const { chunks } = message;
      called.resolve();
      await goOn;
      read.resolve(foreignBytes(chunks, "a"));
      // A stream without a reader reads ahead, after the handler has settled.
      return new ReadableStream<Uint8Array>({
        async pull() {
          await pause(20);
          pulled.resolve(foreignBytes(chunks, "a"));
        },
      });
    });
    const { port } = server.addr;
    const reply = sendData("a".repeat(3000), { port, end: "\n" });
    await called.promise;
    const finished = server.shutdown();
    assertEquals((await reply).error, "shutting down");
    release();
    assertEquals(await read.promise, "");
    assertEquals(await pulled.promise, "");
    await finished;
  },
);

Deno.test(
  needsNet("serve() goes on after many replies that were broken off"),
  async () => {
    // Room for four slabs: memory that was given up has to be counted down.
    await using server = serve(
      { port: 0, end: "\n", maxBufferedBytes: 4 * 2 ** 20, maxBytes: 1000 },
      (message) =>
        message.byteLength === 1 ? "x" : (async function* () {
          yield "some";
          throw new Error("broken");
        })(),
    );
    const { port } = server.addr;
    let answered = 0;
    for (let i = 0; i < 200; i++) {
      await sendData("aa", { port, end: "\n" });
      const reply = await sendData("a", { port, end: "\n" });
      if (reply.error === null) answered++;
      // The memory is free once the garbage collector has run.
      new Uint8Array(4 * 2 ** 20).fill(1);
      await pause(0);
    }
    assert(answered > 150, `${answered} of 200`);
  },
);
