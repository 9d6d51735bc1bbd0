import { assertEquals } from "@std/assert";
import { LocalServer } from "./local_server.ts";
import { needsPrograms } from "./options.ts";
import { connectTo, listenLocally, readText, writeAll } from "./sockets.ts";
import { certificate, temporaryDirectory } from "./temporary.ts";

Deno.test(
  needsPrograms(
    ["openssl"],
    "serve() with TLS misses no close_notify of a client that has read all",
  ),
  async () => {
    await using directory = await temporaryDirectory();
    const { cert, key } = await certificate(directory.path);
    await using server = new LocalServer({ cert, key });
    for (let index = 0; index < 10; index++) {
      assertEquals(await abruptTlsClient(server.port, cert), "aa");
      const { outcome, replyLost } = await server.report(index);
      assertEquals({ outcome, replyLost }, { outcome: "ok", replyLost: false });
    }
  },
);

/** A TLS client that reads its reply, and closes TCP without ending TLS. */
async function abruptTlsClient(port: number, cert: string): Promise<string> {
  using listener = listenLocally();
  const connecting = connectTo(listener.addr.port);
  using outer = await listener.accept();
  const inner = await connectTo(port);
  const pumping = [pump(outer, inner), pump(inner, outer)];
  const options = { hostname: "localhost", caCerts: [cert] };
  const tls = await Deno.startTls(await connecting, options);
  await writeAll(tls, "a<END>");
  const reply = await readText(tls);
  // All of it has been read: this is no reset.
  inner.close();
  tls.close();
  await Promise.all(pumping);
  return reply;
}

/** Passes bytes on, until one of the connections ends. */
async function pump(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(16 * 1024);
  try {
    for (;;) {
      const count = await from.read(buffer);
      if (count === null) return;
      await writeAll(to, buffer.subarray(0, count));
    }
  } catch {
    // It was closed.
  }
}
