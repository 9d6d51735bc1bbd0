import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  connect,
  ConversationError,
  type ConversationReport,
  LastWord,
  type ReplyBody,
  sendData,
  type SendOptions,
  serve,
  type ServeOptions,
} from "./mod.ts";
import { removeDeadSocket } from "./listen.ts";
import {
  connectTo,
  foreignTest,
  ordinaryClient,
  runClient,
  runProgram,
  startServer,
  writeAll,
} from "./testing.ts";

/** A directory that goes with the test. */
async function temporary(): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir();
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** A certificate for localhost that vouches for itself. */
async function certificate(directory: string) {
  const [certFile, keyFile] = [`${directory}/cert.pem`, `${directory}/key.pem`];
  const { code, stderr } = await runProgram("openssl", [
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"],
    ...["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
    ...["-addext", "basicConstraints=critical,CA:FALSE"],
    ...["-keyout", keyFile, "-out", certFile],
  ]);
  assertEquals(code, 0, stderr);
  const cert = await Deno.readTextFile(certFile);
  const key = await Deno.readTextFile(keyFile);
  return { cert, key, certFile, keyFile };
}

/** The conversations that have to go the same way on every transport. */
async function suite(
  t: Deno.TestContext,
  listening: ServeOptions,
  connecting: SendOptions,
): Promise<void> {
  let report: ConversationReport | undefined;
  const handler = (
    message: { text(): string; bytes(): Uint8Array },
  ): ReplyBody => {
    const text = message.text();
    if (text === "bad") throw new LastWord("malformed");
    if (text === "broken") throw new Error("thrown");
    return [message.bytes(), message.bytes()];
  };
  const holding = (options: ServeOptions) => {
    const server = serve({
      port: 0,
      end: "<END>",
      ...listening,
      ...options,
      onConversation: (last) => report = last,
    }, handler);
    const { addr } = server as { addr: Deno.Addr };
    const where = { ...connecting, ...("port" in addr && { port: addr.port }) };
    return { server, where, [Symbol.asyncDispose]: () => server.shutdown() };
  };
  const big = "0123456789".repeat(300_000);
  for (const halfClose of ["before", "after"] as const) {
    await t.step(`one message, half-close ${halfClose}`, async () => {
      await using held = holding({});
      for (const data of ["a1234", "x", big]) {
        const options = { ...held.where, end: "<END>", halfClose };
        const reply = await sendData(data, options);
        assert(reply.text() === data + data);
      }
    });
  }
  await t.step("last words", async () => {
    await using held = holding({ maxBytes: 10, idleTimeout: 100 });
    const say = async (data: string, options?: SendOptions) =>
      (await sendData(data, { ...held.where, end: "<END>", ...options }))
        .lastWord;
    assertEquals(await say("a", { end: "other" }), "no end");
    assertEquals(report?.outcome, "no end");
    assertEquals(await say("x".repeat(1_000_000)), "too large");
    assertEquals(await say("bad"), "malformed");
    assertEquals(await say("broken"), "failed");
    const waiting = { end: "other", halfClose: "after" } as const;
    assertEquals(await say("a", waiting), "timed out");
  });
  await t.step("more behind the marker than anybody wants", async () => {
    await using held = holding({});
    const data = `a<END>${"x".repeat(3_000_000)}`;
    const reply = await sendData(data, { ...held.where, end: "other" });
    assertEquals(reply.text(), "aa");
  });
  await t.step("many messages", async () => {
    await using held = holding({ keepAlive: true });
    await using conversation = await connect({ ...held.where, end: "<END>" });
    const sent = ["a", big, "b"];
    const replies = await Promise.all(
      sent.map((data) => conversation.ask(data)),
    );
    assert(replies.every((reply, i) => reply.text() === sent[i]!.repeat(2)));
  });
  await t.step("by count", async () => {
    await using held = holding({ framing: "count" });
    const options = { ...held.where, framing: "count" } as const;
    assertEquals((await sendData("a,b", options)).text(), "a,ba,b");
  });
}

foreignTest(
  ["openssl"],
  "conversations go the same way by TCP, TLS and Unix",
  async (t) => {
    await using directory = await temporary();
    const { cert, key } = await certificate(directory.path);
    const path = `${directory.path}/socket`;
    await t.step("TCP", (t) => suite(t, {}, {}));
    await t.step("TLS", (t) =>
      suite(t, { cert, key }, {
        hostname: "localhost",
        tls: true,
        caCerts: [cert],
      }));
    await t.step("a Unix socket", (t) => suite(t, { path }, { path }));
  },
  { timeout: 40_000 },
);

foreignTest(
  ["openssl"],
  "a TLS server goes on whatever a stranger speaks",
  async () => {
    await using directory = await temporary();
    const { cert, key } = await certificate(directory.path);
    const reports: ConversationReport[] = [];
    const timedOut = Promise.withResolvers<void>();
    await using server = serve({
      port: 0,
      end: "<END>",
      cert,
      key,
      idleTimeout: 200,
      onConversation: (report) => {
        reports.push(report);
        if (report.outcome === "timed out") timedOut.resolve();
      },
    });
    const { port } = server.addr;
    // A client that speaks no TLS, one that says nothing, one that trusts
    // nobody, and one that leaves without the end of TLS.
    await ordinaryClient(port, "a1234<END>").catch(() => {});
    // Deno keeps the silent one's socket until it leaves, closed or not.
    const silent = await connectTo(port);
    await timedOut.promise;
    silent.close();
    const options = { hostname: "localhost", port, tls: true, end: "<END>" };
    const error = await assertRejects(
      () => sendData("a", options),
      ConversationError,
      "certificate",
    );
    assertEquals(error.reason, "refused");
    await truncate(port, cert);
    const reply = await sendData("a", { ...options, caCerts: [cert] });
    assertEquals(reply.text(), "aa");
    await server.shutdown();
    const outcomes = reports.map(({ outcome }) => outcome);
    assertEquals(outcomes.toSorted(), [
      "end",
      "no TLS",
      "no TLS",
      "timed out",
      "truncated",
    ]);
  },
);

/** A TLS client whose TCP ends in the middle of a message, unannounced. */
async function truncate(port: number, cert: string): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let isShaken = false;
  const proxied = (async () => {
    using client = await listener.accept();
    using server = await connectTo(port);
    const back = pump(server, client, () => false);
    // The message goes through, and behind it the end of TCP, not of TLS.
    await pump(client, server, () => isShaken);
    await server.closeWrite();
    await back;
  })();
  const { port: proxyPort } = listener.addr;
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port: proxyPort });
  const options = { hostname: "localhost", caCerts: [cert] };
  using tls = await Deno.startTls(tcp, options);
  await tls.handshake();
  isShaken = true;
  await writeAll(tls, "a1234");
  await proxied;
  listener.close();
}

