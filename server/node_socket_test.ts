import { assert, assertEquals, assertRejects } from "@std/assert";
import { SocketServer } from "../server.ts";
import { needsNet } from "../tests/options.ts";
import {
  connectTo,
  pause,
  readText,
  resettingClient,
  writeAll,
} from "../tests/sockets.ts";
import { InheritedListener, MAX_WAITING } from "./node_socket.ts";
import type { ServerSocket } from "./socket.ts";

const buffer = new Uint8Array(100);

/** A listener of `node:net`, and its port. */
async function listening() {
  const where = { host: "127.0.0.1", port: 0 };
  const listener = await InheritedListener.open(where);
  const { port } = listener.addr as Deno.NetAddr;
  return { listener, port };
}

/** The server's side and the client's side of a connection. */
async function connected(): Promise<[ServerSocket, Deno.TcpConn]> {
  const { listener, port } = await listening();
  const client = await connectTo(port);
  const server = await listener.accept();
  listener.close();
  return [server, client];
}

Deno.test(
  needsNet("NodeSocket: bytes and half-closes, both ways"),
  async () => {
    const [server, client] = await connected();
    assertEquals(server.remoteAddr, client.localAddr);
    await writeAll(client, "to be");
    assertEquals(await server.read(buffer), 5);
    await server.closeWrite();
    assertEquals(await readText(client), "");
    await writeAll(client, "or not");
    await client.closeWrite();
    assertEquals(await server.read(new Uint8Array(4)), 4);
    assertEquals(await server.read(buffer), 2);
    assertEquals(await server.read(buffer), null);
    assertEquals(await server.read(buffer), null);
    server.close();
    client.close();
  },
);

Deno.test(needsNet("NodeSocket: a write takes a part, in order"), async () => {
  const [server, client] = await connected();
  const sent = new Uint8Array(1_000_000).map((_, index) => index >> 8);
  const reading = new Response(client.readable).bytes();
  let unsent = sent;
  let writes = 0;
  while (unsent.length > 0) {
    unsent = unsent.subarray(await server.write(unsent));
    writes++;
  }
  assert(writes > 10);
  assertEquals(await server.write(unsent), 0);
  await server.closeWrite();
  assertEquals(await reading, sent);
  server.close();
});

Deno.test(needsNet("NodeSocket: reads no more than it keeps"), async () => {
  const [server, client] = await connected();
  let written = 0;
  const writing = (async () => {
    const chunk = new Uint8Array(64 * 1024);
    for (;;) written += await client.write(chunk);
  })().catch(() => {});
  await server.read(buffer);
  await pause(300);
  const full = written;
  await pause(200);
  assertEquals(written, full);
  client.close();
  server.close();
  await writing;
});

Deno.test(
  needsNet("NodeSocket: errors are those of Deno's own"),
  async (t) => {
    await t.step("a reset, after what arrived before it", async () => {
      const { listener, port } = await listening();
      const isRead = Promise.withResolvers<void>();
      const client = resettingClient(port, "to be", isRead.promise);
      const server = await listener.accept();
      await server.read(new Uint8Array(1));
      isRead.resolve();
      await client;
      await pause(20);
      assertEquals(await server.read(buffer), 4);
      await assertRejects(
        () => server.read(buffer),
        Deno.errors.ConnectionReset,
      );
      server.close();
      listener.close();
    });
    await t.step("a close while it reads", async () => {
      const [server, client] = await connected();
      const reading = assertRejects(
        () => server.read(buffer),
        Deno.errors.Interrupted,
      );
      server.close();
      server.close();
      await reading;
      await assertRejects(() => server.read(buffer), Deno.errors.Interrupted);
      await assertRejects(async () => {
        await server.write(buffer);
      }, Deno.errors.Interrupted);
      client.close();
    });
    await t.step("a client that has gone", async () => {
      const [server, client] = await connected();
      await server.write(buffer);
      client.close();
      await assertRejects(async () => {
        for (;;) await server.write(buffer);
      }, Error);
      server.close();
    });
  },
);

Deno.test(
  needsNet("InheritedListener.stop() leaves those that it has taken"),
  async () => {
    const { listener, port } = await listening();
    const clients = await Promise.all([connectTo(port), connectTo(port)]);
    // It takes both in one turn.
    const first = await listener.accept();
    listener.stop();
    const second = await listener.accept();
    let isOver = false;
    const third = assertRejects(
      () => listener.accept(),
      Deno.errors.BadResource,
    ).then(() => isOver = true);
    await pause(20);
    assert(!isOver);
    listener.close();
    await third;
    for (const server of [first, second]) {
      await server.write(buffer);
      server.close();
    }
    for (const client of clients) {
      assertEquals((await readText(client)).length, buffer.length);
      client.close();
    }
    await assertRejects(() => listener.accept(), Deno.errors.BadResource);
  },
);

Deno.test(
  needsNet("InheritedListener closes those for whom there is no place"),
  async () => {
    const { listener, port } = await listening();
    const clients: Deno.TcpConn[] = [];
    for (let i = 0; i < MAX_WAITING + 1; i++) {
      clients.push(await connectTo(port));
    }
    const last = clients.at(-1)!;
    assertEquals(await last.read(buffer).catch(() => null), null);
    const server = await listener.accept();
    await server.write(buffer);
    assertEquals(await clients[0]!.read(buffer), buffer.length);
    server.close();
    listener.close();
    // Those who waited are not served.
    assertEquals(await clients[1]!.read(buffer).catch(() => null), null);
    for (const client of clients) client.close();
  },
);

Deno.test(
  needsNet("InheritedListener.open() rejects what is not a listener"),
  async () => {
    await assertRejects(() => InheritedListener.open({ fd: 9999 }), Error);
  },
);

Deno.test(
  needsNet("SocketServer.shutdown() leaves new clients to the next process"),
  async () => {
    const { listener, port } = await listening();
    const server = new SocketServer({ end: ";" }, undefined, { listener });
    const client = await connectTo(port);
    await writeAll(client, "a");
    const finished = server.shutdown();
    // Here there is no next process that has the socket.
    await assertRejects(() => connectTo(port), Deno.errors.ConnectionRefused);
    await writeAll(client, ";");
    await client.closeWrite();
    assertEquals(await readText(client), "aa");
    client.close();
    await finished;
  },
);

Deno.test(
  needsNet("InheritedListener: an IPv4 client of a socket for both versions"),
  async () => {
    const listener = await InheritedListener.open({ host: "::", port: 0 });
    const client = await connectTo((listener.addr as Deno.NetAddr).port);
    const server = await listener.accept();
    assertEquals(server.remoteAddr, client.localAddr);
    server.close();
    client.close();
    listener.close();
  },
);
