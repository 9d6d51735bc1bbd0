import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertThrows,
} from "@std/assert";
import { ErrorReply, type Handler, serve, type ServeOptions } from "../mod.ts";
import { LocalServer, MARKER } from "./local_server.ts";
import { needsNet } from "./options.ts";
import {
  connectTo,
  ordinaryClient,
  readText,
  resettingClient,
  untilRefused,
  writeAll,
} from "./sockets.ts";

Deno.test(needsNet("serve() answers with the message twice"), async () => {
  await using server = new LocalServer();
  assertEquals(await ordinaryClient(server.port, "a1234<END>"), "a1234a1234");
  const report = await server.report();
  assertEquals(report.outcome, "ok");
  assertEquals(report.messages, 1);
  assertEquals(report.bytesIn, 10);
  assertEquals(report.bytesOut, 10);
  assertEquals(report.replyLost, false);
  assertEquals(report.remoteAddr.transport, "tcp");
  assert(report.durationMs > 0);
});

Deno.test(needsNet("serve() answers with the handler's reply"), async () => {
  const handler: Handler = (message, info) => {
    assertEquals(info.remoteAddr.transport, "tcp");
    assertEquals(info.marker, new TextEncoder().encode(MARKER));
    assertEquals(info.signal.aborted, false);
    assertEquals(message.byteLength, 5);
    assertEquals(message.bytes(), new TextEncoder().encode("to be"));
    return message.text().toUpperCase();
  };
  await using server = new LocalServer({}, handler);
  assertEquals(await ordinaryClient(server.port, "to be<END>"), "TO BE");
});

async function* laterChunks() {
  yield "one ";
  await Promise.resolve();
  yield new TextEncoder().encode("two");
}

Deno.test(needsNet("serve() sends every kind of reply"), async (t) => {
  const kinds: [string, Handler, string][] = [
    ["text", () => "té", "té"],
    ["bytes", () => new TextEncoder().encode("b"), "b"],
    ["an iterable", () => ["a", "", new TextEncoder().encode("b")], "ab"],
    ["an empty reply", () => "", ""],
    ["a promise", () => Promise.resolve("later"), "later"],
    ["an async iterable", laterChunks, "one two"],
    ["a stream", () => new Blob(["streamed"]).stream(), "streamed"],
  ];
  for (const [name, handler, expected] of kinds) {
    await t.step(name, async () => {
      await using server = new LocalServer({}, handler);
      assertEquals(await ordinaryClient(server.port, "x<END>"), expected);
      assertEquals((await server.report()).replyLost, false);
    });
  }
  await t.step("1 MB in small chunks", async () => {
    const chunks = Array(100_000).fill("0123456789");
    await using server = new LocalServer({}, () => chunks);
    const reply = await ordinaryClient(server.port, "x<END>");
    assert(reply === "0123456789".repeat(100_000));
  });
});

/** A case of an error reply. */
interface Refusal {
  name: string;
  code: string;
  options?: ServeOptions;
  handler?: Handler;
  sent: string;
}

const REFUSALS: readonly Refusal[] = [
  { name: "a message without its marker", code: "no end", sent: "a1234" },
  { name: "an end of file at once", code: "no end", sent: "" },
  {
    name: "one byte too many",
    code: "too large",
    options: { maxBytes: 4 },
    sent: "a1234<END>",
  },
  {
    name: "a handler that throws",
    code: "failed",
    handler: () => {
      throw new Error("thrown");
    },
    sent: "a<END>",
  },
  {
    name: "a handler that rejects",
    code: "failed",
    handler: () => Promise.reject(new Error("rejected")),
    sent: "a<END>",
  },
  {
    name: "a handler that returns a number",
    code: "failed",
    handler: () => 5 as never,
    sent: "a<END>",
  },
  {
    name: "a handler that returns numbers",
    code: "failed",
    handler: () => [5 as never],
    sent: "a<END>",
  },
  {
    name: "a handler's own error reply",
    code: "malformed",
    handler: () => {
      throw new ErrorReply("malformed");
    },
    sent: "a<END>",
  },
  {
    name: "no memory for messages",
    code: "busy",
    options: { maxBufferedBytes: 10, maxBytes: Infinity },
    sent: "a<END>",
  },
];

