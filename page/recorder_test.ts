import { assert, assertEquals, assertRejects } from "@std/assert";
import { needsNet } from "../tests/options.ts";
import { Recorder } from "./recorder.ts";
import type { Side, TraceEvent } from "./trace.js";

const CLIENT = { at: "client", to: "server" } as const;
const SERVER = { at: "server", to: "client" } as const;

/** A recorder with a connection, both ends of which are recorded. */
async function recordedPair() {
  const recorder = new Recorder(["client", "server"]);
  const tcp = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const listener = recorder.listener(tcp, SERVER);
  const accepting = listener.accept();
  const { port } = tcp.addr;
  const client = await recorder.connect(() => Deno.connect({ port }), CLIENT);
  const server = await accepting;
  tcp.close();
  return { recorder, client, server };
}

/** What a side did, without times. */
function callsOf(recorder: Recorder, side: Side): string[] {
  return recorder.trace({ title: "" }).events
    .filter(({ at }) => at === side)
    .map(({ what, text, error }) =>
      [what, text, error].filter((part) => part !== undefined).join(" ")
    );
}

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test(needsNet("Recorder records each call of both sockets"), async () => {
  const { recorder, client, server } = await recordedPair();
  const buffer = new Uint8Array(100);
  await client.write(bytes("a1234\n"));
  assertEquals(await server.read(buffer), 6);
  await client.closeWrite();
  assertEquals(await server.read(buffer), null);
  server.close();
  assertEquals(await client.read(buffer), null);
  client.close();
  assertEquals(callsOf(recorder, "client"), [
    ...["connect", "send a1234␊", "half-close", "end of file", "close"],
  ]);
  assertEquals(callsOf(recorder, "server"), [
    ...["accept", "receive a1234␊", "end of file", "close"],
  ]);
  const { events } = recorder.trace({ title: "" });
  assertEquals(events[0]?.ms, 0);
  assert(events.every(({ link }) => link === 0));
});

Deno.test(
  needsNet("Recorder records why a call fails, and passes it on"),
  async () => {
    const { recorder, client, server } = await recordedPair();
    client.close();
    await server.read(new Uint8Array(1));
    await server.write(bytes("a"));
    await assertRejects(async () => {
      // The reset takes its time.
      for (;;) await server.write(bytes("a"));
    }, Error);
    server.close();
    const failed = callsOf(recorder, "server").at(-2);
    assert(/^send (BrokenPipe|ConnectionReset)$/.test(failed!), failed);
  },
);

Deno.test(
  needsNet("Recorder tells a write of no bytes that fails from another"),
  async () => {
    for (const [text, byteLength] of [["", 0], ["a", undefined]] as const) {
      const { recorder, client, server } = await recordedPair();
      client.close();
      await server.read(new Uint8Array(1));
      await server.write(bytes("a"));
      await assertRejects(async () => {
        for (;;) await server.write(bytes(text));
      }, Error);
      server.close();
      const { events } = recorder.trace({ title: "" });
      const failed = events.find(({ error }) => error !== undefined);
      assertEquals(failed?.byteLength, byteLength);
    }
  },
);

Deno.test(
  needsNet("Recorder does not record what its own close interrupts"),
  async () => {
    const { recorder, client, server } = await recordedPair();
    const reading = server.read(new Uint8Array(1));
    server.close();
    await assertRejects(() => reading, Deno.errors.Interrupted);
    client.close();
    assertEquals(callsOf(recorder, "server"), ["accept", "close"]);
  },
);

Deno.test(needsNet("Recorder numbers connections"), async () => {
  const recorder = new Recorder(["client", "server"]);
  using tcp = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = tcp.addr;
  for (const link of [0, 1]) {
    const conn = await recorder.connect(() => Deno.connect({ port }), CLIENT);
    assertEquals(recorder.linkOf(conn.localAddr), link);
    conn.close();
  }
});

Deno.test(
  needsNet("Recorder records that a connection is refused"),
  async () => {
    const recorder = new Recorder(["client", "server"]);
    await assertRejects(() =>
      recorder.connect(
        () => Promise.reject(new Deno.errors.ConnectionRefused()),
        CLIENT,
      ), Deno.errors.ConnectionRefused);
    assertEquals(callsOf(recorder, "client"), ["connect ConnectionRefused"]);
  },
);

/** A trace of these events of the client. */
function traced(events: Partial<TraceEvent>[]): TraceEvent[] {
  const recorder = new Recorder(["client", "server"]);
  for (const event of events) {
    recorder.add({ ...CLIENT, link: 0, what: "send", ...event });
  }
  return recorder.trace({ title: "" }).events;
}

Deno.test("trace() joins many bytes in a row", () => {
  const events = traced([
    { ms: 1, byteLength: 2000, text: "a" },
    { ms: 2, byteLength: 1, text: "b" },
    { ms: 3, byteLength: 3000, text: "c" },
  ]);
  assertEquals(events.length, 1);
  const { ms, untilMs, byteLength, chunks, text } = events[0]!;
  assertEquals({ ms, untilMs, byteLength, chunks, text }, {
    ...{ ms: 0, untilMs: 2, byteLength: 5001, chunks: 3, text: "a" },
  });
});

Deno.test("trace() joins neither few bytes, nor across another event", () => {
  const few = traced([{ ms: 1, byteLength: 10 }, { ms: 2, byteLength: 2000 }]);
  assertEquals(few.map(({ byteLength }) => byteLength), [10, 2000]);
  const across = traced([
    { ms: 1, byteLength: 2000 },
    { ms: 2, what: "half-close" },
    { ms: 3, byteLength: 2000 },
  ]);
  assertEquals(across.length, 3);
});

Deno.test("trace() has its events in the order of their times, from 0", () => {
  const events = traced([{ ms: 7.125, what: "close" }, {
    ms: 5,
    byteLength: 1,
  }]);
  assertEquals(events.map(({ what, ms }) => [what, ms]), [
    ["send", 0],
    ["close", 2.13],
  ]);
});
