// When the server closes on a client that does not: with the default limits, in
// a time that runs faster, so that minutes pass in seconds.

import { assert, assertEquals } from "@std/assert";
import { fasterTime } from "./faster_time.ts";
import { LocalServer } from "./local_server.ts";
import { needsNet } from "./options.ts";
import { Relay } from "./relay.ts";
import {
  connectTo,
  ordinaryClient,
  pause,
  readText,
  writeAll,
} from "./sockets.ts";

const MIB = 1024 * 1024;

Deno.test(
  needsNet("serve() closes on a client that is silent after its reply"),
  async () => {
    using _ = fasterTime(20);
    await using server = new LocalServer();
    using conn = await connectTo(server.port);
    await writeAll(conn, "a<END>");
    assertEquals(await readText(conn), "aa");
    const { outcome, replyLost, durationMs } = await server.report();
    assert(durationMs >= 20_000, `${durationMs} ms`);
    assertEquals({ outcome, replyLost }, { outcome: "ok", replyLost: true });
  },
);

Deno.test(
  needsNet("serve() waits for an end of file that an outage delays"),
  async () => {
    using _ = fasterTime(10);
    await using server = new LocalServer();
    await using relay = new Relay(server.port);
    using conn = await connectTo(relay.port);
    await writeAll(conn, "a<END>");
    assertEquals(await readText(conn), "aa");
    relay.interrupt(16_000);
    await conn.closeWrite();
    const { replyLost, durationMs } = await server.report();
    assertEquals(replyLost, false);
    assert(durationMs >= 16_000, `${durationMs} ms`);
  },
);

Deno.test(
  needsNet("serve() closes on silent clients sooner when places run short"),
  async () => {
    using _ = fasterTime(10);
    const order: string[] = [];
    const beSilent = async (name: string, maxConnections: number) => {
      await using server = new LocalServer({ maxConnections });
      using conn = await connectTo(server.port);
      await writeAll(conn, "a<END>");
      const { replyLost, durationMs } = await server.report();
      order.push(name);
      assertEquals(replyLost, true);
      assert(durationMs >= 5_000, `${durationMs} ms`);
    };
    await Promise.all([beSilent("1 of 4", 4), beSilent("1 of 1", 1)]);
    assertEquals(order, ["1 of 1", "1 of 4"]);
  },
);

Deno.test(
  needsNet("serve() closes on a client that sends below minRate"),
  async () => {
    using _ = fasterTime(20);
    await using server = new LocalServer();
    using conn = await connectTo(server.port);
    await writeAll(conn, "a<END>");
    let isOver = false;
    const dripping = (async () => {
      while (!isOver) {
        await writeAll(conn, "x");
        await pause(500);
      }
    })().catch(() => {});
    const { outcome, replyLost, durationMs } = await server.report();
    isOver = true;
    await dripping;
    assert(durationMs >= 20_000, `${durationMs} ms`);
    assertEquals({ outcome, replyLost }, { outcome: "ok", replyLost: true });
  },
);

Deno.test(
  needsNet("serve() lets a client send at minRate after its reply"),
  async () => {
    using _ = fasterTime(100);
    await using server = new LocalServer();
    await using relay = new Relay(server.port, { bytesPerSecond: 5000 });
    const sent = `a<END>${"x".repeat(1_000_000)}`;
    assertEquals(await ordinaryClient(relay.port, sent), "aa");
    await relay.quiet();
    assertEquals(relay.serverResets, 0);
    const { replyLost, bytesIn, durationMs } = await server.report();
    assert(durationMs >= 100_000, `${durationMs} ms`);
    assertEquals(
      { replyLost, bytesIn },
      { replyLost: false, bytesIn: sent.length },
    );
  },
);

Deno.test(
  needsNet("serve() reports a client that never reads as stalled"),
  async () => {
    using _ = fasterTime(20);
    const minRate = 100_000;
    const reply = new Uint8Array(32 * MIB);
    await using server = new LocalServer({ minRate }, () => reply);
    using conn = await connectTo(server.port);
    await writeAll(conn, "a<END>");
    const { outcome, replyLost, durationMs, bytesOut } = await server.report();
    assert(bytesOut < reply.length);
    // What lies in the kernel's buffer may take as long at the minimal rate.
    const earnedMs = Math.min(bytesOut, 4 * MIB) / minRate * 1000;
    assert(durationMs >= 30_000 + earnedMs - 1, `${durationMs} ms`);
    assertEquals(
      { outcome, replyLost },
      { outcome: "stalled", replyLost: true },
    );
  },
);

Deno.test(
  needsNet("serve() gives the place of a lingering connection to a new one"),
  async () => {
    const places = 8;
    await using server = new LocalServer({ maxConnections: places });
    const silent: Deno.TcpConn[] = [];
    try {
      for (let place = 0; place < places; place++) {
        const conn = await connectTo(server.port);
        silent.push(conn);
        await writeAll(conn, "a<END>");
        assertEquals(await readText(conn), "aa");
      }
      await pause(1100); // a second of lingering protects a connection
      assertEquals(await ordinaryClient(server.port, "b<END>"), "bb");
      // The one that had lingered longest has made place, and no other.
      const ports = [await server.report(0), await server.report(1)]
        .map(({ remoteAddr }) => (remoteAddr as Deno.NetAddr).port);
      assertEquals(ports[0], (silent[0]!.localAddr as Deno.NetAddr).port);
      const others = silent.slice(1)
        .map(({ localAddr }) => (localAddr as Deno.NetAddr).port);
      assert(!others.includes(ports[1]!));
    } finally {
      for (const conn of silent) conn.close();
    }
  },
);
