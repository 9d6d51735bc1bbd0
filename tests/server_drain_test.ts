// Clients that write more than the server needs, that do not read, do not
// close, or reset: what the server reads and discards, and when it closes.

import { assert, assertEquals } from "@std/assert";
import { LocalServer, MARKER } from "./local_server.ts";
import { needsNet } from "./options.ts";
import {
  connectTo,
  ordinaryClient,
  pause,
  readText,
  resettingClient,
  writeAll,
} from "./sockets.ts";

const MIB = 1024 * 1024;

/** Runs clients, ten at a time, and counts how many get this reply. */
async function assertAllGet(
  expected: string,
  times: number,
  client: () => Promise<string>,
): Promise<void> {
  let right = 0;
  for (let done = 0; done < times; done += 10) {
    const replies = await Promise.all(Array.from({ length: 10 }, client));
    right += replies.filter((reply) => reply === expected).length;
  }
  assertEquals(right, times);
}

Deno.test(
  needsNet("serve() replies to clients that send 1 MiB after the marker", {
    timeout: 50_000,
  }),
  async () => {
    await using server = new LocalServer();
    const sent = `a1234${MARKER}${"x".repeat(MIB)}`;
    const client = () => ordinaryClient(server.port, sent);
    await assertAllGet("a1234a1234", 200, client);
  },
);

Deno.test(
  needsNet("serve() replies to clients that send a message of 1 MiB", {
    timeout: 50_000,
  }),
  async () => {
    await using server = new LocalServer();
    const message = "m".repeat(MIB);
    const client = () => ordinaryClient(server.port, message + MARKER);
    await assertAllGet(message + message, 100, client);
  },
);

Deno.test(
  needsNet("serve() refuses 8 MiB where 1 MiB is the limit", {
    timeout: 50_000,
  }),
  async () => {
    await using server = new LocalServer({ maxBytes: MIB });
    const sent = new Uint8Array(8 * MIB);
    const client = () => ordinaryClient(server.port, sent);
    await assertAllGet("ERROR:too large!", 200, client);
  },
);

Deno.test(
  needsNet("serve() refuses 8 MiB in 32 writes, 20 ms apart", {
    timeout: 50_000,
  }),
  async () => {
    await using server = new LocalServer({ maxBytes: MIB });
    const part = new Uint8Array(8 * MIB / 32);
    const slowClient = async () => {
      using conn = await connectTo(server.port);
      for (let write = 0; write < 32; write++) {
        await writeAll(conn, part);
        await pause(20);
      }
      await conn.closeWrite();
      return await readText(conn);
    };
    const clients = Array.from({ length: 200 }, slowClient);
    const replies = await Promise.all(clients);
    assertEquals(new Set(replies), new Set(["ERROR:too large!"]));
  },
);

Deno.test(
  needsNet("serve() reads while it writes, so that neither side waits"),
  async () => {
    await using server = new LocalServer();
    using conn = await connectTo(server.port);
    await writeAll(conn, new Uint8Array(24 * MIB).fill(97));
    await writeAll(conn, MARKER);
    await writeAll(conn, new Uint8Array(64 * MIB));
    await conn.closeWrite();
    const reply = await readText(conn);
    assertEquals(reply.length, 48 * MIB);
    assertEquals(reply === "a".repeat(48 * MIB), true);
  },
);

Deno.test(needsNet("serve() goes on after clients that reset"), async () => {
  await using server = new LocalServer();
  for (const sent of ["", "abc", "abc<END>"]) {
    await Promise.all(
      Array.from({ length: 300 }, () => resettingClient(server.port, sent)),
    );
  }
  assertEquals(await ordinaryClient(server.port, "a<END>"), "aa");
});

Deno.test(
  needsNet("serve() reports a reply that was probably lost"),
  async () => {
    await using server = new LocalServer();
    const conn = await connectTo(server.port);
    await writeAll(conn, "a1234");
    conn.close();
    const report = await server.report();
    assertEquals(report.outcome, "no end");
    assertEquals(report.replyLost, true);
  },
);

Deno.test(needsNet("serve() closes on a client that never reads"), async () => {
  // Long enough for a message of 16 MiB to arrive without such a pause.
  await using server = new LocalServer({ idleTimeout: 1000, minRate: 2 ** 24 });
  using conn = await connectTo(server.port);
  await writeAll(conn, new Uint8Array(16 * MIB));
  await writeAll(conn, MARKER);
  const report = await server.report();
  assertEquals(report.outcome, "stalled");
  assertEquals(report.replyLost, true);
  assert(report.bytesOut < 32 * MIB);
});

Deno.test(
  needsNet("serve() closes on a client that never closes"),
  async () => {
    await using server = new LocalServer({ lingerTimeout: 50 });
    using conn = await connectTo(server.port);
    await writeAll(conn, "a<END>");
    assertEquals(await readText(conn), "aa");
    const report = await server.report();
    assert(report.durationMs >= 50, `${report.durationMs} ms`);
    // Nobody knows whether it has read the reply.
    assertEquals(report.replyLost, true);
  },
);

Deno.test(
  needsNet("serve() returns a message's memory after the reply, not the close"),
  async () => {
    await using server = new LocalServer({
      maxBufferedBytes: 32 * MIB,
      maxBytes: 17 * MIB,
    });
    const large = "x".repeat(16 * MIB);
    using lingering = await connectTo(server.port);
    await writeAll(lingering, large + MARKER);
    assertEquals((await readText(lingering)).length, 32 * MIB);
    const reply = await ordinaryClient(server.port, large + MARKER);
    assertEquals(reply.length, 32 * MIB);
  },
);
