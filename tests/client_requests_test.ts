// Requests of `connect()`: their time limits and signals, one at a time, and
// what becomes of the replies that nobody waits for any more.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { connect, ConversationError } from "../mod.ts";
import { duplex, nextMessage } from "./duplex.ts";
import { Random } from "./random.ts";
import { pause } from "./sockets.ts";

const END = { end: ";" };

Deno.test("request() times out, and its late reply is dropped", async () => {
  const server = duplex();
  await using client = await connect({ ...END, conn: server.conn });
  const late = client.request("a", { timeout: 10 });
  const error = await assertRejects(() => late, ConversationError);
  assertEquals([error.reason, error.message], [
    "timed out",
    "Timed out after 10 ms",
  ]);
  const next = client.request("b");
  const after = client.request("c");
  for (const message of ["a", "b", "c"]) {
    assertEquals(await nextMessage(server, ";"), message);
  }
  await server.send("late;re");
  await server.send("ply to b;reply to c;");
  assertEquals((await next).text(), "reply to b");
  assertEquals((await after).text(), "reply to c");
});

Deno.test("request() has the timeout of connect(), unless it has its own", async () => {
  const server = duplex();
  const { conn } = server;
  await using client = await connect({ ...END, conn, timeout: 10 });
  const unlimited = client.request("a", { timeout: 0 });
  await assertRejects(() => client.request("b"), ConversationError, "10 ms");
  await server.send("x;y;");
  assertEquals((await unlimited).text(), "x");
});

Deno.test("request() rejects with the reason of its signal, and goes on", async () => {
  const server = duplex();
  await using client = await connect({ ...END, conn: server.conn });
  const stop = new AbortController();
  const first = client.request("a");
  const second = client.request("b", { signal: stop.signal });
  const third = client.request("c");
  const settled = Promise.allSettled([first, second, third]);
  assertEquals(await nextMessage(server, ";"), "a");
  assertEquals(await nextMessage(server, ";"), "b");
  stop.abort(new RangeError("enough"));
  await assertRejects(() => second, RangeError, "enough");
  await server.send("1;2;3;");
  const texts = (await settled).map((result) =>
    result.status === "fulfilled" ? result.value.text() : result.reason.message
  );
  assertEquals(texts, ["1", "enough", "3"]);
});

Deno.test("request() sends nothing if its signal has aborted before its turn", async () => {
  const server = duplex();
  const { conn } = server;
  await using client = await connect({ ...END, conn, oneAtATime: true });
  const stop = new AbortController();
  const first = client.request("a");
  const second = client.request("b", { signal: stop.signal });
  const third = client.request("c");
  stop.abort(new RangeError("enough"));
  await assertRejects(() => second, RangeError);
  const { signal } = stop;
  await assertRejects(() => client.request("d", { signal }), RangeError);
  assertEquals(await nextMessage(server, ";"), "a");
  await server.send("1;");
  assertEquals(await nextMessage(server, ";"), "c");
  await server.send("3;");
  assertEquals([(await first).text(), (await third).text()], ["1", "3"]);
});

Deno.test("request() that is aborted before the first chunk of its stream is not sent", async () => {
  const server = duplex();
  await using client = await connect({ ...END, conn: server.conn });
  let isCancelled = false;
  const silent = new ReadableStream<Uint8Array>({
    cancel: () => {
      isCancelled = true;
    },
  });
  const never = client.request(silent, { timeout: 10 });
  await assertRejects(() => never, ConversationError, "Timed out");
  assertEquals(isCancelled, true);
  const next = client.request("b");
  assertEquals(await nextMessage(server, ";"), "b");
  await server.send("2;");
  assertEquals((await next).text(), "2");
});

Deno.test("request() that is aborted in the middle of its stream ends the connection, after the replies before", async () => {
  const server = duplex();
  await using client = await connect({ ...END, conn: server.conn });
  const begun = new TextEncoder().encode("begin");
  let isCancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(begun),
    cancel: () => {
      isCancelled = true;
    },
  });
  const stop = new AbortController();
  const first = client.request("a");
  const second = client.request(endless, { signal: stop.signal });
  assertEquals(await nextMessage(server, ";"), "a");
  assertEquals(await server.received.exactly(5), begun);
  const third = client.request("c");
  stop.abort(new RangeError("enough"));
  await assertRejects(() => second, RangeError);
  assertEquals(isCancelled, true);
  await server.send("1;");
  assertEquals((await first).text(), "1");
  await assertRejects(() => third, ConversationError, "first bytes");
  await assertRejects(() => client.request("d"), ConversationError);
  await assertRejects(() => server.received.toEnd(), Error, "has closed");
});

