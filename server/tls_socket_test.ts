import { assert, assertEquals, assertRejects } from "@std/assert";
import { createSecureContext } from "node:tls";
import { Authority } from "../tests/certificates.ts";
import { needsPrograms } from "../tests/options.ts";
import {
  connectTo,
  listenLocally,
  pause,
  readText,
  resettingClient,
  writeAll,
} from "../tests/sockets.ts";
import { temporaryDirectory } from "../tests/temporary.ts";
import type { ServerSocket } from "./socket.ts";
import { TlsSocket } from "./tls_socket.ts";

/** A TLS listener of one connection, which counts the bytes that it reads. */
async function tlsPair(handshakeTimeoutMs?: number) {
  const directory = await temporaryDirectory();
  const ca = await Authority.make(directory.path);
  const context = createSecureContext({ ...await ca.issue("localhost") });
  await directory[Symbol.asyncDispose]();
  const listener = listenLocally();
  const counts = { encryptedBytes: 0 };
  const accept = async () => {
    const conn = await listener.accept();
    listener.close();
    const counting: ServerSocket = {
      remoteAddr: conn.remoteAddr,
      async write(bytes) {
        // As a socket whose buffer is full.
        await pause(1);
        return await conn.write(bytes);
      },
      closeWrite: () => conn.closeWrite(),
      close: () => conn.close(),
      async read(buffer) {
        const count = await conn.read(buffer);
        counts.encryptedBytes += count ?? 0;
        return count;
      },
    };
    const choose = () => context;
    const socket = new TlsSocket(counting, choose, {}, handshakeTimeoutMs);
    // Some clients wait for it before they do anything.
    socket.handshake().catch(() => {});
    return socket;
  };
  const { port } = listener.addr;
  const connectTls = () =>
    Deno.connectTls({ hostname: "localhost", port, caCerts: [ca.cert] });
  return { port, counts, connectTls, accepted: accept() };
}

Deno.test(
  needsPrograms(["openssl"], "TlsSocket: bytes and half-closes, both ways"),
  async () => {
    const { connectTls, accepted } = await tlsPair();
    using client = await connectTls();
    const server = await accepted;
    await Promise.all([writeAll(client, "to be"), client.handshake()]);
    assertEquals(await server.read(new Uint8Array(100)), 5);
    await server.closeWrite();
    assertEquals(await readText(client), "");
    await writeAll(client, "or not");
    await client.closeWrite();
    const buffer = new Uint8Array(4);
    assertEquals(await server.read(buffer), 4);
    assertEquals(await server.read(buffer), 2);
    assertEquals(await server.read(buffer), null);
    assertEquals(await server.read(buffer), null);
    server.close();
  },
);

Deno.test(
  needsPrograms(["openssl"], "TlsSocket: a write takes a part, in order"),
  async () => {
    const { connectTls, accepted } = await tlsPair();
    using client = await connectTls();
    const server = await accepted;
    const sent = crypto.getRandomValues(new Uint8Array(60_000));
    const all = new Uint8Array(300_000).map((_, i) => sent[i % sent.length]!);
    const reading = new Response(client.readable).bytes();
    assert(await server.write(all) < all.length);
    let unsent = all.subarray(64 * 1024);
    while (unsent.length > 0) {
      unsent = unsent.subarray(await server.write(unsent));
    }
    await server.closeWrite();
    assertEquals(await reading, all);
    server.close();
  },
);

Deno.test(
  needsPrograms(["openssl"], "TlsSocket: reads no more than was asked for"),
  async () => {
    const { connectTls, accepted, counts } = await tlsPair();
    const client = await connectTls();
    const server = await accepted;
    await client.handshake();
    const writing = writeAll(client, new Uint8Array(30_000_000)).catch(
      () => {},
    );
    await server.read(new Uint8Array(10));
    // By now the kernel is full of what nobody reads.
    await Promise.race([
      writing,
      new Promise((resolve) => setTimeout(resolve, 300)),
    ]);
    assert(counts.encryptedBytes < 200_000, `${counts.encryptedBytes} bytes`);
    client.close();
    server.close();
    await writing;
  },
);

Deno.test(
  needsPrograms(["openssl"], "TlsSocket: errors are those of Deno's own"),
  async (t) => {
    const buffer = new Uint8Array(100);
    await t.step("not TLS", async () => {
      const { port, accepted } = await tlsPair();
      using client = await connectTo(port);
      const server = await accepted;
      await writeAll(client, "GET / HTTP/1.1\r\n\r\n");
      await assertRejects(() => server.read(buffer), Deno.errors.InvalidData);
      await assertRejects(() => server.write(buffer), Deno.errors.InvalidData);
      server.close();
    });
    await t.step("an end of TCP before the handshake", async () => {
      const { port, accepted } = await tlsPair();
      using client = await connectTo(port);
      const server = await accepted;
      await client.closeWrite();
      await assertRejects(() => server.read(buffer), Deno.errors.UnexpectedEof);
      server.close();
    });
    await t.step("a reset in the handshake", async () => {
      const { port, accepted } = await tlsPair();
      // The beginning of a record.
      const resetting = resettingClient(port, "\x16\x03\x01");
      const server = await accepted;
      await assertRejects(
        () => server.read(buffer),
        Deno.errors.ConnectionReset,
      );
      await resetting;
      server.close();
    });
    await t.step("a slow handshake", async () => {
      const { port, accepted } = await tlsPair(50);
      using client = await connectTo(port);
      const server = await accepted;
      await writeAll(client, "\x16\x03\x01");
      const error = await assertRejects(
        () => server.read(buffer),
        Deno.errors.InvalidData,
      );
      assertEquals(error.message, "The handshake has timed out");
      server.close();
    });
    await t.step("a close while it reads", async () => {
      const { connectTls, accepted } = await tlsPair();
      using client = await connectTls();
      const server = await accepted;
      await client.handshake();
      const reading = assertRejects(
        () => server.read(buffer),
        Deno.errors.Interrupted,
      );
      server.close();
      server.close();
      await reading;
      await assertRejects(() => server.closeWrite(), Deno.errors.Interrupted);
    });
    await t.step("a client that has reset", async () => {
      const { connectTls, accepted } = await tlsPair();
      const client = await connectTls();
      const server = await accepted;
      await client.handshake();
      await server.write(buffer);
      client.close();
      await assertRejects(async () => {
        for (;;) await server.write(new Uint8Array(64 * 1024));
      }, Error);
      server.close();
    });
  },
);