/** Hands on what comes, until the end of file, or until it is enough. */
async function pump(
  from: Deno.Conn,
  to: Deno.Conn,
  isEnough: () => boolean,
): Promise<void> {
  const room = new Uint8Array(16 * 1024);
  do {
    const count = await from.read(room).catch(() => null);
    if (count === null) return;
    await writeAll(to, room.subarray(0, count));
  } while (!isEnough());
}

foreignTest(["openssl"], "the pair speaks TLS", async () => {
  await using directory = await temporary();
  const { certFile, keyFile } = await certificate(directory.path);
  await using server = await startServer(
    [`--cert=${certFile}`, `--key=${keyFile}`],
    ["--allow-net=127.0.0.1", "--allow-read"],
  );
  const args = ["--tls", "--hostname=localhost", `--port=${server.port}`];
  const known = await runClient([...args, `--ca=${certFile}`, "--data=a"]);
  assertEquals(known.stdout, "connected\nsent a\nshutdown\nERROR:no end!\n");
  const unknown = await runClient([...args, "--data=a"]);
  assertEquals(unknown.code, 3);
  assert(/^Cannot connect to .*certificate.*\n$/.test(unknown.stderr));
});

foreignTest(
  [],
  "a Unix socket of a dead server is replaced, of a living one not",
  async () => {
    await using directory = await temporary();
    const path = `${directory.path}/socket`;
    const permissions = ["--allow-read", "--allow-write", "--allow-net"];
    const living = await startServer([`--unix=${path}`], permissions);
    const client = [`--unix=${path}`, "--marker=SERVER WRONG MARKER"];
    const second = startServer([`--unix=${path}`], permissions);
    await assertRejects(() => second, Error, "in use");
    const reply = await runClient([...client, "--data=a"]);
    assertEquals(reply.stdout, "connected\nsent a\nshutdown\naa\n");
    await living.stop("SIGKILL");
    assert((await Deno.stat(path)).isSocket);
    await using next = await startServer([`--unix=${path}`], permissions);
    assertEquals((await runClient([...client, "--data=b"])).code, 0);
    await next.stop();
    await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
    // A file that is no socket is nobody's to remove.
    await Deno.writeTextFile(path, "precious");
    await removeDeadSocket(path);
    assertEquals(await Deno.readTextFile(path), "precious");
  },
);

foreignTest([], "shutdown() of a Unix socket loses nobody", async () => {
  await using directory = await temporary();
  const path = `${directory.path}/socket`;
  const server = serve({ path, end: "\n" });
  const heard: string[] = [];
  const comeAgainAndAgain = async () => {
    for (;;) {
      try {
        heard.push((await sendData("a", { path, end: "\n" })).text());
      } catch (error) {
        if (!(error instanceof ConversationError)) throw error;
        if (error.reason !== "refused") heard.push(error.reason);
        return;
      }
    }
  };
  const clients = Array.from({ length: 32 }, comeAgainAndAgain);
  while (heard.length < 200) await new Promise((go) => setTimeout(go, 1));
  const ended = server.shutdown();
  // At once: else its backlog would never come to an end.
  assert(!(await Deno.stat(path)).isSocket);
  // Nor may another server take the path, whose socket would be removed.
  assertThrows(() => serve({ path }), Deno.errors.AddrInUse);
  await ended;
  await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
  await Promise.all(clients);
  assertEquals(heard.filter((reply) => reply !== "aa"), []);
});
