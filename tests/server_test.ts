import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertThrows,
} from "@std/assert";
import {
  type ConversationReport,
  type Handler,
  LastWord,
  serve,
  type ServeOptions,
} from "./mod.ts";
import {
  connectTo,
  netTest,
  ordinaryClient,
  readText,
  resettingClient,
  writeAll,
} from "./testing.ts";

const MARKER = "<END>";

/** A server of this process, and what it reports, in the order of the ends. */
function start(options: ServeOptions = {}, handler?: Handler) {
  const reports: ConversationReport[] = [];
  let wake = () => {};
  const server = serve({
    port: 0,
    end: MARKER,
    ...options,
    onConversation: (report) => {
      reports.push(report);
      wake();
    },
  }, handler);
  return {
    server,
    port: server.addr.port,
    reports,
    /** What the first conversation to end reported; or the second, … */
    async report(index = 0): Promise<ConversationReport> {
      for (;;) {
        const report = reports[index];
        if (report !== undefined) return report;
        await new Promise<void>((resolve) => wake = resolve);
      }
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

netTest("serve() answers with the message twice", async () => {
  await using running = start();
  assertEquals(await ordinaryClient(running.port, "a1234<END>"), "a1234a1234");
  const report = await running.report();
  assertEquals(report.outcome, "end");
  assertEquals(report.bytesIn, 10);
  assertEquals(report.bytesOut, 10);
  assertEquals(report.lastWordLost, false);
  assertEquals(report.remoteAddr.transport, "tcp");
  assert(report.milliseconds > 0);
});

netTest("serve() answers with what the handler makes of it", async () => {
  const handler: Handler = (message, info) => {
    assertEquals(info.remoteAddr.transport, "tcp");
    assertEquals(message.byteLength, 5);
    assertEquals(message.bytes(), new TextEncoder().encode("to be"));
    return message.text().toUpperCase();
  };
  await using running = start({}, handler);
  assertEquals(await ordinaryClient(running.port, "to be<END>"), "TO BE");
});

async function* laterPieces() {
  yield "one ";
  await Promise.resolve();
  yield new TextEncoder().encode("two");
}

netTest("serve() sends every kind of reply", async (t) => {
  const kinds: [string, Handler, string][] = [
    ["text", () => "té", "té"],
    ["bytes", () => new TextEncoder().encode("b"), "b"],
    ["an iterable", () => ["a", "", new TextEncoder().encode("b")], "ab"],
    ["an empty reply", () => "", ""],
    ["a promise", () => Promise.resolve("later"), "later"],
    ["an async iterable", laterPieces, "one two"],
    ["a stream", () => new Blob(["streamed"]).stream(), "streamed"],
    ["1 MB in small pieces", () => Array(100_000).fill("0123456789"), "big"],
  ];
  for (const [name, handler, expected] of kinds) {
    await t.step(name, async () => {
      await using running = start({}, handler);
      const reply = await ordinaryClient(running.port, "x<END>");
      if (expected === "big") assertEquals(reply, "0123456789".repeat(100_000));
      else assertEquals(reply, expected);
      assertEquals((await running.report()).lastWordLost, false);
    });
  }
});

netTest("serve() has a last word for every case", async (t) => {
  const never = new Promise<string>(() => {});
  const cases: [string, ServeOptions, Handler | undefined, string][] = [
    ["no end", {}, undefined, "a1234"],
    ["no end", {}, undefined, ""],
    ["too large", { maxBytes: 4 }, undefined, "a1234<END>"],
    ["failed", {}, () => {
      throw new Error("thrown");
    }, "a<END>"],
    ["failed", {}, () => Promise.reject(new Error("rejected")), "a<END>"],
    ["failed", {}, () => 5 as never, "a<END>"],
    ["failed", {}, () => [5 as never], "a<END>"],
    ["malformed", {}, () => {
      throw new LastWord("malformed");
    }, "a<END>"],
    ["busy", { maxBufferedBytes: 10 }, undefined, "a<END>"],
  ];
  for (const [word, options, handler, sent] of cases) {
    await t.step(`${word}: ${sent}`, async () => {
      await using running = start(options, handler);
      const reply = await ordinaryClient(running.port, sent);
      assertEquals(reply, `ERROR:${word}!`);
      const report = await running.report();
      assertEquals(report.outcome, word);
      assertEquals("error" in report, word === "failed");
    });
  }
  await t.step("timed out, for a silent client", async () => {
    await using running = start({ idleTimeout: 50, lingerTimeout: 50 });
    using conn = await connectTo(running.port);
    await writeAll(conn, "a1234");
    assertEquals(await readText(conn), "ERROR:timed out!");
    const report = await running.report();
    assert(report.milliseconds >= 100, `${report.milliseconds} ms`);
    assertEquals(report.outcome, "timed out");
  });
  await t.step("timed out, for one that drips", async () => {
    await using running = start({ idleTimeout: 200, messageTimeout: 300 });
    using conn = await connectTo(running.port);
    const drip = setInterval(() => conn.write(new Uint8Array(1)), 20);
    try {
      assertEquals(await readText(conn), "ERROR:timed out!");
    } finally {
      clearInterval(drip);
    }
    await conn.closeWrite();
    const report = await running.report();
    assert(report.milliseconds >= 300, `${report.milliseconds} ms`);
  });
  await t.step("shutting down, while the handler thinks", async () => {
    let heard = () => {};
    const asked = new Promise<void>((resolve) => heard = resolve);
    let aborted = false;
    await using running = start({ grace: 20 }, (_message, { signal }) => {
      signal.addEventListener("abort", () => aborted = true);
      heard();
      return never;
    });
    const reply = ordinaryClient(running.port, "a<END>");
    await asked;
    const finished = running.server.shutdown();
    assertEquals(await reply, "ERROR:shutting down!");
    await finished;
    assertEquals(running.reports[0]?.outcome, "shutting down");
    assertEquals(aborted, true);
  });
});

netTest("serve() says busy when maxConnections are open", async () => {
  await using running = start({ maxConnections: 2 });
  using first = await connectTo(running.port);
  using second = await connectTo(running.port);
  await writeAll(first, "a");
  await writeAll(second, "b");
  assertEquals(await ordinaryClient(running.port, "c<END>"), "ERROR:busy!");
  await writeAll(first, "<END>");
  await first.closeWrite();
  assertEquals(await readText(first), "aa");
  await running.report(1);
  assertEquals(await ordinaryClient(running.port, "d<END>"), "dd");
  await second.closeWrite();
  assertEquals(await readText(second), "ERROR:no end!");
});

netTest("serve() holds conversations side by side", async () => {
  await using running = start();
  const conns = await Promise.all(
    Array.from({ length: 50 }, () => connectTo(running.port)),
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

netTest(
  "serve() is heard by clients that write more than they need",
  async (t) => {
    const mib = 1024 * 1024;
    await using running = start();
    await using small = start({ maxBytes: mib });
    const count = async (
      times: number,
      client: () => Promise<string>,
      expected: string,
    ) => {
      let right = 0;
      for (let done = 0; done < times; done += 10) {
        const replies = await Promise.all(Array.from({ length: 10 }, client));
        right += replies.filter((reply) => reply === expected).length;
      }
      assertEquals(right, times);
    };
    await t.step("1 MiB behind the marker", async () => {
      const sent = `a1234${MARKER}${"x".repeat(mib)}`;
      const client = () => ordinaryClient(running.port, sent);
      await count(200, client, "a1234a1234");
    });
    await t.step("a message of 1 MiB", async () => {
      const message = "m".repeat(mib);
      const client = () => ordinaryClient(running.port, message + MARKER);
      await count(100, client, message + message);
    });
    await t.step("8 MiB where 1 MiB is the most", async () => {
      const sent = new Uint8Array(8 * mib);
      const client = () => ordinaryClient(small.port, sent);
      await count(200, client, "ERROR:too large!");
    });
    await t.step("the same in 32 writes, 20 ms apart", async () => {
      const piece = new Uint8Array(8 * mib / 32);
      const slowClient = async () => {
        using conn = await connectTo(small.port);
        for (let write = 0; write < 32; write++) {
          await writeAll(conn, piece);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        await conn.closeWrite();
        return await readText(conn);
      };
      const clients = Array.from({ length: 200 }, slowClient);
      const replies = await Promise.all(clients);
      assertEquals(new Set(replies), new Set(["ERROR:too large!"]));
    });
  },
  { timeout: 50_000 },
);

netTest(
  "serve() reads while it writes: nobody waits for the other",
  async () => {
    const mib = 1024 * 1024;
    await using running = start();
    const message = new Uint8Array(24 * mib).fill(97);
    const behind = new Uint8Array(64 * mib);
    using conn = await connectTo(running.port);
    await writeAll(conn, message);
    await writeAll(conn, MARKER);
    await writeAll(conn, behind);
    await conn.closeWrite();
    const reply = await readText(conn);
    assertEquals(reply.length, 48 * mib);
    assertEquals(reply === "a".repeat(48 * mib), true);
  },
);

netTest("serve() outlives clients that reset", async () => {
  await using running = start();
  for (const sent of ["", "abc", "abc<END>"]) {
    await Promise.all(
      Array.from({ length: 300 }, () => resettingClient(running.port, sent)),
    );
  }
  assertEquals(await ordinaryClient(running.port, "a<END>"), "aa");
});

netTest("serve() tells when the last word was probably lost", async () => {
  await using running = start();
  const conn = await connectTo(running.port);
  await writeAll(conn, "a1234");
  conn.close();
  const report = await running.report();
  assertEquals(report.outcome, "no end");
  assertEquals(report.lastWordLost, true);
});

netTest("serve() lets go of a client that never reads", async () => {
  await using running = start({ idleTimeout: 100 });
  using conn = await connectTo(running.port);
  await writeAll(conn, new Uint8Array(16 * 1024 * 1024));
  await writeAll(conn, MARKER);
  const report = await running.report();
  assertEquals(report.outcome, "end");
  assertEquals(report.lastWordLost, true);
  assert(report.bytesOut < 32 * 1024 * 1024);
});

netTest("serve() lets go of a client that never closes", async () => {
  await using running = start({ lingerTimeout: 50 });
  using conn = await connectTo(running.port);
  await writeAll(conn, "a<END>");
  assertEquals(await readText(conn), "aa");
  const report = await running.report();
  assert(report.milliseconds >= 50, `${report.milliseconds} ms`);
  assertEquals(report.lastWordLost, false);
});

netTest("serve() cuts a reply that fails half-way", async () => {
  await using running = start({}, async function* () {
    yield "half";
    await Promise.resolve();
    throw new Error("half-way");
  });
  using conn = await connectTo(running.port);
  await writeAll(conn, "a<END>");
  assertEquals(await readText(conn).catch(String), "half");
  const report = await running.report();
  assertEquals(report.outcome, "failed");
  assertEquals(report.lastWordLost, true);
  assertEquals((report.error as Error).message, "half-way");
});

netTest(
  "serve() aborts the handler's signal when the client resets",
  async () => {
    let asked = () => {};
    const handling = new Promise<void>((resolve) => asked = resolve);
    let reason: unknown;
    await using running = start({}, (_message, { signal }) => {
      asked();
      return new Promise((resolve) =>
        signal.addEventListener("abort", () => {
          reason = signal.reason;
          resolve("nobody hears this");
        })
      );
    });
    await resettingClient(running.port, "a<END>", handling);
    const report = await running.report();
    assertEquals(report.lastWordLost, true);
    assertInstanceOf(reason, Deno.errors.ConnectionReset);
  },
);

/** Connects until it is refused. */
async function untilRefused(port: number): Promise<void> {
  for (;;) {
    try {
      (await connectTo(port)).close();
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionRefused) return;
      // It came between the last accept and the close.
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
    }
  }
}

netTest(
  "shutdown() lets open conversations finish, and refuses new ones",
  async () => {
    const running = start();
    using conn = await connectTo(running.port);
    await writeAll(conn, "a12");
    const finished = running.server.shutdown();
    assertEquals(running.server.shutdown(), finished);
    await untilRefused(running.port);
    await writeAll(conn, "34<END>");
    await conn.closeWrite();
    assertEquals(await readText(conn), "a1234a1234");
    await finished;
    await running.server.finished;
  },
);

netTest("shutdown() resets nobody who was connected before it", async () => {
  const running = start();
  const conns = await Promise.all(
    Array.from({ length: 100 }, () => connectTo(running.port)),
  );
  const finished = running.server.shutdown();
  for (const conn of conns) {
    await writeAll(conn, "a<END>");
    await conn.closeWrite();
    assertEquals(await readText(conn), "aa");
    conn.close();
  }
  await finished;
});

netTest(
  "shutdown() says so to those who are not done after the grace",
  async () => {
    const running = start({ grace: 20 });
    using conn = await connectTo(running.port);
    await writeAll(conn, "a12");
    const finished = running.server.shutdown();
    assertEquals(await readText(conn), "ERROR:shutting down!");
    await conn.closeWrite();
    await finished;
    assertEquals(running.reports.map(({ outcome }) => outcome), [
      "shutting down",
    ]);
  },
);

netTest("serve() is cut by its signal", async () => {
  const controller = new AbortController();
  const running = start({ signal: controller.signal });
  using conn = await connectTo(running.port);
  await writeAll(conn, "a12");
  // An answered conversation before it, so that this one was accepted.
  assertEquals(await ordinaryClient(running.port, "b<END>"), "bb");
  controller.abort();
  await running.server.finished;
  assertEquals(await readText(conn).catch(() => "reset"), "");
  assertEquals(running.reports.at(-1)?.outcome, "cut");
});

netTest("serve() throws when its signal is aborted already", () => {
  const signal = AbortSignal.abort(new Error("before"));
  assertThrows(() => serve({ port: 0, signal }), Error, "before");
});

Deno.test.each(
  [
    [{ end: "" }, TypeError, "end marker"],
    [{ maxBytes: -1 }, RangeError, "maxBytes"],
    [{ idleTimeout: NaN }, RangeError, "idleTimeout"],
    [{ messageTimeout: -1 }, RangeError, "messageTimeout"],
    [{ lingerTimeout: "5" as never }, RangeError, "lingerTimeout"],
    [{ maxConnections: -1 }, RangeError, "maxConnections"],
    [{ maxBufferedBytes: -1 }, RangeError, "maxBufferedBytes"],
    [{ grace: -1 }, RangeError, "grace"],
  ] as [ServeOptions, ErrorConstructor, string][],
)("serve() throws for %j", (options, type, message) => {
  assertThrows(() => serve(options), type, message);
});

netTest(
  "serve() tells a callback's error to onError, and goes on",
  async () => {
    const errors: unknown[] = [];
    await using server = serve({
      port: 0,
      end: MARKER,
      onConversation: () => {
        throw new Error("in a callback");
      },
      onError: (error) => errors.push(error),
    });
    assertEquals(await ordinaryClient(server.addr.port, "a<END>"), "aa");
    assertEquals(await ordinaryClient(server.addr.port, "b<END>"), "bb");
    await server.shutdown();
    assertMatch(String(errors), /in a callback/);
  },
);

netTest(
  "serve() leaves a message to a handler that was overtaken",
  async () => {
    const asked = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const read = Promise.withResolvers<string>();
    await using running = start({}, async (message) => {
      if (message.text() !== "from A") return "to B";
      asked.resolve();
      await release.promise;
      read.resolve(message.text());
      return "nobody hears this";
    });
    await resettingClient(running.port, "from A<END>", asked.promise);
    await running.report();
    assertEquals(await ordinaryClient(running.port, "from B<END>"), "to B");
    release.resolve();
    assertEquals(await read.promise, "from A");
  },
);

netTest(
  "serve() does not let those who are told busy keep others out",
  async () => {
    await using running = start({ maxConnections: 1, lingerTimeout: 10_000 });
    using served = await connectTo(running.port);
    await writeAll(served, "a");
    using told = await connectTo(running.port);
    assertEquals(await readText(told), "ERROR:busy!"); // and it does not leave
    await writeAll(served, MARKER);
    await served.closeWrite();
    assertEquals(await readText(served), "aa");
    await running.report();
    assertEquals(await ordinaryClient(running.port, "b<END>"), "bb");
  },
);

netTest("serve() lends a block no longer than to the reply", async () => {
  const mib = 1024 * 1024;
  await using running = start({ maxBufferedBytes: 32 * mib });
  const large = "x".repeat(16 * mib);
  using lingering = await connectTo(running.port);
  await writeAll(lingering, large + MARKER);
  assertEquals((await readText(lingering)).length, 32 * mib);
  const reply = await ordinaryClient(running.port, large + MARKER);
  assertEquals(reply.length, 32 * mib);
});

netTest("serve() is over at an abort from inside a handler", async () => {
  const controller = new AbortController();
  const never = new Promise<string>(() => {});
  const running = start({ signal: controller.signal }, () => {
    controller.abort();
    return never;
  });
  await ordinaryClient(running.port, "a<END>").catch(() => {});
  await running.server.finished;
  assertEquals((await running.report()).outcome, "cut");
});

netTest("serve() listens no more when onListen throws", async () => {
  let port = 0;
  assertThrows(
    () =>
      serve({
        port: 0,
        onListen: (addr) => {
          if ("port" in addr) port = addr.port;
          throw new Error("in a callback");
        },
      }),
    Error,
    "in a callback",
  );
  await untilRefused(port);
});
