import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  ConversationError,
  sendData,
  type SendEvent,
  type SendOptions,
  serve,
} from "./mod.ts";
import {
  freePort,
  netTest,
  readAll,
  resettingServer,
  writeAll,
} from "./testing.ts";

const MARKER = "<END>";

/** A server of one conversation, which does just what a test wants. */
function peer(behave: (conn: Deno.TcpConn) => Promise<void>) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const held = (async () => {
    using conn = await listener.accept();
    await behave(conn);
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      await held;
      listener.close();
    },
  };
}

/** What a conversation failed with. */
async function failure(
  data: Parameters<typeof sendData>[0],
  options: SendOptions,
): Promise<ConversationError> {
  return await assertRejects(
    () => sendData(data, { end: MARKER, ...options }),
    ConversationError,
  );
}

netTest("sendData() brings back the reply", async () => {
  await using server = serve({ port: 0, end: MARKER });
  const options = { port: server.addr.port, end: MARKER };
  const reply = await sendData("a1234", options);
  assertEquals(reply.text(), "a1234a1234");
  assertEquals(reply.data, new TextEncoder().encode("a1234a1234"));
  assertEquals(reply.lastWord, null);
});

netTest("sendData() brings back the last word by default", async () => {
  await using server = serve({ port: 0 });
  const reply = await sendData("a1234", { port: server.addr.port });
  assertEquals(reply.text(), "ERROR:no end!");
  assertEquals(reply.lastWord, "no end");
});

netTest("sendData() sends text, bytes and streams", async (t) => {
  await using server = serve({ port: 0, end: MARKER });
  const options = { port: server.addr.port, end: MARKER };
  const big = "0123456789".repeat(300_000);
  const cases: [string, Parameters<typeof sendData>[0], string][] = [
    ["text", "é", "éé"],
    ["bytes", new TextEncoder().encode("b"), "bb"],
    ["a stream", new Blob(["a", "b"]).stream(), "abab"],
    ["3 MB", big, big + big],
    ["a stream of 3 MB", new Blob([big]).stream(), big + big],
  ];
  for (const halfClose of ["before", "after"] as const) {
    for (const [name, data, expected] of cases) {
      if (halfClose === "after" && data instanceof ReadableStream) continue;
      await t.step(`${name}, half-close ${halfClose}`, async () => {
        const reply = await sendData(data, { ...options, halfClose });
        assert(reply.text() === expected);
      });
    }
  }
});

netTest("sendData() tells each step as it happens", async (t) => {
  await using server = serve({ port: 0, end: MARKER });
  for (const halfClose of ["before", "after"] as const) {
    await t.step(`half-close ${halfClose}`, async () => {
      const events: SendEvent[] = [];
      const port = server.addr.port;
      const onEvent = (event: SendEvent) => events.push(event);
      await sendData("ab", { port, end: MARKER, halfClose, onEvent });
      assertEquals(events, [
        { type: "connected" },
        { type: "wrote", byteLength: 7 },
        { type: "sent", byteLength: 2 },
        ...(halfClose === "before" ? [{ type: "half-close" as const }] : []),
        { type: "read", byteLength: 4 },
        { type: "end of file" },
        ...(halfClose === "after" ? [{ type: "half-close" as const }] : []),
        { type: "closed" },
      ]);
    });
  }
});

netTest("sendData() hears an answer in the middle of the message", async () => {
  await using server = serve({ port: 0, end: MARKER, maxBytes: 1000 });
  const reply = await sendData(new Uint8Array(64 * 1024 * 1024), {
    port: server.addr.port,
  });
  assertEquals(reply.lastWord, "too large");
});

netTest("sendData() cancels a stream that nobody needs any more", async () => {
  await using server = serve({ port: 0, end: MARKER, maxBytes: 1000 });
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(1024)),
    cancel: () => {
      cancelled = true;
    },
  });
  const reply = await sendData(endless, { port: server.addr.port });
  assertEquals(reply.lastWord, "too large");
  assertEquals(cancelled, true);
});

netTest(
  "sendData() does not wait for a stream that has nothing yet",
  async () => {
    await using server = serve({ port: 0, end: MARKER, idleTimeout: 20 });
    const silent = new ReadableStream<Uint8Array>();
    const reply = await sendData(silent, { port: server.addr.port });
    assertEquals(reply.lastWord, "timed out");
  },
);

netTest("sendData() throws what its stream throws", async () => {
  await using server = serve({ port: 0, end: MARKER });
  const broken = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.error(new Error("broken stream")),
  });
  await assertRejects(
    () => sendData(broken, { port: server.addr.port }),
    Error,
    "broken stream",
  );
});

netTest("sendData() reads on when a write has failed", async () => {
  // The peer says its word, and closes with most of the message unread: a
  // reset, which meets the client while it writes.
  await using deaf = peer(async (conn) => {
    await writeAll(conn, "ERROR:no!");
    await conn.read(new Uint8Array(1));
  });
  const data = new Uint8Array(32 * 1024 * 1024);
  const reply = await sendData(data, { port: deaf.port });
  assertEquals(reply.lastWord, "no");
});

