// Clients that keep a server busy, on purpose or by accident, and shutdowns in
// the middle of it.

import { assert, assertEquals } from "@std/assert";
import { connect, type Handler, type Message, serve } from "../mod.ts";
import { fasterTime } from "./faster_time.ts";
import { LocalServer } from "./local_server.ts";
import { needsNet } from "./options.ts";
import {
  connectTo,
  ordinaryClient,
  pause,
  readLength,
  readText,
  writeAll,
} from "./sockets.ts";

const KEEPING = { end: ";", keepAlive: true };

Deno.test(
  needsNet("shutdown() answers all messages that were sent ahead"),
  async () => {
    const count = 20_000;
    let answered = 0;
    const server = new LocalServer(KEEPING, (message) => {
      if (++answered === count / 4) server.server.shutdown();
      return message.text();
    });
    const sent = Array.from({ length: count }, (_, i) => `${i};`).join("");
    using conn = await connectTo(server.port);
    const replies = readText(conn);
    await writeAll(conn, sent);
    assert(await replies === sent);
    await conn.closeWrite();
    await server.server.finished;
    assertEquals(answered, count);
    assertEquals((await server.report()).messages, count);
  },
);

Deno.test(
  needsNet("shutdown() does not drop messages in silence after the grace"),
  async () => {
    const count = 20_000;
    let answered = 0;
    const expired = Promise.withResolvers<void>();
    const server = new LocalServer(
      { ...KEEPING, grace: 100 },
      async (message) => {
        if (++answered === 100) {
          server.server.shutdown();
          await expired.promise;
        }
        return message.text();
      },
    );
    const sent = Array.from({ length: count }, (_, i) => `${i}`);
    using conn = await connectTo(server.port);
    const replying = readText(conn);
    await writeAll(conn, `${sent.join(";")};`);
    const replies = (await replying).split(";");
    expired.resolve();
    await conn.closeWrite();
    await server.server.finished;
    assertEquals(replies.slice(0, 99), sent.slice(0, 99));
    // The interrupted message, and perhaps the first that was not begun.
    assertEquals(replies.pop(), "");
    assertEquals(new Set(replies.slice(99)), new Set(["ERROR:shutting down!"]));
    assertEquals((await server.report()).outcome, "shutting down");
  },
);

Deno.test(
  needsNet("shutdown() tells a client whose next message waits in the kernel"),
  async () => {
    const written = Promise.withResolvers<void>();
    const server = new LocalServer(
      { ...KEEPING, grace: 100 },
      async function* (message: Message) {
        yield "first";
        // Nothing is read meanwhile, and a reply that has begun is finished.
        await written.promise;
        await pause(300); // longer than the grace
        yield message.text();
      } as unknown as Handler,
    );
    using conn = await connectTo(server.port);
    await writeAll(conn, "a;");
    assertEquals(await readLength(conn, 5), "first");
    await writeAll(conn, "b;");
    const finished = server.server.shutdown();
    written.resolve();
    assertEquals(await readText(conn), "a;ERROR:shutting down!;");
    await conn.closeWrite();
    await finished;
  },
);

/** Connections that were told `busy`, and stay. */
class Stayers implements Disposable {
  readonly #conns: Deno.TcpConn[] = [];

  /** Waits until `count` more have read all that the server says. */
  async add(port: number, count: number): Promise<void> {
    const clients = Array.from({ length: count }, async () => {
      const conn = await connectTo(port);
      this.#conns.push(conn);
      assertEquals(await readText(conn), "ERROR:busy!");
    });
    await Promise.all(clients);
  }