Deno.test("request() sends the rest of its bytes after an abort", async () => {
  const server = duplex();
  await using client = await connect({ ...END, conn: server.conn });
  const long = "x".repeat(100_000);
  const first = client.request(long, { timeout: 1 });
  await assertRejects(() => first, ConversationError);
  const second = client.request("b");
  assertEquals((await nextMessage(server, ";")).length, long.length);
  assertEquals(await nextMessage(server, ";"), "b");
  await server.send("1;2;");
  assertEquals((await second).text(), "2");
});

Deno.test("request() gets its own reply, whatever other requests are aborted", async () => {
  for (const oneAtATime of [false, true]) {
    const random = new Random(oneAtATime ? 1 : 2);
    const server = duplex();
    const { conn } = server;
    await using client = await connect({ ...END, conn, oneAtATime });
    let sent = 0;
    const serving = (async () => {
      for (;;) {
        const { data, gotEnd } = await server.received.until(";");
        if (!gotEnd) return;
        sent++;
        if (random.chance(0.3)) await pause(random.int(0, 2));
        const reply = `re ${new TextDecoder().decode(data)};`;
        const cut = random.int(0, reply.length - 1);
        if (cut > 0) await server.send(reply.slice(0, cut));
        await server.send(reply.slice(cut));
      }
    })();
    let replies = 0;
    let aborted = 0;
    const ask = async (id: string) => {
      const options = random.chance(0.5) ? { timeout: random.int(1, 3) } : {};
      try {
        assertEquals((await client.request(id, options)).text(), `re ${id}`);
        replies++;
      } catch (error) {
        assert(error instanceof ConversationError, `${error}`);
        assertEquals(error.reason, "timed out");
        aborted++;
      }
    };
    const asking: Promise<void>[] = [];
    for (let i = 0; i < 1000; i++) {
      asking.push(ask(`${i}`));
      if (random.chance(0.2)) await pause(random.int(0, 2));
    }
    await Promise.all(asking);
    assertEquals((await client.request("last")).text(), "re last");
    await client.close();
    await serving;
    assertEquals(replies + aborted, 1000);
    assert(aborted > 50 && replies > 50 && sent > 50, `${aborted} aborted`);
  }
});

Deno.test("oneAtATime sends a request after the reply to the one before", async () => {
  const server = duplex();
  const { conn } = server;
  await using client = await connect({ ...END, conn, oneAtATime: true });
  const replies = ["a", "b", "c"].map((data) => client.request(data));
  for (const [index, message] of ["a", "b", "c"].entries()) {
    assertEquals(await nextMessage(server, ";"), message);
    const more = server.received.until(";", { timeout: 5 });
    await assertRejects(() => more, DOMException, "Timed out");
    await server.send(`${message}${message};`);
    assertEquals((await replies[index]!).text(), message + message);
  }
});

Deno.test("oneAtATime waits for the reply to a request that was aborted", async () => {
  const server = duplex();
  const { conn } = server;
  await using client = await connect({ ...END, conn, oneAtATime: true });
  const late = client.request("a", { timeout: 5 });
  await assertRejects(() => late, ConversationError);
  const next = client.request("b");
  assertEquals(await nextMessage(server, ";"), "a");
  const more = server.received.until(";", { timeout: 5 });
  await assertRejects(() => more, DOMException, "Timed out");
  await server.send("late;");
  assertEquals(await nextMessage(server, ";"), "b");
  await server.send("2;");
  assertEquals((await next).text(), "2");
});

Deno.test("close() does not wait for the reply to an aborted request", async () => {
  const server = duplex();
  const client = await connect({ ...END, conn: server.conn });
  const late = client.request("a", { timeout: 5 });
  await assertRejects(() => late, ConversationError);
  assertEquals(await nextMessage(server, ";"), "a");
  await client.close();
});

Deno.test("close() waits for the requests that were not aborted", async () => {
  const server = duplex();
  const client = await connect({ ...END, conn: server.conn });
  const late = client.request("a", { timeout: 5 });
  const next = client.request("b");
  const closing = client.close();
  await assertRejects(() => late, ConversationError);
  await server.send("1;2;");
  assertEquals((await next).text(), "2");
  await closing;
});

Deno.test("a late reply is not unsolicited, and a second one is", async () => {
  const server = duplex();
  await using client = await connect({ ...END, conn: server.conn });
  const late = client.request("a", { timeout: 5 });
  await assertRejects(() => late, ConversationError);
  await server.send("late;");
  const next = client.request("b");
  await server.send("2;");
  assertEquals((await next).text(), "2");
  await server.send("3;");
  await pause(0);
  const error = await assertRejects(
    () => client.request("c"),
    ConversationError,
  );
  assertEquals(error.reason, "unsolicited");
});

Deno.test("request() throws for a timeout that is not one", async () => {
  const server = duplex();
  await using client = await connect({ ...END, conn: server.conn });
  for (const timeout of [-1, NaN, "1" as unknown as number]) {
    const refused = client.request("a", { timeout });
    await assertRejects(() => refused, RangeError, "Cannot use timeout");
  }
});
