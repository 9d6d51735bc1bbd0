import { assertEquals } from "@std/assert";
import { concat } from "@std/bytes";
import type { Conversation, ServeOptions } from "../mod.ts";
import { binary, IPV4, IPV6, line } from "../tests/proxy_headers.ts";
import {
  KEEPING,
  ONCE,
  scriptedConnection,
} from "../tests/scripted_connection.ts";

/** The scripted client is a proxy. */
const PROXY = { proxyFrom: ["127.0.0.1"] };
const HEADER = line("192.0.2.1");

const speakFirst = {
  ...ONCE,
  ...PROXY,
  async converse(conversation: Conversation) {
    const { remoteAddr } = conversation;
    await conversation.write(`${(remoteAddr as Deno.NetAddr).hostname}>`);
    const message = await conversation.message();
    await conversation.reply(message?.text() ?? "none");
  },
};

Deno.test.each([
  { name: "a line", header: HEADER, source: "192.0.2.1:12345" },
  { name: "IPv6", header: line("2001:db8::1"), source: "2001:db8::1:12345" },
  { name: "UNKNOWN", header: "PROXY UNKNOWN\r\n", source: "127.0.0.1:1" },
  {
    name: "version 2",
    header: binary(0x21, 0x11, IPV4),
    source: "192.0.2.1:12345",
  },
  {
    name: "LOCAL",
    header: binary(0x20, 0, []),
    source: "127.0.0.1:1",
  },
])(
  "Identification: the client is who the header says: $name",
  async ({ header, source }) => {
    const options = { ...KEEPING, ...PROXY };
    const { connection, written, send } = scriptedConnection(
      options,
      (message, { remoteAddr }) => {
        const { hostname, port } = remoteAddr as Deno.NetAddr;
        return `${message.text()} ${hostname}:${port}`;
      },
    );
    const running = connection.run();
    // The header, a message and the start of another one in one packet.
    const encoder = new TextEncoder();
    const bytes = typeof header === "string" ? encoder.encode(header) : header;
    await send(concat([bytes, encoder.encode("a;b")]));
    await send("c;");
    await send(null);
    const { remoteAddr, outcome, messages, bytesIn } = await running;
    const { hostname, port } = remoteAddr as Deno.NetAddr;
    assertEquals(written(), `a ${source};bc ${source};`);
    assertEquals(`${hostname}:${port}`, source);
    // The header does not count.
    assertEquals([outcome, messages, bytesIn], ["ok", 2, 5]);
  },
);

Deno.test("Identification keeps every byte after a header, wherever it is cut", async () => {
  const sent = `${HEADER}a;${HEADER}b;`;
  for (let at = 0; at <= sent.length; at++) {
    const { connection, written, send } = scriptedConnection({
      ...KEEPING,
      ...PROXY,
    });
    const running = connection.run();
    await send(sent.slice(0, at));
    await send(sent.slice(at));
    await send(null);
    // The second header is a part of a message.
    assertEquals(written(), `a;${HEADER}b;`, `${at}`);
    assertEquals((await running).outcome, "ok");
  }
});

Deno.test.each<{ name: string; options: ServeOptions; first: string }>([
  {
    name: "a greeting",
    options: { ...KEEPING, ...PROXY, greeting: "hello" },
    first: "hello;",
  },
  { name: "converse", options: speakFirst, first: "192.0.2.1>" },
])(
  "Identification: nothing is said before the header: $name",
  async ({ options, first }) => {
    const { connection, written, send } = scriptedConnection(options);
    const running = connection.run();
    await send(HEADER.slice(0, -1));
    assertEquals(written(), "");
    await send("\n");
    assertEquals(written(), first);
    await send("a;");
    await send(null);
    assertEquals((await running).outcome, "ok");
    assertEquals(written(), `${first}a;`);
  },
);

const NOT_ONE = "it does not begin with a PROXY protocol header";
const END = "an end of file before the end of the header";

Deno.test.each([
  { name: "a message", sent: ["a message;"], problem: NOT_ONE },
  { name: "no byte", sent: [null], problem: END },
  { name: "a part of a header", sent: ["PROXY ", null], problem: END },
])(
  "Identification closes without a byte: $name",
  async ({ sent, problem }) => {
    const { connection, written, isClosed, send } = scriptedConnection({
      ...KEEPING,
      ...PROXY,
      greeting: "hello",
    });
    const running = connection.run();
    for (const each of sent) await send(each);
    const { error, ...report } = await running;
    assertEquals([written(), isClosed()], ["", true]);
    assertEquals([report.outcome, report.replyLost, report.bytesIn], [
      "bad proxy header",
      false,
      0,
    ]);
    assertEquals((error as Error).message, problem);
  },
);

