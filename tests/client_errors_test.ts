import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  ConversationError,
  sendData,
  type SendEvent,
  type SendOptions,
  serve,
} from "../mod.ts";
import { needsNet } from "./options.ts";
import {
  pause,
  readAll,
  refusingPort,
  resettingServer,
  serveOne,
  writeAll,
} from "./sockets.ts";

const MARKER = "<END>";

/** The error that a conversation fails with. */
async function failure(
  data: Parameters<typeof sendData>[0],
  options: SendOptions,
): Promise<ConversationError> {
  return await assertRejects(
    () => sendData(data, { end: MARKER, ...options }),
    ConversationError,
  );
}

Deno.test(needsNet("sendData() throws what its stream throws"), async () => {
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

Deno.test(
  needsNet("sendData() fails when connections are refused"),
  async () => {
    using refusing = await refusingPort();
    const { port } = refusing;
    const error = await failure("a", { port });
    assertEquals(error.reason, "refused");
    assertStringIncludes(error.message, `127.0.0.1:${port}`);
  },
);

Deno.test(
  needsNet("sendData() fails at an end of file before any byte"),
  async () => {
    await using silent = serveOne(async (conn) => {
      await readAll(conn);
    });
    const error = await failure("a", { port: silent.port });
    assertEquals(error.reason, "no reply");
  },
);

Deno.test(needsNet("sendData() keeps what came before a reset"), async () => {
  await using cutting = await resettingServer("half a rep");
  const error = await failure("a", {
    port: cutting.port,
    onEvent: ({ type }) => {
      if (type === "read") cutting.reset();
    },
  });
  assertEquals(error.reason, "truncated");
  assertEquals(new TextDecoder().decode(error.received), "half a rep");
});

Deno.test(needsNet("sendData() fails after its timeout"), async () => {
  const over = Promise.withResolvers<void>();
  await using slow = serveOne(async (conn) => {
    await writeAll(conn, "half");
    await over.promise;
  });
  const error = await failure("a", { port: slow.port, timeout: 1000 });
  over.resolve();
  assertEquals(error.reason, "timed out");
  assertEquals(new TextDecoder().decode(error.received), "half");
});

Deno.test(
  needsNet("sendData() has no timeout beyond the longest timer, nor with 0"),
  async () => {
    await using server = serve({ port: 0, end: MARKER }, async (message) => {
      await pause(50);
      return message.text();
    });
    for (const timeout of [0, 2 ** 31, 1e12, Infinity]) {
      const options = { port: server.addr.port, end: MARKER, timeout };
      assertEquals((await sendData("abc", options)).text(), "abc");
    }
  },
);

Deno.test(
  needsNet("sendData() fails when the reply is too large"),
  async () => {
    await using server = serve({ port: 0, end: MARKER });
    const port = server.addr.port;
    const error = await failure("abc", { port, maxReplyBytes: 5 });
    assertEquals(error.reason, "too large");
    const reply = await sendData("abc", {
      port,
      end: MARKER,
      maxReplyBytes: 6,
    });
    assertEquals(reply.text(), "abcabc");
  },
);

Deno.test(needsNet("sendData() throws its signal's reason"), async () => {
  const signal = AbortSignal.abort(new Error("not now"));
  await assertRejects(() => sendData("a", { signal }), Error, "not now");

  const controller = new AbortController();
  await using server = serve({ port: 0, end: MARKER });
  await assertRejects(
    () =>
      sendData(new ReadableStream<Uint8Array>(), {
        port: server.addr.port,
        signal: controller.signal,
        onEvent: () => controller.abort(new Error("not any more")),
      }),
    Error,
    "not any more",
  );
});

Deno.test.each([
  { name: "timeout -1", options: { timeout: -1 } },
  { name: "timeout NaN", options: { timeout: NaN } },
  { name: "maxReplyBytes -1", options: { maxReplyBytes: -1 } },
])("sendData() throws a RangeError for $name", async ({ options }) => {
  await assertRejects(() => sendData("a", options), RangeError, "Cannot");
});

Deno.test.each([
  { name: "an empty marker", data: "a", options: { end: "" } },
  { name: "a number for data", data: 5 as never, options: {} },
])("sendData() throws a TypeError for $name", async ({ data, options }) => {
  await assertRejects(() => sendData(data, options), TypeError, "Cannot");
});

Deno.test(
  needsNet("sendData() detects a reset that a write has met first"),
  async () => {
    await using cutting = await resettingServer("half a rep");
    // The next chunk is written when the reset has arrived and was not read.
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
    assertEquals(error.reason, "truncated");
    assertEquals(new TextDecoder().decode(error.received), "half a rep");
  },
);

Deno.test(needsNet("sendData() throws what onEvent throws"), async (t) => {
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

Deno.test(
  needsNet("sendData() cancels its stream when it is refused"),
  async () => {
    let cancelled = false;
    const data = new ReadableStream<Uint8Array>({
      cancel: () => {
        cancelled = true;
      },
    });
    using refusing = await refusingPort();
    const error = await failure(data, { port: refusing.port });
    assertEquals(error.reason, "refused");
    assertEquals(cancelled, true);
  },
);
