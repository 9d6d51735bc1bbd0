// `connect()` and protocols that are more than a message and a marked reply:
// greetings, replies with several ends, and replies that a function reads.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  connect,
  type ConnectOptions,
  ConversationError,
  type ReadMethods,
  serve,
} from "../mod.ts";
import { duplex, nextMessage } from "./duplex.ts";
import { needsNet } from "./options.ts";
import { pause, serveOne, writeAll } from "./sockets.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** A line without its end. Throws at the end of file. */
async function line(reader: ReadMethods): Promise<string> {
  const { data, gotEnd } = await reader.until("\r\n");
  if (!gotEnd) throw new Error("The line is not complete");
  return text(data);
}

/** A reply of one or more lines, as SMTP has it: `250-`, `250 `. */
async function smtpReply(reader: ReadMethods): Promise<string[]> {
  const lines = [];
  do lines.push(await line(reader)); while (lines.at(-1)![3] === "-");
  return lines;
}

Deno.test("connect() reads a greeting in the framing of replies", async () => {
  const server = duplex();
  const { conn } = server;
  await server.send("200 hel");
  const connecting = connect({ end: ";", conn, greeting: true });
  await server.send("lo;");
  await using client = await connecting;
  assertEquals(client.greeting?.text(), "200 hello");
  const reply = client.request("a");
  assertEquals(await nextMessage(server, ";"), "a");
  await server.send("1;");
  assertEquals((await reply).text(), "1");
});

Deno.test("connect() without `greeting` takes one for unsolicited", async () => {
  const server = duplex();
  await using client = await connect({ end: ";", conn: server.conn });
  assertEquals(client.greeting, undefined);
  await server.send("hello;");
  await pause(0);
  const request = client.request("a");
  const error = await assertRejects(() => request, ConversationError);
  assertEquals(error.reason, "unsolicited");
});

Deno.test("connect() rejects without a greeting", async (t) => {
  await t.step("the server closes", async () => {
    const server = duplex();
    await server.end();
    const connecting = connect({ end: ";", conn: server.conn, greeting: true });
    const error = await assertRejects(() => connecting, ConversationError);
    assertEquals(error.reason, "no reply");
    assertEquals(
      await server.received.some().catch(String),
      "Error: The client has closed the connection",
    );
  });
  await t.step("the server closes in the middle", async () => {
    const server = duplex();
    await server.send("hel");
    await server.end();
    const { conn } = server;
    const connecting = connect({ end: ";", conn, greeting: line });
    await assertRejects(() => connecting, Error, "line is not complete");
  });
  await t.step("the time passes", async () => {
    const { conn } = duplex();
    const options = { end: ";", conn, greeting: true, timeout: 10 };
    const error = await assertRejects(
      () => connect(options),
      ConversationError,
    );
    assertEquals([error.reason, error.message], [
      "timed out",
      "Timed out after 10 ms",
    ]);
  });
  await t.step("the signal aborts", async () => {
    const { conn } = duplex();
    const stop = new AbortController();
    const { signal } = stop;
    const connecting = connect({ end: ";", conn, greeting: true, signal });
    await pause(0);
    stop.abort(new RangeError("enough"));
    await assertRejects(() => connecting, RangeError, "enough");
  });
});

Deno.test("connect() speaks SMTP: a greeting, replies of several lines", async () => {
  const server = duplex();
  const { conn } = server;
  await server.send("220 mail.example ready\r\n");
  await using client = await connect({
    end: "\r\n",
    conn,
    greeting: true,
    readReply: smtpReply,
  });
  assertEquals(client.greeting, ["220 mail.example ready"]);
  const hello = client.request("EHLO example");
  const quit = client.request("QUIT");
  assertEquals(await nextMessage(server, "\r\n"), "EHLO example");
  await server.send("250-mail.example\r\n250-8BITMIME\r\n250 HELP\r\n22");
  assertEquals(await hello, ["250-mail.example", "250-8BITMIME", "250 HELP"]);
  await server.send("1 bye\r\n");
  await server.end();
  assertEquals(await quit, ["221 bye"]);
  const error = await assertRejects(
    () => client.request("NOOP"),
    ConversationError,
  );
  assertEquals(error.reason, "no reply");
});

