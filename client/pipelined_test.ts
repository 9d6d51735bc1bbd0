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