Deno.test(needsNet("serve() has an error reply for each case"), async (t) => {
  for (const { name, code, options, handler, sent } of REFUSALS) {
    await t.step(`${code}: ${name}`, async () => {
      await using server = new LocalServer(options, handler);
      const reply = await ordinaryClient(server.port, sent);
      assertEquals(reply, `ERROR:${code}!`);
      const report = await server.report();
      assertEquals(report.outcome, code);
      assertEquals("error" in report, code === "failed");
    });
  }
});

Deno.test(needsNet("serve() has a time-out for silent clients"), async () => {
  await using server = new LocalServer({ idleTimeout: 50, lingerTimeout: 50 });
  using conn = await connectTo(server.port);
  await writeAll(conn, "a1234");
  assertEquals(await readText(conn), "ERROR:timed out!");
  const report = await server.report();
  assert(report.durationMs >= 100, `${report.durationMs} ms`);
  assertEquals(report.outcome, "timed out");
});

Deno.test(needsNet("serve() has a time-out for slow messages"), async () => {
  await using server = new LocalServer({
    idleTimeout: 10_000, // longer than any pause between two bytes here
    messageTimeout: 300,
  });
  using conn = await connectTo(server.port);
  const drip = setInterval(() => conn.write(new Uint8Array(1)), 20);
  try {
    assertEquals(await readText(conn), "ERROR:timed out!");
  } finally {
    clearInterval(drip);
  }
  await conn.closeWrite();
  const report = await server.report();
  assert(report.durationMs >= 300, `${report.durationMs} ms`);
  assert(report.bytesIn > 1, `${report.bytesIn} bytes`);
});

Deno.test(needsNet("serve() is busy beyond maxConnections"), async () => {
  await using server = new LocalServer({ maxConnections: 2 });
  using first = await connectTo(server.port);
  using second = await connectTo(server.port);
  await writeAll(first, "a");
  await writeAll(second, "b");
  assertEquals(await ordinaryClient(server.port, "c<END>"), "ERROR:busy!");
  await writeAll(first, "<END>");
  await first.closeWrite();
  assertEquals(await readText(first), "aa");
  await server.report(1);
  assertEquals(await ordinaryClient(server.port, "d<END>"), "dd");
  await second.closeWrite();
  assertEquals(await readText(second), "ERROR:no end!");
});

Deno.test(needsNet("serve() counts no client that it calls busy"), async () => {
  await using server = new LocalServer({
    maxConnections: 1,
    lingerTimeout: 10_000,
  });
  using served = await connectTo(server.port);
  await writeAll(served, "a");
  using refused = await connectTo(server.port);
  assertEquals(await readText(refused), "ERROR:busy!"); // and it does not leave
  await writeAll(served, MARKER);
  await served.closeWrite();
  assertEquals(await readText(served), "aa");
  await server.report();
  assertEquals(await ordinaryClient(server.port, "b<END>"), "bb");
});

Deno.test(needsNet("serve() serves connections concurrently"), async () => {
  await using server = new LocalServer();
  const conns = await Promise.all(
    Array.from({ length: 50 }, () => connectTo(server.port)),
  );
  const numbered = [...conns.entries()];
  for (const [i, conn] of numbered) await writeAll(conn, `${i}`);
  for (const [i, conn] of numbered.toReversed()) {
    await writeAll(conn, MARKER);
    await conn.closeWrite();
    assertEquals(await readText(conn), `${i}${i}`);
    conn.close();
  }
});

