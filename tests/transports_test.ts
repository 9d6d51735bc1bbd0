import { assert, assertEquals } from "@std/assert";
import {
  connect,
  ErrorReply,
  type Handler,
  sendData,
  type SendOptions,
  type ServeOptions,
} from "../mod.ts";
import type { ServerParts } from "../server.ts";
import { InheritedListener } from "../server/node_socket.ts";
import { TlsConfig } from "../server/tls.ts";
import { LocalServer } from "./local_server.ts";
import { needsPrograms } from "./options.ts";
import { certificate, temporaryDirectory } from "./temporary.ts";

const LARGE = "0123456789".repeat(300_000);

const handler: Handler = (message) => {
  const text = message.text();
  if (text === "bad") throw new ErrorReply("malformed");
  if (text === "broken") throw new Error("thrown");
  return [message.bytes(), message.bytes()];
};

/** A server on a transport, and the options of its clients. */
class Pair extends LocalServer {
  /** Where the server is. */
  readonly address: SendOptions;

  constructor(
    listening: ServeOptions & { path?: string },
    connecting: SendOptions,
    parts: ServerParts,
  ) {
    super(listening, handler, parts);
    const addr: Deno.Addr = this.server.addr;
    this.address = "port" in addr
      ? { ...connecting, port: addr.port }
      : connecting;
  }

  /** The error code of the reply to this message. */
  async errorOf(data: string, options?: SendOptions): Promise<string | null> {
    const all = { ...this.address, end: "<END>", ...options };
    return (await sendData(data, all)).error;
  }
}

/** The conversations, each of which has to go the same way everywhere. */
async function suite(
  t: Deno.TestContext,
  listening: ServeOptions & { path?: string },
  connecting: SendOptions,
  open: () => Promise<ServerParts> = () => Promise.resolve({}),
): Promise<void> {
  const start = async (options: ServeOptions & { path?: string }) =>
    new Pair(options, connecting, await open());
  for (const halfClose of ["before", "after"] as const) {
    await t.step(`one message, half-close ${halfClose}`, async () => {
      await using pair = await start(listening);
      for (const data of ["a1234", "x", LARGE]) {
        const options = { ...pair.address, end: "<END>", halfClose };
        const reply = await sendData(data, options);
        assert(reply.text() === data + data);
      }
    });
  }
  await t.step("error replies", async () => {
    await using pair = await start({ ...listening, maxBytes: 10 });
    assertEquals(await pair.errorOf("a", { end: "other" }), "no end");
    assertEquals((await pair.report()).outcome, "no end");
    assertEquals(await pair.errorOf("x".repeat(1_000_000)), "too large");
    assertEquals(await pair.errorOf("bad"), "malformed");
    assertEquals(await pair.errorOf("broken"), "failed");
  });
  await t.step("a time-out", async () => {
    await using pair = await start({ ...listening, idleTimeout: 500 });
    const waiting = { end: "other", halfClose: "after" } as const;
    assertEquals(await pair.errorOf("a", waiting), "timed out");
  });
  await t.step("3 MB after the marker", async () => {
    await using pair = await start(listening);
    const data = `a<END>${"x".repeat(3_000_000)}`;
    const reply = await sendData(data, { ...pair.address, end: "other" });
    assertEquals(reply.text(), "aa");
  });
  await t.step("many messages", async () => {
    await using pair = await start({ ...listening, keepAlive: true });
    await using client = await connect({ ...pair.address, end: "<END>" });
    const sent = ["a", LARGE, "b"];
    const replies = await Promise.all(sent.map((data) => client.request(data)));
    assert(replies.every((reply, i) => reply.text() === sent[i]!.repeat(2)));
  });
  await t.step("by count", async () => {
    await using pair = await start({ ...listening, framing: "count" });
    const options = { ...pair.address, framing: "count" } as const;
    assertEquals((await sendData("a,b", options)).text(), "a,ba,b");
  });
}

Deno.test(
  needsPrograms(
    ["openssl"],
    "serve() and its clients do the same over TCP, TLS and Unix sockets",
    { timeout: 40_000 },
  ),
  async (t) => {
    await using directory = await temporaryDirectory();
    const { cert, key } = await certificate(directory.path);
    const path = `${directory.path}/socket`;
    const tls = { hostname: "localhost", tls: true, caCerts: [cert] };
    await t.step("TCP", (t) => suite(t, {}, {}));
    await t.step("TLS", (t) => suite(t, { cert, key }, tls));
    const config = new TlsConfig({ certificates: [{ cert, key }] });
    await t.step("TLS of node:tls", (t) => suite(t, { tls: config }, tls));
    const inherited = async () => ({
      listener: await InheritedListener.open({ host: "127.0.0.1", port: 0 }),
    });
    await t.step("an inherited socket", (t) => suite(t, {}, {}, inherited));
    await t.step(
      "TLS on an inherited socket",
      (t) => suite(t, { tls: config }, tls, inherited),
    );
    await t.step("a Unix socket", (t) => suite(t, { path }, { path }));
  },
);