Deno.test("request() says which of several markers ended the reply", async () => {
  const server = duplex();
  // MPD ends a reply with a line OK, or ACK and a reason.
  const replyEnd = ["OK\n", "\n\n", "STOP"];
  const { conn } = server;
  await using client = await connect({ end: "\n", conn, replyEnd });
  const replies = ["a", "b", "c"].map((data) => client.request(data));
  await server.send("x\nOK\ny\n\nzSTOP");
  const seen = (await Promise.all(replies))
    .map((reply) => [reply.text(), reply.markerIndex]);
  assertEquals(seen, [["x\n", 0], ["y", 1], ["z", 2]]);
});

Deno.test("request() reads replies of memcached, some with a length", async () => {
  const server = duplex();
  const reply = async (reader: ReadMethods) => {
    const values = new Map<string, string>();
    for (;;) {
      const words = (await line(reader)).split(" ");
      if (words[0] !== "VALUE") return { status: words.join(" "), values };
      const data = await reader.exactly(Number(words[3]), { maxBytes: 1e6 });
      values.set(words[1]!, text(data));
      await reader.exactly(2);
    }
  };
  const { conn } = server;
  await using client = await connect({ conn, readReply: reply });
  const stored = client.request("set a 0 0 4\r\n\r\n\r\n\r\n");
  const got = client.request("get a b\r\n");
  assertEquals(
    text(await server.received.exactly(28)),
    [
      "set a 0 0 4\r\n\r\n\r\n\r\n",
      "get a b\r\n",
    ].join(""),
  );
  await server.send("STORED\r\nVALUE a 0 4\r\n\r\n\r\n\r\nEND\r\n");
  assertEquals((await stored).status, "STORED");
  const { status, values } = await got;
  assertEquals([status, values], ["END", new Map([["a", "\r\n\r\n"]])]);
});

Deno.test("request() has a reader of its own, as commands of POP3 need", async () => {
  const server = duplex();
  await server.send("+OK ready\r\n");
  const { conn } = server;
  await using client = await connect({
    end: "\r\n",
    conn,
    greeting: true,
    readReply: line,
  });
  const lines = async (reader: ReadMethods) => {
    const all = [await line(reader)];
    while (all.at(-1) !== ".") all.push(await line(reader));
    return all;
  };
  const user = client.request("USER a");
  const list = client.request("LIST", { readReply: lines });
  const quit = client.request("QUIT");
  await server.send("+OK\r\n+OK 2\r\n1 120\r\n2 9\r\n.\r\n+OK bye\r\n");
  assertEquals(client.greeting, "+OK ready");
  assertEquals(await user, "+OK");
  assertEquals(await list, ["+OK 2", "1 120", "2 9", "."]);
  assertEquals(await quit, "+OK bye");
});

Deno.test("request() reads RESP, whose types say how to go on", async () => {
  const server = duplex();
  const read = async (reader: ReadMethods): Promise<unknown> => {
    const head = await line(reader);
    const count = Number(head.slice(1));
    if (head[0] === "$") {
      if (count < 0) return null;
      const bytes = await reader.exactly(count, { maxBytes: 1e6 });
      await reader.exactly(2);
      return text(bytes);
    }
    if (head[0] !== "*") return head;
    const list = [];
    for (let i = 0; i < count; i++) list.push(await read(reader));
    return list;
  };
  const { conn } = server;
  await using client = await connect({ conn, readReply: read });
  const reply = client.request("*1\r\n$4\r\nPING\r\n");
  await server.send("*3\r\n$3\r\na\r\n\r\n$-1\r\n*1\r\n:7\r\n");
  assertEquals(await reply, ["a\r\n", null, [":7"]]);
});

Deno.test("request() reads replies with a length in front", async () => {
  const server = duplex();
  const { conn } = server;
  const readReply = async (reader: ReadMethods) =>
    text((await reader.lengthPrefixed(2)).data);
  await using client = await connect({ conn, readReply });
  const replies = ["a", "b"].map((data) => client.request(data));
  await server.send("\0\x03abc\0\x01");
  await server.send("d");
  assertEquals(await Promise.all(replies), ["abc", "d"]);
});