  [Symbol.dispose](): void {
    for (const conn of this.#conns) conn.close();
  }
}

/** A server with one place, and the client that takes it with a message. */
async function takenServer(): Promise<[LocalServer, Deno.TcpConn]> {
  // The grace is longer than the time of lingering where places run short.
  const server = new LocalServer({ maxConnections: 1, grace: 6_000 });
  const holder = await connectTo(server.port);
  await writeAll(holder, "a");
  return [server, holder];
}

/** Completes the message, and reads the reply: the place is free again. */
async function leave(holder: Deno.TcpConn): Promise<void> {
  await writeAll(holder, "<END>");
  await holder.closeWrite();
  assertEquals(await readText(holder), "aa");
  holder.close();
}

Deno.test(
  needsNet("serve() serves at once when places are free, whoever stays"),
  async () => {
    const [server, holder] = await takenServer();
    await using _ = server;
    using stayers = new Stayers();
    await stayers.add(server.port, 256);
    await leave(holder);
    assertEquals(await ordinaryClient(server.port, "b<END>"), "bb");
    await server.report(1);
    assertEquals(server.reports.map(({ outcome }) => outcome), ["ok", "ok"]);
  },
);

Deno.test(
  needsNet("serve() keeps to maxConnections, however many stay"),
  async () => {
    const [server, holder] = await takenServer();
    await using _ = server;
    using stayers = new Stayers();
    // No more than 256 may be told so at a time: others replace the oldest.
    await stayers.add(server.port, 300);
    assertEquals(await ordinaryClient(server.port, "b<END>"), "ERROR:busy!");
    await leave(holder);
    assertEquals(await ordinaryClient(server.port, "c<END>"), "cc");
  },
);

/** Waits until another program could listen on a port. */
async function untilFree(port: number): Promise<void> {
  for (;;) {
    try {
      return Deno.listen({ hostname: "127.0.0.1", port }).close();
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
      await pause(20);
    }
  }
}

Deno.test(
  needsNet("shutdown() closes the listener whoever stays, and ends"),
  async () => {
    using _ = fasterTime(3);
    const [{ server, port, reports }, holder] = await takenServer();
    using stayers = new Stayers();
    await stayers.add(port, 256);
    const finished = server.shutdown();
    await untilFree(port);
    // It has not waited for those who stay. One has made place for another.
    assert(reports.length <= 1, `${reports.length} have ended`);
    await leave(holder);
    // The others never leave.
    await finished;
    assertEquals(reports.filter(({ outcome }) => outcome === "ok").length, 1);
    assertEquals(reports.length, 257);
  },
);

Deno.test(
  needsNet("idleTimeout and shutdown() close idle keep-alive in silence"),
  async () => {
    const server = new LocalServer({ ...KEEPING, idleTimeout: 300 });
    using first = await connectTo(server.port);
    await writeAll(first, "a;");
    assertEquals(await readText(first), "aa;");
    await first.closeWrite();
    using second = await connectTo(server.port);
    await writeAll(second, "b;");
    assertEquals(await readLength(second, 3), "bb;");
    const finished = server.server.shutdown();
    assertEquals(await readText(second), "");
    await second.closeWrite();
    await finished;
    for (const { outcome, messages, replyLost } of server.reports) {
      const expected = { outcome: "ok", messages: 1, replyLost: false };
      assertEquals({ outcome, messages, replyLost }, expected);
    }
    assertEquals(server.reports.length, 2);
  },
);

Deno.test(
  needsNet("serve() answers others while one client sends without end"),
  async () => {
    await using server = new LocalServer(KEEPING);
    const conn = await connectTo(server.port);
    let [isSending, received] = [true, 0];
    const started = Promise.withResolvers<void>();
    const sending = (async () => {
      const batch = "x;".repeat(10_000);
      while (isSending) await writeAll(conn, batch);
      await conn.closeWrite();
    })();
    const reading = (async () => {
      const buffer = new Uint8Array(64 * 1024);
      for (;;) {
        const count = await conn.read(buffer);
        if (count === null) return;
        received += count;
        if (received > 100_000) started.resolve();
      }
    })();
    await started.promise;
    await using client = await connect({ port: server.port, end: ";" });
    for (let request = 0; request < 20; request++) {
      assertEquals((await client.request("a")).text(), "aa");
    }
    // The other client is still there, and is answered, too.
    const before = received;
    while (received === before) await pause(1);
    assertEquals(server.reports, []);
    isSending = false;
    await Promise.all([sending, reading]);
    conn.close();
  },
);

Deno.test(
  needsNet("serve() answers 16 messages of one packet with one packet"),
  async () => {
    await using server = new LocalServer(KEEPING);
    using conn = await connectTo(server.port);
    const buffer = new Uint8Array(64 * 1024);
    for (let round = 0; round < 3; round++) {
      await writeAll(conn, "a;".repeat(16));
      assertEquals(await conn.read(buffer), 16 * 3);
    }
    await conn.closeWrite();
    assertEquals(await conn.read(buffer), null);
  },
);

Deno.test(
  needsNet("serve() sends the small chunks of a reply in one packet"),
  async () => {
    const chunks = ["one", "two", "three"];
    await using server = new LocalServer(KEEPING, () => chunks);
    using conn = await connectTo(server.port);
    const buffer = new Uint8Array(1024);
    for (let round = 0; round < 3; round++) {
      await writeAll(conn, "a;");
      assertEquals(await conn.read(buffer), "onetwothree;".length);
    }
    await conn.closeWrite();
    assertEquals(await conn.read(buffer), null);
  },
);

Deno.test(
  needsNet("shutdown() ends soon after a reply that outlasts the grace"),
  async () => {
    const began = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const server = serve(
      { port: 0, end: ";", keepAlive: true, grace: 50 },
      async function* () {
        yield "first ";
        began.resolve();
        await goOn.promise;
        yield "second";
      },
    );
    using conn = await connectTo(server.addr.port);
    await writeAll(conn, "a;");
    await began.promise;
    const finished = server.shutdown();
    setTimeout(goOn.resolve, 200); // after the grace
    // The test's timeout is shorter than the 30 s after which all are aborted.
    assertEquals(await readText(conn), "first second;");
    conn.close();
    await finished;
  },
);
