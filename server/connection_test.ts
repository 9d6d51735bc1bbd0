import { assertEquals } from "@std/assert";
import { systemClock } from "../framing/clock.ts";
import { ServerConnection } from "./connection.ts";
import type { Handler } from "./handler.ts";
import { newLimits } from "./limits.ts";
import { resolveOptions } from "./options.ts";

/** A connection whose client is scripted: `send()` delivers its next bytes. */
function scriptedConnection(
  handler: Handler = (message) => message.text(),
) {
  const options = { end: ";", keepAlive: true };
  const open = new Set<ServerConnection>();
  let written = "";
  let deliver: ((bytes: Uint8Array | null) => void) | undefined;
  const conn = {
    remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
    read: (buffer: Uint8Array) =>
      new Promise<number | null>((resolve) => {
        deliver = (bytes) => {
          if (bytes !== null) buffer.set(bytes);
          resolve(bytes?.length ?? null);
        };
      }),
    write(bytes: Uint8Array) {
      written += new TextDecoder().decode(bytes);
      return Promise.resolve(bytes.length);
    },
    closeWrite: () => Promise.resolve(),
    close: () => {},
  } as unknown as Deno.Conn;
  const resolved = resolveOptions(options, handler, {
    clock: systemClock,
    limits: newLimits(options),
    open,
    lingering: new Set(),
    isEnding: () => false,
    onCallbackError: () => {},
  });
  const connection = new ServerConnection(conn, resolved);
  return {
    connection,
    written: () => written,
    /** Delivers text, or the end of file, and lets the connection react. */
    async send(text: string | null) {
      deliver!(text === null ? null : new TextEncoder().encode(text));
      await new Promise((resolve) => setTimeout(resolve));
    },
  };
}

Deno.test.each([
  { name: "a complete message", text: "b;", reply: "a;b;" },
  { name: "two", text: "b;c;", reply: "a;b;ERROR:shutting down!;" },
  { name: "a part of one", text: "b", reply: "a;ERROR:shutting down!;" },
  { name: "nothing", text: null, reply: "a;" },
])(
  "ServerConnection.interrupt() while idle waits for what has arrived: $name",
  async ({ text, reply }) => {
    const { connection, written, send } = scriptedConnection();
    const report = connection.run();
    await send("a;");
    connection.interrupt("shutting down");
    await send(text);
    if (text !== null) await send(null);
    await report;
    assertEquals(written(), reply);
  },
);

Deno.test("ServerConnection.abort() while a reply is made is reported as aborted", async () => {
  const hangs = () => new ReadableStream({ pull: () => new Promise(() => {}) });
  const { connection, send } = scriptedConnection(hangs);
  const report = connection.run();
  await send("a;");
  connection.abort();
  await send(null);
  assertEquals((await report).outcome, "aborted");
});

Deno.test("ServerConnection.abort() in the middle of a reply is a lost reply", async () => {
  const stops = async function* () {
    yield "begun";
    await new Promise(() => {});
  };
  const { connection, send, written } = scriptedConnection(stops);
  const report = connection.run();
  await send("a;");
  assertEquals(written(), "begun");
  connection.abort();
  await send(null);
  const { outcome, replyLost } = await report;
  assertEquals({ outcome, replyLost }, { outcome: "aborted", replyLost: true });
});

Deno.test.each([
  { name: "a message", text: "a;", replyLost: true },
  { name: "the end of file", text: null, replyLost: false },
])(
  "ServerConnection.check() ends an idle connection; then comes $name",
  async ({ text, replyLost }) => {
    const { connection, written, send } = scriptedConnection();
    const running = connection.run();
    connection.check(Number.MAX_SAFE_INTEGER, false);
    await send(text);
    if (text !== null) await send(null);
    const report = await running;
    assertEquals(written(), "");
    assertEquals(report.outcome, "ok");
    assertEquals(report.replyLost, replyLost);
  },
);
