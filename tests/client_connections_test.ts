// Clients over connections that were opened before, over child processes, and
// with messages that the half-close ends.

import { assertEquals, assertRejects } from "@std/assert";
import { connect, ConversationError, sendData, serve } from "../mod.ts";
import { duplex } from "./duplex.ts";
import { needsNet, needsRun } from "./options.ts";
import { connectTo, readText, serveOne, writeAll } from "./sockets.ts";

/** A child process that answers each line of JSON with one. */
function jsonProcess(): Deno.ChildProcess {
  const script = `
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of Deno.stdin.readable) {
      const lines = (rest + decoder.decode(chunk)).split("\\n");
      rest = lines.pop();
      for (const line of lines) {
        const { id, text } = JSON.parse(line);
        console.log(JSON.stringify({ id, length: text.length }));
      }
    }
    console.log("end of input");
  `;
  return new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", script],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
}

Deno.test(
  needsRun("connect() speaks lines of JSON with a child process"),
  async () => {
    await using child = jsonProcess();
    const client = await connect({ conn: child, end: "\n" });
    const ask = async (id: number, text: string) => {
      const reply = await client.request(JSON.stringify({ id, text }));
      return JSON.parse(reply.text());
    };
    const replies = [ask(1, "a"), ask(2, "x".repeat(1e6)), ask(3, "")];
    assertEquals(await Promise.all(replies), [
      { id: 1, length: 1 },
      { id: 2, length: 1e6 },
      { id: 3, length: 0 },
    ]);
    await client.close();
    // The end of its input has ended it.
    assertEquals((await child.status).signal !== "SIGKILL", true);
  },
);

Deno.test(
  needsRun("connect() tells that a child process has ended"),
  async () => {
    await using child = new Deno.Command("sh", {
      args: ["-c", "read line; printf 'half'"],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    await using client = await connect({ conn: child, end: "\n" });
    const error = await assertRejects(
      () => client.request("a"),
      ConversationError,
    );
    assertEquals(error.reason, "truncated");
    assertEquals(new TextDecoder().decode(error.received), "half");
  },
);

Deno.test(
  needsRun("sendData() passes a message through a child process"),
  async () => {
    await using child = new Deno.Command("sh", {
      args: ["-c", "tr a-z A-Z; printf .; exit 3"],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const data = "abc".repeat(100_000);
    const reply = await sendData(data, { conn: child, end: null });
    assertEquals(reply.text(), `${data.toUpperCase()}.`);
    assertEquals((await child.status).code, 3);
  },
);

Deno.test(
  needsNet("connect() takes a socket over, and closes it"),
  async () => {
    await using server = serve({ port: 0, end: ";", keepAlive: true });
    const conn = await connectTo(server.addr.port);
    const client = await connect({ conn, end: ";" });
    assertEquals((await client.request("a")).text(), "aa");
    await client.close();
    await assertRejects(
      () => conn.write(new Uint8Array(1)),
      Deno.errors.BadResource,
    );
  },
);

Deno.test(
  needsNet("sendData() takes a socket over, and closes it"),
  async () => {
    await using server = serve({ port: 0, end: ";" });
    const conn = await connectTo(server.addr.port);
    assertEquals((await sendData("a", { conn, end: ";" })).text(), "aa");
    await assertRejects(
      () => conn.read(new Uint8Array(1)),
      Deno.errors.BadResource,
    );
  },
);

Deno.test("connect() half-closes two streams, and closes them", async () => {
  const server = duplex();
  const events: string[] = [];
  const client = await connect({
    conn: server.conn,
    end: ";",
    onEvent: ({ type }) => events.push(type),
  });
  const reply = client.request("a");
  assertEquals((await server.received.until(";")).byteLength, 1);
  await server.send("1;");
  assertEquals((await reply).text(), "1");
  await client.close();
  assertEquals(await server.received.some(), null);
  await assertRejects(() => server.send("late"), Error, "has closed");
  // In memory, a reply may come before the end of the write.
  assertEquals(events.slice(0, 2), ["connected", "wrote"]);
  assertEquals(events.slice(2, 4).toSorted(), ["read", "sent"]);
  assertEquals(events.slice(4), ["half-close", "closed"]);
});

Deno.test("connect() rejects with the error of a stream that breaks", async () => {
  const server = duplex();
  await using client = await connect({ conn: server.conn, end: ";" });
  const reply = client.request("a");
  await server.fail(new Error("the line is cut"));
  const error = await assertRejects(() => reply, ConversationError);
  assertEquals(error.reason, "truncated");
  assertEquals(error.message.endsWith(": the line is cut"), true);
});

Deno.test("connect() throws a TypeError for a stream that is locked", async () => {
  const { conn } = duplex();
  const reader = conn.readable.getReader();
  await assertRejects(() => connect({ conn, end: ";" }), TypeError, "locked");
  reader.releaseLock();
  conn.writable.getWriter();
  await assertRejects(() => connect({ conn, end: ";" }), TypeError);
  assertEquals(conn.readable.locked, false);
});

Deno.test(
  needsNet("sendData() with `end: null` sends nothing but the data"),
  async (t) => {
    const cases: [string, string | ReadableStream<Uint8Array>, string][] = [
      ["text", "CLIENT WRONG MARKER", "CLIENT WRONG MARKER"],
      ["nothing", "", ""],
      ["a stream", new Blob(["a", "b"]).stream(), "ab"],
    ];
    for (const [name, data, sent] of cases) {
      await t.step(name, async () => {
        await using server = serveOne(async (conn) => {
          await writeAll(conn, `got ${JSON.stringify(await readText(conn))}`);
        });
        const { port } = server;
        const reply = await sendData(data, { port, end: null });
        assertEquals(reply.text(), `got ${JSON.stringify(sent)}`);
      });
    }
    await t.step("with a reply marker", async () => {
      await using server = serveOne(async (conn) => {
        await readText(conn);
        await writeAll(conn, "SPAMD/1.5 0 EX_OK\r\nrest");
      });
      const { port } = server;
      const replyEnd = ["\n", "\r\n"];
      const reply = await sendData("a", { port, end: null, replyEnd });
      assertEquals([reply.text(), reply.markerIndex], [
        ...["SPAMD/1.5 0 EX_OK", 1],
      ]);
    });
  },
);

Deno.test(
  needsNet("sendData() and our own server have the half-close as an end"),
  async () => {
    await using server = serve({ port: 0, end: null });
    const options = { port: server.addr.port, end: null };
    assertEquals(
      (await sendData("any\0bytes", options)).text(),
      "any\0bytesany\0bytes",
    );
  },
);

Deno.test("sendData() throws a TypeError for `end: null` and a half-close after the reply", async () => {
  await assertRejects(
    () => sendData("a", { end: null, halfClose: "after" }),
    TypeError,
    "the half-close ends the message",
  );
});
