import { assert, assertEquals } from "@std/assert";
import { ErrorReply, type Handler, serve, type ServeOptions } from "../mod.ts";
import { needsNet } from "./options.ts";
import {
  connectTo,
  ordinaryClient,
  pause,
  readLength,
  readText,
  writeAll,
} from "./sockets.ts";

const KEEPING: ServeOptions = { port: 0, end: ";", keepAlive: true };

Deno.test(
  needsNet(
    "keepAlive answers in order, wherever the messages are split",
  ),
  async () => {
    await using server = serve({ ...KEEPING, replyEnd: "|" });
    const text = "one;two;three;";
    for (let first = 0; first <= text.length; first++) {
      for (let second = first; second <= text.length; second += 3) {
        using conn = await connectTo(server.addr.port);
        conn.setNoDelay();
        for (const part of [[0, first], [first, second], [second]]) {
          await writeAll(conn, text.slice(...part));
        }
        await conn.closeWrite();
        assertEquals(await readText(conn), "oneone|twotwo|threethree|");
      }
    }
  },
);

Deno.test(
  needsNet("keepAlive answers messages in one buffer and in many"),
  async () => {
    await using server = serve(KEEPING);
    const sent = ["a", "b".repeat(3000), "", "c".repeat(300_000), "d"];
    const expected = sent.map((text) => `${text}${text};`).join("");
    using conn = await connectTo(server.addr.port);
    const reply = readText(conn);
    await writeAll(conn, sent.map((text) => `${text};`).join(""));
    await conn.closeWrite();
    assert(await reply === expected);
  },
);

Deno.test(
  needsNet(
    "keepAlive reports an end of file inside a message only",
  ),
  async () => {
    const outcomes: [string, number][] = [];
    const server = serve({
      ...KEEPING,
      onConversation: ({ outcome, messages }) =>
        outcomes.push([outcome, messages]),
    });
    const { port } = server.addr;
    assertEquals(await ordinaryClient(port, ""), "");
    assertEquals(await ordinaryClient(port, "a;"), "aa;");
    assertEquals(await ordinaryClient(port, "a;b"), "aa;ERROR:no end!;");
    await server.shutdown();
    assertEquals(outcomes, [["ok", 0], ["ok", 1], ["no end", 1]]);
  },
);

Deno.test(
  needsNet("keepAlive goes on after a message that was refused"),
  async () => {
    const handler: Handler = (message) => {
      if (message.text() === "bad") throw new ErrorReply("malformed");
      if (message.text() === "broken") throw new Error("thrown");
      return "fine";
    };
    await using server = serve(KEEPING, handler);
    const replies = await ordinaryClient(server.addr.port, "a;bad;b;broken;c;");
    assertEquals(replies, "fine;ERROR:malformed!;fine;ERROR:failed!;fine;");
  },
);

Deno.test(
  needsNet(
    "keepAlive applies maxBytes to each message, and ends",
  ),
  async () => {
    await using server = serve({ ...KEEPING, maxBytes: 3 });
    const { port } = server.addr;
    assertEquals(await ordinaryClient(port, "abc;def;g;"), "abcabc;defdef;gg;");
    assertEquals(
      await ordinaryClient(port, "a;abcd;b;"),
      "aa;ERROR:too large!;",
    );
  },
);

Deno.test(
  needsNet("keepAlive ends in silence after idleTimeout between messages"),
  async () => {
    await using server = serve({ ...KEEPING, idleTimeout: 500 });
    using conn = await connectTo(server.addr.port);
    await writeAll(conn, "a;");
    assertEquals(await readText(conn), "aa;");
  },
);

Deno.test(
  needsNet(
    "shutdown() ends idle connections in silence, and answers what has arrived",
  ),
  async () => {
    const server = serve({ ...KEEPING, grace: 0 });
    using idle = await connectTo(server.addr.port);
    using within = await connectTo(server.addr.port);
    await writeAll(idle, "a;");
    await writeAll(within, "a;b");
    for (const conn of [idle, within]) {
      assertEquals(await readLength(conn, 3), "aa;");
    }
    const finished = server.shutdown();
    await writeAll(within, "c;d;");
    assertEquals(await readText(within), "bcbc;dd;");
    assertEquals(await readText(idle), "");
    idle.close();
    within.close();
    await finished;
  },
);

Deno.test(
  needsNet(
    "messageTimeout starts with the message, not before",
  ),
  async () => {
    await using server = serve({
      ...KEEPING,
      idleTimeout: 0,
      messageTimeout: 300,
    });
    using conn = await connectTo(server.addr.port);
    await pause(400); // longer than messageTimeout
    await writeAll(conn, "a;b");
    assertEquals(await readLength(conn, 3), "aa;");
    assertEquals(await readText(conn), "ERROR:timed out!;");
  },
);

Deno.test(needsNet("keepAlive has a new signal for each message"), async () => {
  const aborted: boolean[] = [];
  await using server = serve(KEEPING, (message, { signal }) => {
    aborted.push(signal.aborted);
    if (message.text() === "bad") throw new ErrorReply("malformed");
    return "fine";
  });
  const replies = await ordinaryClient(server.addr.port, "bad;good;");
  assertEquals(replies, "ERROR:malformed!;fine;");
  assertEquals(aborted, [false, false]);
});

Deno.test(
  needsNet("keepAlive keeps connections apart when handlers reject"),
  async () => {
    await using server = serve(KEEPING, async (message) => {
      await Promise.resolve();
      if (message.text() === "bad") throw new ErrorReply("malformed");
      return message.text();
    });
    const assertNext = async (conn: Deno.Conn, expected: string) =>
      assertEquals(await readLength(conn, expected.length), expected);
    using first = await connectTo(server.addr.port);
    await writeAll(first, "bad;first's own");
    await assertNext(first, "ERROR:malformed!;");
    using second = await connectTo(server.addr.port);
    await writeAll(second, "x;second's very own");
    await assertNext(second, "x;");
    await writeAll(first, " end;");
    await assertNext(first, "first's own end;");
    await writeAll(second, ";");
    await assertNext(second, "second's very own;");
  },
);

Deno.test(
  needsNet(
    "keepAlive closes on a client that sends after its time-out",
  ),
  async () => {
    const ended = Promise.withResolvers<void>();
    await using server = serve({
      ...KEEPING,
      idleTimeout: 50,
      lingerTimeout: 50,
      onConversation: () => ended.resolve(),
    });
    using conn = await connectTo(server.addr.port);
    assertEquals(await readText(conn), "");
    await writeAll(conn, "x");
    await ended.promise;
  },
);