Deno.test("Identification: the header has 3 s, however its bytes come", async () => {
  for (const drip of ["", "x"]) {
    const { connection, written, isClosed, send, pass } = scriptedConnection({
      ...KEEPING,
      ...PROXY,
    });
    const running = connection.run();
    await send("PROXY UNKNOWN ");
    for (let tenth = 0; tenth < 29; tenth++) {
      await pass(100);
      if (drip !== "") await send(drip);
    }
    assertEquals(isClosed(), false);
    // A tick is 50 ms, and a limit may pass two ticks late.
    await pass(200);
    const { outcome, error } = await running;
    assertEquals([outcome, written()], ["bad proxy header", ""]);
    assertEquals(
      (error as Error).message,
      "no complete header within the time limit",
    );
  }
});

Deno.test("Identification: the time limits of the session start after the header", async () => {
  const { connection, written, send, pass } = scriptedConnection({
    ...ONCE,
    ...PROXY,
  });
  const running = connection.run();
  await pass(2800);
  await send(HEADER);
  await pass(800);
  assertEquals(written(), "");
  await pass(300);
  await send(null);
  assertEquals(written(), "ERROR:timed out!");
  assertEquals((await running).outcome, "timed out");
});

Deno.test("Identification: the time limit of the header ends with it", async () => {
  let finish = () => {};
  const { connection, written, send, pass } = scriptedConnection({
    ...ONCE,
    ...PROXY,
    async converse(conversation: Conversation) {
      await new Promise<void>((resolve) => finish = resolve);
      await conversation.reply("at last");
    },
  });
  const running = connection.run();
  await send(HEADER);
  await pass(10_000);
  finish();
  await send(null);
  assertEquals((await running).outcome, "ok");
  assertEquals(written(), "at last;");
});

Deno.test("Identification closes a client that is not allowed without a byte", async () => {
  for (
    const [allow, outcome] of [["192.0.2.0/24", "ok"], [
      "127.0.0.1",
      "not allowed",
    ]] as const
  ) {
    const options = { ...KEEPING, ...PROXY, allow: [allow] };
    const { connection, written, send } = scriptedConnection(options);
    const running = connection.run();
    await send(`${HEADER}a;`);
    await send(null);
    const report = await running;
    assertEquals(report.outcome, outcome);
    assertEquals((report.remoteAddr as Deno.NetAddr).hostname, "192.0.2.1");
    assertEquals(report.replyLost, false);
    assertEquals(written(), outcome === "ok" ? "a;" : "");
  }
});

Deno.test.each([
  { name: "a handler", options: { ...KEEPING, ...PROXY } },
  { name: "converse", options: speakFirst },
])(
  "Identification: a refusal waits for the header: $name",
  async ({ options }) => {
    for (const isEarly of [true, false]) {
      const { connection, written, send } = scriptedConnection(options);
      const running = connection.run(isEarly ? "busy" : undefined);
      if (!isEarly) connection.interrupt("shutting down");
      await send(HEADER);
      const code = isEarly ? "busy" : "shutting down";
      assertEquals(written(), `ERROR:${code}!;`);
      await send(null);
      const { outcome, remoteAddr } = await running;
      assertEquals(outcome, code);
      assertEquals((remoteAddr as Deno.NetAddr).hostname, "192.0.2.1");
    }
  },
);

Deno.test("Identification: a reset and an abort are none of a bad header", async () => {
  const reset = scriptedConnection({ ...KEEPING, ...PROXY });
  const first = reset.connection.run();
  await reset.send("PROXY");
  await reset.send(new Deno.errors.ConnectionReset("reset"));
  assertEquals((await first).outcome, "reset");

  const aborted = scriptedConnection({ ...KEEPING, ...PROXY });
  const second = aborted.connection.run();
  await aborted.send("PROXY");
  aborted.connection.abort();
  assertEquals((await second).outcome, "aborted");
});

Deno.test("Identification skips a header of 65,551 bytes, and what follows arrives", async () => {
  const content = [...IPV6, ...Array(65_535 - IPV6.length).fill(0x3b)];
  const { connection, written, pool, send } = scriptedConnection({
    ...KEEPING,
    ...PROXY,
  });
  const running = connection.run();
  const header = binary(0x20, 0, content);
  await send(header);
  // None of it is kept.
  assertEquals([written(), pool.leasedBytes <= 1024], ["", true]);
  await send("a;");
  await send(null);
  assertEquals([written(), (await running).bytesIn], ["a;", 2]);
});