netTest("sendData() fails when nobody listens", async () => {
  const port = freePort();
  const error = await failure("a", { port });
  assertEquals(error.reason, "refused");
  assertStringIncludes(error.message, `127.0.0.1:${port}`);
});

netTest("sendData() fails at an end of file before any byte", async () => {
  await using silent = peer(async (conn) => {
    await readAll(conn);
  });
  const error = await failure("a", { port: silent.port });
  assertEquals(error.reason, "no last word");
});

netTest("sendData() keeps what came before a cut", async () => {
  await using cutting = await resettingServer("half a rep");
  const error = await failure("a", {
    port: cutting.port,
    onEvent: ({ type }) => {
      if (type === "read") cutting.reset();
    },
  });
  assertEquals(error.reason, "cut");
  assertEquals(new TextDecoder().decode(error.received), "half a rep");
});

netTest("sendData() fails when the time is over", async () => {
  let done = () => {};
  const over = new Promise<void>((resolve) => done = resolve);
  await using slow = peer(async (conn) => {
    await writeAll(conn, "half");
    await over;
  });
  const error = await failure("a", { port: slow.port, timeout: 50 });
  done();
  assertEquals(error.reason, "timed out");
  assertEquals(new TextDecoder().decode(error.received), "half");
});

netTest("sendData() fails when the reply is too large", async () => {
  await using server = serve({ port: 0, end: MARKER });
  const port = server.addr.port;
  const error = await failure("abc", { port, maxReplyBytes: 5 });
  assertEquals(error.reason, "too large");
  const reply = await sendData("abc", { port, end: MARKER, maxReplyBytes: 6 });
  assertEquals(reply.text(), "abcabc");
});

netTest("sendData() throws its signal's reason", async () => {
  const signal = AbortSignal.abort(new Error("not now"));
  await assertRejects(() => sendData("a", { signal }), Error, "not now");

  const controller = new AbortController();
  await using server = serve({ port: 0, end: MARKER });
  await assertRejects(
    () =>
      sendData(new ReadableStream<Uint8Array>(), {
        port: server.addr.port,
        signal: controller.signal,
        onEvent: () => controller.abort(new Error("changed my mind")),
      }),
    Error,
    "changed my mind",
  );
});

Deno.test.each([
  { name: "an empty marker", data: "a", options: { end: "" } },
  { name: "a number for data", data: 5 as never, options: {} },
])("sendData() throws a TypeError for $name", async ({ data, options }) => {
  await assertRejects(() => sendData(data, options), TypeError, "Cannot");
});

Deno.test.each([{ timeout: -1 }, { timeout: NaN }, { maxReplyBytes: -1 }])(
  "sendData() throws a RangeError for %j",
  async (options) => {
    await assertRejects(() => sendData("a", options), RangeError, "Cannot");
  },
);

netTest("sendData() knows a cut that a write has met first", async () => {
  await using cutting = await resettingServer("half a rep");
  // The next piece is written when the reset is here and nobody has read it.
  let stream!: ReadableStreamDefaultController<Uint8Array>;
  const data = new ReadableStream<Uint8Array>({
    start: (controller) => {
      stream = controller;
      controller.enqueue(new Uint8Array(1));
    },
  });
  const error = await failure(data, {
    port: cutting.port,
    onEvent: ({ type }) => {
      if (type !== "read") return;
      cutting.reset();
      // The event loop stands still while the reset arrives.
      const until = performance.now() + 20;
      while (performance.now() < until);
      stream.enqueue(new Uint8Array(1));
    },
  });
  assertEquals(error.reason, "cut");
  assertEquals(new TextDecoder().decode(error.received), "half a rep");
});

netTest("sendData() throws what its callback throws", async (t) => {
  await using server = serve({ port: 0, end: MARKER });
  const { port } = server.addr;
  for (const type of ["connected", "wrote", "sent", "half-close", "read"]) {
    await t.step(type, async () => {
      const onEvent = (event: SendEvent) => {
        if (event.type === type) throw new Error(`at ${type}`);
      };
      await assertRejects(
        () => sendData("a", { port, end: MARKER, onEvent }),
        Error,
        `at ${type}`,
      );
    });
  }
});

netTest("sendData() waits for no stream's cancel()", async () => {
  await using server = serve({ port: 0, end: MARKER, maxBytes: 1000 });
  const stubborn = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(1024)),
    cancel: () => new Promise(() => {}),
  });
  const reply = await sendData(stubborn, { port: server.addr.port });
  assertEquals(reply.lastWord, "too large");
});

netTest("sendData() cancels its stream when nobody listens", async () => {
  let cancelled = false;
  const data = new ReadableStream<Uint8Array>({
    cancel: () => {
      cancelled = true;
    },
  });
  const error = await failure(data, { port: freePort() });
  assertEquals(error.reason, "refused");
  assertEquals(cancelled, true);
});
