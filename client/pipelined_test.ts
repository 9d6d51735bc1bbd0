import { assertEquals } from "@std/assert";
import { systemClock } from "../framing/clock.ts";
import { toConnection } from "./connection.ts";
import { resolveConnectOptions } from "./options.ts";
import { PipelinedClient } from "./pipelined.ts";
import type { Reply } from "./reply.ts";

/** A connection whose writes end when the test says so. */
function slowConnection() {
  let written = "";
  const readable: ((text: string | null) => void)[] = [];
  const writes: (() => void)[] = [];
  const conn = {
    read: (buffer: Uint8Array) =>
      new Promise<number | null>((resolve) => {
        readable.push((text) => {
          if (text === null) return resolve(null);
          buffer.set(new TextEncoder().encode(text));
          resolve(text.length);
        });
      }),
    write(bytes: Uint8Array) {
      written += new TextDecoder().decode(bytes);
      return new Promise((resolve) => {
        writes.push(() => resolve(bytes.length));
      });
    },
    closeWrite: () => Promise.resolve(),
    ref: () => {},
    unref: () => {},
    close: () => {},
  } as unknown as Deno.Conn;
  const turn = () => new Promise((resolve) => setTimeout(resolve));
  return {
    conn,
    written: () => written,
    /** The kernel tells that the oldest write was done. */
    async finishWrite() {
      await turn();
      writes.shift()!();
      await turn();
    },
    async receive(text: string | null) {
      await turn();
      readable.shift()!(text);
      await turn();
    },
  };
}

Deno.test("PipelinedClient.request() goes on after an error reply that is read before its own write is known to be done", async () => {
  const { conn, written, finishWrite, receive } = slowConnection();
  const client = new PipelinedClient(
    toConnection(conn),
    resolveConnectOptions({ end: ";" }),
    undefined,
    systemClock,
  );
  const first = client.request("a");
  await receive("ERROR:failed!;");
  assertEquals((await first as Reply).error, "failed");
  await finishWrite();
  const second = client.request("b");
  await finishWrite();
  await receive("bb;");
  assertEquals((await second as Reply).text(), "bb");
  assertEquals(written(), "a;b;");
  await client.close();
});

/** A client of lines that end in a semicolon, over a slow connection. */
function slowClient(options: { oneAtATime?: boolean } = {}) {
  const connection = slowConnection();
  const events: string[] = [];
  const client = new PipelinedClient(
    toConnection(connection.conn),
    resolveConnectOptions({
      ...{ end: ";", ...options },
      onEvent: (event) => {
        const isSending = event.type === "wrote" || event.type === "sent";
        if (isSending) events.push(`${event.type} ${event.byteLength}`);
      },
    }),
    undefined,
    systemClock,
  );
  const request = async (data: string | ReadableStream<Uint8Array>) =>
    (await client.request(data) as Reply).text();
  return { ...connection, client, events, request };
}

Deno.test("PipelinedClient.request() writes small messages that wait at once", async () => {
  const { client, events, request, written, finishWrite, receive } =
    slowClient();
  const replies = Promise.all(["a", "bb"].map(request));
  await finishWrite();
  assertEquals(written(), "a;bb;");
  assertEquals(events, ["wrote 5", "sent 1", "sent 2"]);
  const later = Promise.all(["c", "d", "e"].map(request));
  await finishWrite();
  assertEquals(written(), "a;bb;c;d;e;");
  await receive("1;2;3;4;5;");
  assertEquals(await replies, ["1", "2"]);
  assertEquals(await later, ["3", "4", "5"]);
  await client.close();
});

Deno.test("PipelinedClient.request() joins no message with a stream or a large one", async () => {
  const { client, request, written, finishWrite, receive } = slowClient();
  const large = "x".repeat(20_000);
  const stream = ReadableStream.from([new TextEncoder().encode("s")]);
  const replies = Promise.all(["a", "b", stream, "c", large, "d"].map(request));
  const writes = ["a;b;", "s", ";", "c;", large, ";", "d;"];
  let expected = "";
  for (const each of writes) {
    await finishWrite();
    expected += each;
    assertEquals(written().startsWith(expected), true, each.slice(0, 5));
  }
  assertEquals(written(), expected);
  await receive("1;2;3;4;5;6;");
  assertEquals(await replies, ["1", "2", "3", "4", "5", "6"]);
  await client.close();
});

Deno.test("PipelinedClient.request() leaves out a message that was aborted before its write", async () => {
  const { client, request, written, finishWrite, receive } = slowClient();
  const first = request("a");
  await Promise.resolve();
  const abort = new AbortController();
  const aborted = client.request("b", { signal: abort.signal });
  const rejected = aborted.catch((error) => error);
  const last = request("c");
  abort.abort("enough");
  await finishWrite();
  assertEquals(await rejected, "enough");
  assertEquals(written(), "a;c;");
  await receive("1;3;");
  assertEquals([await first, await last], ["1", "3"]);
  await client.close();
});

Deno.test("PipelinedClient.request() joins nothing with oneAtATime", async () => {
  const { client, request, written, finishWrite, receive } = slowClient({
    oneAtATime: true,
  });
  const replies = Promise.all(["a", "b"].map(request));
  await finishWrite();
  assertEquals(written(), "a;");
  await receive("1;");
  await finishWrite();
  assertEquals(written(), "a;b;");
  await receive("2;");
  assertEquals(await replies, ["1", "2"]);
  await client.close();
});

Deno.test("PipelinedClient.request() joins messages up to 16 KiB", async () => {
  const { client, request, events, finishWrite, receive } = slowClient();
  const part = "x".repeat(6_000);
  const replies = Promise.all(Array(5).fill(part).map(request));
  for (let i = 0; i < 3; i++) await finishWrite();
  assertEquals(events.filter((event) => event.startsWith("wrote")), [
    "wrote 12002",
    "wrote 12002",
    "wrote 6001",
  ]);
  await receive("1;2;3;4;5;");
  assertEquals(await replies, ["1", "2", "3", "4", "5"]);
  await client.close();
});
