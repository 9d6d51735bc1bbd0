import { assertEquals, assertRejects } from "@std/assert";
import { type Clock, systemClock } from "../framing/clock.ts";
import { EndMarkerFraming } from "../framing/end_marker.ts";
import { toMarkerSet } from "../framing/marker.ts";
import type { SendEvent } from "./events.ts";
import { toConnection } from "./connection.ts";
import { ClientTransport } from "./transport.ts";

/** What a scripted connection does, one step for each read and each write. */
interface Script {
  /** What each read returns: text, an error, or null for the end of file. */
  readonly reads?: (string | Error | null)[];
  /** The most that each write takes, in bytes, or an error. */
  readonly writes?: (number | Error)[];
}

/** A transport over a connection that follows a script. */
function scripted({ reads = [], writes = [] }: Script) {
  let written = "";
  const calls: string[] = [];
  const events: SendEvent[] = [];
  const conn = {
    read(buffer: Uint8Array) {
      const next = reads.shift();
      if (next instanceof Error) return Promise.reject(next);
      if (next === null || next === undefined) return Promise.resolve(null);
      const bytes = new TextEncoder().encode(next);
      buffer.set(bytes);
      return Promise.resolve(bytes.length);
    },
    write(bytes: Uint8Array) {
      const most = writes.shift() ?? Infinity;
      if (most instanceof Error) return Promise.reject(most);
      const taken = bytes.subarray(0, most);
      written += new TextDecoder().decode(taken);
      calls.push("write");
      return Promise.resolve(taken.length);
    },
    closeWrite: () => Promise.resolve(),
    setNoDelay: () => calls.push("no delay"),
    close: () => {},
  } as unknown as Deno.Conn;
  const transport = new ClientTransport(toConnection(conn), {
    onEvent: (event) => events.push(event),
    onCallbackError: () => {},
  }, systemClock);
  return {
    transport,
    calls,
    events,
    written: () => written,
    [Symbol.dispose]: () => transport.close(),
  };
}

function lineDecoder() {
  return new EndMarkerFraming(toMarkerSet(";")).decoder(100);
}

Deno.test("ClientTransport.write() writes all, however little a write takes", async () => {
  using client = scripted({ writes: [1, 2, 3] });
  await client.transport.write(new TextEncoder().encode("abcdefgh"));
  assertEquals(client.written(), "abcdefgh");
  assertEquals(
    client.events,
    [1, 2, 3, 2].map((byteLength) => ({
      type: "wrote",
      byteLength,
    })),
  );
});

Deno.test("ClientTransport.write() sets no-delay once, before its second chunk", async () => {
  using client = scripted({});
  for (const text of ["a", "b", "c"]) {
    await client.transport.write(new TextEncoder().encode(text));
  }
  assertEquals(client.calls, ["write", "no delay", "write", "write"]);
});

Deno.test("ClientTransport reports an end of file after a reset as a reset", async () => {
  const reset = new Deno.errors.ConnectionReset("reset");
  using client = scripted({ writes: [reset], reads: ["a", null] });
  const { transport } = client;
  const bytes = new TextEncoder().encode("x");
  await assertRejects(
    () => transport.write(bytes),
    Deno.errors.ConnectionReset,
  );
  await assertRejects(
    () => transport.receive(lineDecoder()),
    Deno.errors.ConnectionReset,
  );
});

Deno.test("ClientTransport reports nothing after its close", () => {
  using client = scripted({});
  client.transport.close();
  client.transport.close();
  client.transport.report({ type: "end of file" });
  assertEquals(client.events, [{ type: "closed" }]);
});

Deno.test("ClientTransport tries keep-alive again where Deno refuses", () => {
  const due: (() => void)[] = [];
  const clock = {
    ...systemClock,
    setTimeout: (callback: () => void) => due.push(callback),
    clearTimeout: () => due.length = 0,
    unrefTimer: () => {},
  } as unknown as Clock;
  let calls = 0;
  const conn = {
    read: () => Promise.resolve(null),
    write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
    closeWrite: () => Promise.resolve(),
    close: () => {},
    setKeepAlive() {
      // As if a read and a write were pending.
      if (++calls < 3) throw new Error("Unable to get resources");
    },
  } as unknown as Deno.TcpConn;
  const options = { onEvent: () => {}, onCallbackError: () => {} };
  const transport = new ClientTransport(toConnection(conn), options, clock);
  while (due.length > 0) due.shift()!();
  assertEquals(calls, 3);
  transport.close();
});