Deno.test(needsNet("serve() reports a handler's error in reply"), async () => {
  await using server = new LocalServer({}, async function* () {
    yield "half";
    await Promise.resolve();
    throw new Error("half-way");
  });
  using conn = await connectTo(server.port);
  await writeAll(conn, "a<END>");
  assertEquals(await readText(conn).catch(String), "half");
  const report = await server.report();
  assertEquals(report.outcome, "failed");
  assertEquals(report.replyLost, true);
  assertEquals((report.error as Error).message, "half-way");
});

Deno.test(
  needsNet("serve() aborts the handler's signal when the client resets"),
  async () => {
    const called = Promise.withResolvers<void>();
    let reason: unknown;
    await using server = new LocalServer({}, (_message, { signal }) => {
      called.resolve();
      return new Promise((resolve) =>
        signal.addEventListener("abort", () => {
          reason = signal.reason;
          resolve("a reply that has no reader");
        })
      );
    });
    await resettingClient(server.port, "a<END>", called.promise);
    const report = await server.report();
    assertEquals(report.replyLost, true);
    assertInstanceOf(reason, Deno.errors.ConnectionReset);
  },
);

Deno.test(
  needsNet("serve() keeps a message for a handler that was interrupted"),
  async () => {
    const called = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const read = Promise.withResolvers<string>();
    await using server = new LocalServer({}, async (message) => {
      if (message.text() !== "from A") return "to B";
      called.resolve();
      await release.promise;
      read.resolve(message.text());
      return "a reply that has no reader";
    });
    await resettingClient(server.port, "from A<END>", called.promise);
    await server.report();
    assertEquals(await ordinaryClient(server.port, "from B<END>"), "to B");
    release.resolve();
    assertEquals(await read.promise, "from A");
  },
);

Deno.test(
  needsNet("serve() goes on when onConversation throws, and reports it"),
  async () => {
    const errors: unknown[] = [];
    await using server = serve({
      port: 0,
      end: MARKER,
      onConversation: () => {
        throw new Error("in a callback");
      },
      onAcceptError: (error) => errors.push(error),
    });
    assertEquals(await ordinaryClient(server.addr.port, "a<END>"), "aa");
    assertEquals(await ordinaryClient(server.addr.port, "b<END>"), "bb");
    await server.shutdown();
    assertMatch(String(errors), /in a callback/);
  },
);

Deno.test(needsNet("serve() stops listening if onListen throws"), async () => {
  let port = 0;
  const onListen = (addr: Deno.Addr) => {
    if ("port" in addr) port = addr.port;
    throw new Error("in a callback");
  };
  assertThrows(() => serve({ port: 0, onListen }), Error, "in a callback");
  await untilRefused(port);
});

Deno.test.each(
  [
    ["an empty marker", { end: "" }, TypeError, "end marker"],
    ["maxBytes -1", { maxBytes: -1 }, RangeError, "maxBytes"],
    ["idleTimeout NaN", { idleTimeout: NaN }, RangeError, "idleTimeout"],
    ["messageTimeout -1", { messageTimeout: -1 }, RangeError, "messageTimeout"],
    [
      "a text as lingerTimeout",
      { lingerTimeout: "5" as never },
      RangeError,
      "lingerTimeout",
    ],
    ["maxConnections -1", { maxConnections: -1 }, RangeError, "maxConnections"],
    [
      "maxBufferedBytes -1",
      { maxBufferedBytes: -1 },
      RangeError,
      "maxBufferedBytes",
    ],
    ["grace -1", { grace: -1 }, RangeError, "grace"],
  ] as [string, ServeOptions, ErrorConstructor, string][],
)("serve() throws for %s", (_name, options, type, message) => {
  assertThrows(() => serve(options), type, message);
});

Deno.test(needsNet("serve() throws if its signal is aborted already"), () => {
  const signal = AbortSignal.abort(new Error("before"));
  assertThrows(() => serve({ port: 0, signal }), Error, "before");
});
