import { assertEquals, assertInstanceOf } from "@std/assert";
import {
  KEEPING,
  ONCE,
  scriptedConnection,
} from "../tests/scripted_connection.ts";
import { ErrorReply, type Handler } from "./handler.ts";

Deno.test("Responder aborts the signal of a handler that is interrupted", async () => {
  const reasons: unknown[] = [];
  const { connection, written, send, settle } = scriptedConnection(
    ONCE,
    (_message, { signal }) => {
      signal.addEventListener("abort", () => reasons.push(signal.reason));
      return new Promise<string>(() => {});
    },
  );
  const report = connection.run();
  await send("a;");
  connection.interrupt("shutting down");
  await settle();
  // While the connection lingers, and not only at its end.
  assertEquals([written(), reasons.length], ["ERROR:shutting down!", 1]);
  assertInstanceOf(reasons[0], ErrorReply);
  assertEquals(reasons[0].code, "shutting down");
  await send(null);
  await report;
});

Deno.test("Responder ends the stream of a handler that was interrupted", async () => {
  const cancelled = Promise.withResolvers<void>();
  let finish = (_reply: ReadableStream<Uint8Array>) => {};
  const { connection, pool, send, settle } = scriptedConnection(
    ONCE,
    () =>
      new Promise<ReadableStream<Uint8Array>>((resolve) => finish = resolve),
  );
  const report = connection.run();
  await send("a;");
  connection.interrupt("shutting down");
  await send(null);
  await report;
  // The handler may still read its message.
  assertEquals(pool.leasedBytes, 1024);
  const freeBytes = pool.freeBytes;
  finish(
    new ReadableStream({
      pull: () => new Promise(() => {}),
      cancel: () => cancelled.resolve(),
    }, { highWaterMark: 0 }),
  );
  await cancelled.promise;
  await settle();
  // So may its stream, for as long as it likes: the block is not reused.
  assertEquals([pool.leasedBytes, pool.freeBytes], [0, freeBytes]);
});

Deno.test.each<{ name: string; handler: Handler }>([
  { name: "at once", handler: (message) => message.text() },
  {
    name: "after some microtasks",
    handler: async (message) => {
      for (let count = 0; count < 5; count++) await undefined;
      return message.text();
    },
  },
])("Responder writes replies together that are made $name", async (test) => {
  const { connection, send, writes } = scriptedConnection(
    KEEPING,
    test.handler,
  );
  const report = connection.run();
  await send("a;b;c;");
  await send("d;");
  await send(null);
  await report;
  assertEquals(writes, ["a;b;c;", "d;"]);
});

Deno.test("Responder writes what is ready before it waits for a handler", async () => {
  const later = Promise.withResolvers<string>();
  const { connection, send, settle, writes } = scriptedConnection(
    KEEPING,
    (message) => message.text() === "b" ? later.promise : message.text(),
  );
  const report = connection.run();
  await send("a;b;c;");
  assertEquals(writes, ["a;"]);
  later.resolve("B");
  await settle();
  assertEquals(writes, ["a;", "B;c;"]);
  await send(null);
  await report;
});

Deno.test("Responder takes a handler's error that comes after some microtasks", async () => {
  const { connection, send, written } = scriptedConnection(
    KEEPING,
    async (message) => {
      await undefined;
      if (message.text() === "b") throw new ErrorReply("no");
      return message.text();
    },
  );
  const report = connection.run();
  await send("a;b;c;");
  await send(null);
  await report;
  assertEquals(written(), "a;ERROR:no!;c;");
});

Deno.test("Responder reports how the last message ended, not one before", async () => {
  const { connection, send } = scriptedConnection(KEEPING);
  const report = connection.run();
  await send("a;b");
  await send(new Deno.errors.ConnectionReset("reset"));
  const { outcome, messages } = await report;
  assertEquals([outcome, messages], ["reset", 1]);
});

/** Replies of several chunks, each of one letter and of these sizes. */
const SIZES = [1, 20_000, 3, 100_000, 16_000, 700, 17_000, 17_000, 2];

const CHUNKS = SIZES.map((size, index) =>
  String.fromCharCode(97 + index).repeat(size)
);

const KINDS: Record<string, Handler> = {
  "a list": () => CHUNKS,
  "an iterable": () => new Set(CHUNKS),
  "an async iterable": () => ReadableStream.from(CHUNKS),
  "a promise": () => Promise.resolve(CHUNKS),
};

for (const [kind, handler] of Object.entries(KINDS)) {
  Deno.test(`Responder sends small and large chunks in order: ${kind}`, async () => {
    const { connection, written, send } = scriptedConnection(KEEPING, handler);
    const report = connection.run();
    await send("x;y;z;");
    await send(null);
    await report;
    assertEquals(written() === `${CHUNKS.join("")};`.repeat(3), true);
  });
}

Deno.test("Responder sends a large reply after the small ones before it", async () => {
  const large = "l".repeat(200_000);
  const { connection, written, send } = scriptedConnection(
    KEEPING,
    (message) => message.text() === "l" ? large : message.text(),
  );
  const report = connection.run();
  await send("a;b;l;c;l;d;");
  await send(null);
  await report;
  assertEquals(written() === `a;b;${large};c;${large};d;`, true);
});

Deno.test("Responder sends no error reply in the middle of a reply", async () => {
  const { connection, written, send } = scriptedConnection(
    KEEPING,
    async function* () {
      yield "begun";
      await Promise.resolve();
      throw new Error("broken");
    },
  );
  const report = connection.run();
  await send("a;");
  const { outcome, replyLost } = await report;
  assertEquals([written(), outcome, replyLost], ["begun", "failed", true]);
});
