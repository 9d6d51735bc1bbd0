import { assertEquals, assertInstanceOf } from "@std/assert";
import { freshBlocks, ReadBuffer } from "../framing/read_buffer.ts";
import { Deadline, DeadlineTimer } from "./deadline.ts";
import { Interruption } from "./interruption.ts";
import { Phases } from "./phases.ts";
import { Transport } from "./transport.ts";

/** A transport over a connection on which nothing ever arrives. */
function silentTransport(): Transport {
  const conn = {
    read: () => new Promise<number | null>(() => {}),
    write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
    close: () => {},
  } as unknown as Deno.Conn;
  const timer = new DeadlineTimer([1000], new Set());
  const times = {
    idleTimeoutMs: 1000,
    messageTimeoutMs: 1000,
    lingerTimeoutMs: 1000,
    minRate: 1000,
  };
  return new Transport(
    conn,
    new ReadBuffer(freshBlocks, 1000),
    new Deadline(timer),
    new Phases(times, timer),
  );
}

Deno.test("Transport.interrupt() ends the wait for a handler or a read", async () => {
  for (const kind of ["handler", "read"]) {
    const transport = silentTransport();
    const waiting = kind === "read"
      ? transport.read()
      : transport.waitFor(new Promise<never>(() => {}));
    transport.interrupt("timed out");
    const result = await waiting;
    assertInstanceOf(result, Interruption);
    assertEquals(result.errorCode, "timed out");
  }
});

Deno.test("Transport.interrupt() between two waits ends the next one", async () => {
  for (const kind of ["handler", "read"]) {
    const transport = silentTransport();
    assertEquals(await transport.waitFor(Promise.resolve(1)), 1);
    transport.interrupt("shutting down");
    const result = kind === "read"
      ? await transport.read()
      : await transport.waitFor(new Promise<never>(() => {}));
    assertInstanceOf(result, Interruption);
    assertEquals(result.errorCode, "shutting down");
    // It ends one wait, not all that follow.
    assertEquals(await transport.waitFor(Promise.resolve(2)), 2);
  }
});
