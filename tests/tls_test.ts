import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { ConversationError, sendData } from "../mod.ts";
import { LocalServer } from "./local_server.ts";
import { needsPrograms } from "./options.ts";
import { FILE_PERMISSIONS, runClient, startServer } from "./scripts.ts";
import {
  connectTo,
  listenLocally,
  ordinaryClient,
  writeAll,
} from "./sockets.ts";
import { certificate, temporaryDirectory } from "./temporary.ts";

Deno.test(
  needsPrograms(["openssl"], "serve() with TLS goes on after clients without"),
  async () => {
    await using directory = await temporaryDirectory();
    const { cert, key } = await certificate(directory.path);
    await using server = new LocalServer({ cert, key, idleTimeout: 500 });
    const { port, reports } = server;
    // A client that does not speak TLS.
    await ordinaryClient(port, "a1234<END>").catch(() => {});
    assertEquals((await server.report(0)).outcome, "not TLS");
    // A client that sends nothing. Deno keeps its socket until it leaves.
    using silent = await connectTo(port);
    assertEquals((await server.report(1)).outcome, "timed out");
    silent.close();
    // A client that does not accept the certificate.
    const options = { hostname: "localhost", port, tls: true, end: "<END>" };
    const error = await assertRejects(
      () => sendData("a", options),
      ConversationError,
      "certificate",
    );
    assertEquals(error.reason, "refused");
    assertEquals((await server.report(2)).outcome, "not TLS");
    // A client whose TCP ends in the middle of TLS.
    await truncate(port, cert);
    assertEquals((await server.report(3)).outcome, "truncated");
    const reply = await sendData("a", { ...options, caCerts: [cert] });
    assertEquals(reply.text(), "aa");
    assertEquals((await server.report(4)).outcome, "ok");
    assertEquals(reports.length, 5);
  },
);

/** A TLS client whose TCP ends in the middle of a message, unannounced. */
async function truncate(port: number, cert: string): Promise<void> {
  using listener = listenLocally();
  let isShaken = false;
  const proxied = (async () => {
    using client = await listener.accept();
    using server = await connectTo(port);
    const back = pump(server, client, () => false);
    // The message goes through, and after it the end of TCP, not of TLS.
    await pump(client, server, () => isShaken);
    await server.closeWrite();
    await back;
  })();
  const tcp = await connectTo(listener.addr.port);
  const options = { hostname: "localhost", caCerts: [cert] };
  using tls = await Deno.startTls(tcp, options);
  await tls.handshake();
  isShaken = true;
  await writeAll(tls, "a1234");
  await proxied;
}

/** Passes bytes on, until the end of file, or until it is enough. */
async function pump(
  from: Deno.Conn,
  to: Deno.Conn,
  isEnough: () => boolean,
): Promise<void> {
  const buffer = new Uint8Array(16 * 1024);
  do {
    const count = await from.read(buffer).catch(() => null);
    if (count === null) return;
    await writeAll(to, buffer.subarray(0, count));
  } while (!isEnough());
}

Deno.test(needsPrograms(["openssl"], "the scripts speak TLS"), async () => {
  await using directory = await temporaryDirectory();
  const { certFile, keyFile } = await certificate(directory.path);
  const flags = [`--cert=${certFile}`, `--key=${keyFile}`];
  await using server = await startServer(flags, FILE_PERMISSIONS);
  const args = ["--tls", "--hostname=localhost", `--port=${server.port}`];
  const known = await runClient([...args, `--ca=${certFile}`, "--data=a"]);
  assertEquals(known.stdout, "connected\nsent a\nshutdown\nERROR:no end!\n");
  const unknown = await runClient([...args, "--data=a"]);
  assertEquals(unknown.code, 3);
  assertMatch(unknown.stderr, /^Cannot connect to .*certificate.*\n$/);
});
