// Servers behind a path without a fault: what they do is not the path's doing.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { CheckOptions } from "../check/check.ts";
import { verdictOf } from "../cli/check_text.ts";
import { recvEnd, serve, type ServeOptions } from "../mod.ts";
import { ALL_KEPT, checkPort, findingsOf, openPath } from "./faulty_path.ts";
import { needsNet } from "./options.ts";
import { listenLocally, refusingPort } from "./sockets.ts";

const MIB = 1024 * 1024;

/** The server accepts what a reader can read slowly. */
const SERVER = { port: 0, end: "\n", maxBytes: 16 * MIB } as const;

const ALL_BYTES = Uint8Array.from({ length: 256 }, (_, index) => index);

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

interface ServerCase {
  readonly serve?: ServeOptions;
  readonly check?: Partial<CheckOptions>;
  readonly expected: readonly string[];
}

const SERVERS: Record<string, ServerCase> = {
  "no fault": { expected: ALL_KEPT },
  "keepAlive": {
    serve: { keepAlive: true },
    // The server waits for a half-close after the reply: no end of file comes.
    check: { timeout: 700 },
    expected: ["unknown", "kept", "kept", "kept", "kept"],
  },
  "keepAlive and a reply marker": {
    serve: { keepAlive: true, replyEnd: "|" },
    check: { replyEnd: bytes("|") },
    expected: ALL_KEPT,
  },
  "markers made of the bytes of messages": {
    serve: { end: "aa", replyEnd: "c" },
    check: { end: bytes("aa"), replyEnd: bytes("c") },
    expected: ALL_KEPT,
  },
  "a reply marker made of the bytes of messages": {
    serve: { replyEnd: "aa" },
    check: { replyEnd: bytes("aa") },
    expected: ALL_KEPT,
  },
  "a marker of all bytes": {
    serve: { end: ALL_BYTES },
    check: { end: ALL_BYTES },
    expected: ALL_KEPT,
  },
  "a time-out for clients that do not read": {
    // Longer than any pause of the other conversations on a busy machine.
    serve: { idleTimeout: 700, minRate: 2 ** 30 },
    check: { pause: 1400 },
    expected: ["kept", "kept", "kept", "unknown", "kept"],
  },
  "a small limit": {
    serve: { maxBytes: 1000 },
    expected: ["kept", "kept", "kept", "unknown", "kept"],
  },
  "no limit below the size of an upload": {
    serve: { maxBytes: 128 * MIB },
    expected: ["kept", "kept", "kept", "kept", "unknown"],
  },
};

Deno.test(
  needsNet("checkPath() does not blame a path for its server", {
    timeout: 50_000,
  }),
  async (t) => {
    for (const [name, options] of Object.entries(SERVERS)) {
      await t.step(name, async () => {
        await using server = serve({ ...SERVER, ...options.serve });
        const report = await checkPort(server.addr.port, options.check);
        assertEquals(findingsOf(report), options.expected);
        assertEquals(report.finding, "kept");
      });
    }
  },
);

Deno.test(
  needsNet("checkPath() reports unknown where the server does not answer", {
    timeout: 50_000,
  }),
  async (t) => {
    await t.step("another marker and a longer time-out", async () => {
      await using server = serve({ ...SERVER, end: ";" });
      const report = await checkPort(server.addr.port, { timeout: 700 });
      assertEquals(findingsOf(report), ["unknown"]);
      assertEquals(report.obstacle?.reason, "silence");
      assertStringIncludes(verdictOf(report), "same --marker");
    });
    await t.step("another marker and a shorter time-out", async () => {
      await using server = serve({ ...SERVER, end: ";", idleTimeout: 50 });
      const report = await checkPort(server.addr.port);
      assertEquals(findingsOf(report), ["unknown"]);
      assertStringIncludes(verdictOf(report), "ERROR:timed out!");
    });
    await t.step("a connection that is kept, but not for long", async () => {
      await using server = await openPath(0, (client) => {
        client.once("data", () => {
          client.write("aa<END>");
          setTimeout(() => client.end("ERROR:timed out!<END>"), 100);
        });
      });
      const report = await checkPort(server.port);
      assertEquals(findingsOf(report), ["unknown"]);
      assertStringIncludes(verdictOf(report), "give its --reply-marker");
    });
    await t.step("a server that speaks TLS", async () => {
      const alert = new Uint8Array([21, 3, 3, 0, 2, 2, 10]);
      await using server = await openPath(0, (client) => client.end(alert));
      const report = await checkPort(server.port);
      assertEquals(report.finding, "unknown");
      assertStringIncludes(verdictOf(report), "--tls");
    });
    await t.step("a reply without end", async () => {
      const chunk = new Uint8Array(MIB);
      await using server = await openPath(0, (client) => {
        const more = () => {
          while (client.write(chunk));
        };
        client.on("drain", more);
        more();
      });
      const report = await checkPort(server.port);
      assertEquals(findingsOf(report), ["unknown"]);
      const verdict = "could not tell: the reply has no end";
      assertEquals(verdictOf(report), verdict);
    });
    await t.step("an upload that stands still", async () => {
      await using server = serve({ ...SERVER, maxBytes: 32 * MIB });
      await using path = await openPath(server.addr.port, (client, server) => {
        let passed = 0;
        client.on("data", (data) => {
          passed += data.length;
          if (passed > 20_000_000) client.pause();
          else server.write(data);
        });
        client.on("end", () => server.end());
        server.pipe(client);
      });
      const report = await checkPort(path.port, { timeout: 1000 });
      assertEquals(findingsOf(report).at(-1), "unknown");
      assertEquals(report.finding, "kept");
    });
    await t.step("no server", async () => {
      using refusing = await refusingPort();
      const report = await checkPort(refusing.port);
      assertEquals(report.conversations, []);
      assertEquals(report.finding, "unknown");
      assertStringIncludes(verdictOf(report), "Connection refused");
    });
    await t.step("a server that sends nothing", async () => {
      await using silent = await openPath(0, (client) => client.end());
      const report = await checkPort(silent.port);
      assertEquals(findingsOf(report), ["unknown"]);
      assertEquals(report.finding, "unknown");
      assertEquals(report.obstacle?.reason, "no reply");
    });
  },
);

Deno.test(
  needsNet("checkPath() allows for servers without error replies"),
  async () => {
    const listener = listenLocally();
    const answer = async (conn: Deno.Conn) => {
      using _closed = conn;
      const { gotEnd } = await recvEnd(conn, "\n", { maxBytes: 1000 });
      if (gotEnd) await conn.write(bytes("\n"));
    };
    const served: Promise<void>[] = [];
    const accepting = (async () => {
      for await (const conn of listener) served.push(answer(conn));
    })();
    const report = await checkPort(listener.addr.port);
    listener.close();
    await accepting;
    await Promise.all(served);
    assertEquals(
      findingsOf(report),
      ["kept", "kept", "unknown", "unknown", "unknown"],
    );
    assertMatch(
      verdictOf(report),
      /^this path keeps the last word; unknown: no end marker, slow reader, /,
    );
  },
);