Deno.test("request() rejects with what its reader throws, and so do all after it", async () => {
  const server = duplex();
  const { conn } = server;
  await using client = await connect({
    end: ";",
    conn,
    readReply: () => Promise.reject(new RangeError("not a reply")),
  });
  const replies = ["a", "b"].map((data) => client.request(data));
  const settled = Promise.allSettled(replies);
  await server.send("x;");
  const [first, second] = await settled as PromiseRejectedResult[];
  assertEquals(`${first!.reason}`, "RangeError: not a reply");
  assertEquals(second!.reason.reason, "truncated");
  await assertRejects(() => client.request("c"), ConversationError);
});

Deno.test("request() rejects if its reader leaves a call behind", async () => {
  const server = duplex();
  const { conn } = server;
  await using client = await connect({
    end: ";",
    conn,
    readReply: (reader) => void reader.until(";").catch(() => {}),
  });
  const reply = client.request("a");
  await server.send("not complete");
  await assertRejects(() => reply, Deno.errors.Busy);
});

Deno.test("request() does not call its reader if the server has closed", async () => {
  const server = duplex();
  const { conn } = server;
  let calls = 0;
  const readReply = () => ++calls;
  await using client = await connect({ end: ";", conn, readReply });
  const reply = client.request("a");
  await server.end();
  const error = await assertRejects(() => reply, ConversationError);
  assertEquals([error.reason, calls], ["no reply", 0]);
});

Deno.test.each<[string, ConnectOptions, string]>([
  ["no end", {}, "Cannot connect without `end`"],
  ["end: null", { end: null as unknown as string }, "with `end: null`"],
  ["a reader that is none", { readReply: true as never }, "`readReply`"],
  ["a greeting that is none", { end: ";", greeting: 220 as never }, "greeting"],
  ["a connection that is none", { end: ";", conn: {} as never }, "`conn`"],
  [
    "a connection and a path",
    { end: ";", conn: duplex().conn, path: "/a" },
    "`conn` together with",
  ],
])("connect() throws a TypeError for %s", async (_name, options, message) => {
  await assertRejects(() => connect(options), TypeError, message);
});

Deno.test("connect() throws a RangeError for a timeout that is not one", async () => {
  const options = { end: ";", timeout: -1 };
  await assertRejects(() => connect(options), RangeError, "Cannot use timeout");
});

Deno.test("requestStream() throws a TypeError where a function reads replies", async () => {
  const { conn } = duplex();
  await using client = await connect({ conn, readReply: () => 1 });
  assertThrows(() => client.requestStream("a"), TypeError, "`readReply`");
});

Deno.test(
  needsNet("connect() reads a greeting from a socket"),
  async () => {
    await using server = serveOne(async (conn) => {
      await writeAll(conn, "200 hello\r\n");
      await conn.read(new Uint8Array(10));
      await writeAll(conn, "OK\r\n");
      await conn.read(new Uint8Array(10));
    });
    const { port } = server;
    await using client = await connect({ port, end: "\r\n", greeting: true });
    assertEquals(client.greeting?.text(), "200 hello");
    assertEquals((await client.request("a")).text(), "OK");
  },
);

Deno.test(
  needsNet("connect() has a reader for the replies of our own server"),
  async () => {
    await using server = serve({ port: 0, end: "\n", keepAlive: true });
    const { port } = server.addr;
    await using client = await connect({
      port,
      end: "\n",
      readReply: async (reader) => text((await reader.until("\n")).data),
    });
    const replies = ["a", "b", "c"].map((data) => client.request(data));
    assertEquals(await Promise.all(replies), ["aa", "bb", "cc"]);
  },
);

Deno.test(
  needsNet("connect() reads the greeting of our own server"),
  async () => {
    await using server = serve(
      { port: 0, end: "\n", keepAlive: true, greeting: "200 hello" },
    );
    const { port } = server.addr;
    await using client = await connect({ port, end: "\n", greeting: true });
    assertEquals(client.greeting?.text(), "200 hello");
    assertEquals((await client.request("a")).text(), "aa");
  },
);
