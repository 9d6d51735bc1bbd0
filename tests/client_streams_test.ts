// `requestStream()`: replies that are read while they arrive.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { connect, ConversationError, serve } from "../mod.ts";
import { duplex, nextMessage } from "./duplex.ts";
import { needsNet } from "./options.ts";
import { pause, serveOne, writeAll } from "./sockets.ts";
import { textOf } from "./scripted_source.ts";

/** The parts of a stream, as texts. */
async function partsOf(stream: ReadableStream<Uint8Array>): Promise<string[]> {
  return await Array.fromAsync(stream, textOf);
}

Deno.test("requestStream() returns the parts of a reply as they arrive", async () => {
  const server = duplex();
  await using client = await connect({ end: "END", conn: server.conn });
  const reader = client.requestStream("a").getReader();
  const next = client.request("b");
  assertEquals(await nextMessage(server, "END"), "a");
  const steps: [string, string[]][] = [
    ["one", ["one"]],
    ["two E", ["two "]],
    ["xN", ["E", "xN"]],
  ];
  for (const [sent, parts] of steps) {
    await server.send(sent);
    for (const part of parts) {
      assertEquals(textOf((await reader.read()).value!), part);
    }
  }
  await server.send("E");
  await server.send("N");
  await server.send("Dsecond E");
  assertEquals((await reader.read()).done, true);
  await server.send("ND");
  assertEquals((await next).text(), "second ");
});

Deno.test("requestStream() returns nothing of an empty reply, and the bytes of an error reply", async () => {
  const server = duplex();
  await using client = await connect({ end: ";", conn: server.conn });
  const [empty, failed, last] = ["a", "b", "c"].map((data) =>
    partsOf(client.requestStream(data))
  );
  await server.send(";ERROR:failed!;x");
  await server.send(";");
  assertEquals(await empty, []);
  assertEquals(await failed, ["ERROR:failed!"]);
  assertEquals(await last, ["x"]);
});

Deno.test("requestStream() returns the parts of a netstring", async () => {
  const server = duplex();
  const { conn } = server;
  await using client = await connect({ framing: "count", conn });
  const parts = partsOf(client.requestStream("a"));
  const next = client.request("b");
  for (const sent of ["1", "0:abc", "defghi", "j", ",", "1:x,"]) {
    await server.send(sent);
    await pause(0);
  }
  assertEquals(await parts, ["abc", "defghi", "j"]);
  assertEquals((await next).text(), "x");
  const wrong = partsOf(client.requestStream("c"));
  await server.send("not a count");
  const error = await assertRejects(() => wrong, ConversationError);
  assertEquals(error.reason, "bad count");
});

Deno.test("requestStream() drops the rest of a reply that is broken off", async (t) => {
  const server = duplex();
  await using client = await connect({ end: ";", conn: server.conn });
  await t.step("by leaving the loop", async () => {
    const stream = client.requestStream("a");
    await server.send("first");
    for await (const part of stream) {
      assertEquals(textOf(part), "first");
      break;
    }
    const next = client.request("b");
    assertEquals(await nextMessage(server, ";"), "a");
    assertEquals(await nextMessage(server, ";"), "b");
    await server.send("rest");
    await server.send(";second;");
    assertEquals((await next).text(), "second");
  });
  await t.step("before the first part", async () => {
    const stream = client.requestStream("c");
    assertEquals(await nextMessage(server, ";"), "c");
    await stream.cancel();
    const next = client.request("d");
    await server.send("dropped;");
    await server.send("4;");
    assertEquals((await next).text(), "4");
  });
  await t.step("before it is sent", async () => {
    await client.requestStream("not sent").cancel();
    const next = client.request("d2");
    assertEquals(await nextMessage(server, ";"), "d");
    assertEquals(await nextMessage(server, ";"), "d2");
    await server.send("5;");
    assertEquals((await next).text(), "5");
  });
  await t.step("by a signal", async () => {
    const stop = new AbortController();
    const stream = client.requestStream("e", { signal: stop.signal });
    await server.send("begin");
    const reader = stream.getReader();
    await reader.read();
    stop.abort(new RangeError("enough"));
    await assertRejects(() => reader.read(), RangeError, "enough");
    const next = client.request("f");
    await server.send("rest;6;");
    assertEquals((await next).text(), "6");
  });
  await t.step("by its time limit", async () => {
    const stream = client.requestStream("g", { timeout: 10 });
    await assertRejects(() => partsOf(stream), ConversationError, "Timed out");
    await server.send("late;");
  });
  await t.step("close() does not wait for it", async () => {
    const stream = client.requestStream("h");
    await pause(0);
    await stream.cancel();
    await client.close();
  });
});

Deno.test("requestStream() fails where the reply is truncated, after its parts", async () => {
  const server = duplex();
  await using client = await connect({ end: ";", conn: server.conn });
  const reader = client.requestStream("a").getReader();
  await server.send("half");
  assertEquals(textOf((await reader.read()).value!), "half");
  await server.end();
  const error = await assertRejects(() => reader.read(), ConversationError);
  assertEquals(error.reason, "truncated");
  await assertRejects(
    () => partsOf(client.requestStream("b")),
    ConversationError,
  );
});

Deno.test("requestStream() reads no more than it is asked for", async () => {
  const server = duplex(1);
  await using client = await connect({ end: ";", conn: server.conn });
  const reader = client.requestStream("a").getReader();
  let sent = 0;
  const sending = (async () => {
    for (; sent < 50; sent++) await server.send("x");
    await server.send(";");
  })();
  await reader.read();
  for (let turn = 0; turn < 10; turn++) await pause(0);
  assert(sent < 6, `${sent} chunks were read without being asked for`);
  while (!(await reader.read()).done);
  await sending;
  assertEquals(sent, 50);
});

Deno.test(
  needsNet("requestStream() has bounded memory, and waits for its reader"),
  async () => {
    const total = 64 * 1024 * 1024;
    let written = 0;
    await using server = serveOne(async (conn) => {
      await conn.read(new Uint8Array(10));
      const chunk = new Uint8Array(65536);
      for (; written < total; written += chunk.length) {
        await writeAll(conn, chunk);
      }
      await writeAll(conn, ";");
      await conn.read(new Uint8Array(10));
    });
    const { port } = server;
    const limit = { maxReplyBytes: 1000 };
    await using client = await connect({ port, end: ";", ...limit });
    const reader = client.requestStream("a").getReader();
    let read = (await reader.read()).value!.length;
    await pause(200);
    // What the kernel keeps on both sides.
    assert(written < total / 2, `${written} bytes were taken`);
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      assert(value.length <= 1024 * 1024);
      read += value.length;
    }
    assertEquals(read, total);
  },
);

Deno.test(
  needsNet("requestStream() reads the replies of our own server"),
  async () => {
    await using server = serve(
      { port: 0, end: ";", keepAlive: true },
      async function* (message) {
        for (const word of ["got ", message.text()]) {
          yield word;
          await pause(5);
        }
      },
    );
    const { port } = server.addr;
    await using client = await connect({ port, end: ";" });
    const all = ["a", "b"].map((data) => partsOf(client.requestStream(data)));
    const texts = (await Promise.all(all)).map((parts) => parts.join(""));
    assertEquals(texts, ["got a", "got b"]);
  },
);
