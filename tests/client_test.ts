import { assert, assertEquals } from "@std/assert";
import { sendData, type SendEvent, serve } from "../mod.ts";
import { needsNet } from "./options.ts";
import { serveOne, writeAll } from "./sockets.ts";

const MARKER = "<END>";

Deno.test(needsNet("sendData() resolves to the reply"), async () => {
  await using server = serve({ port: 0, end: MARKER });
  const options = { port: server.addr.port, end: MARKER };
  const reply = await sendData("a1234", options);
  assertEquals(reply.text(), "a1234a1234");
  assertEquals(reply.data, new TextEncoder().encode("a1234a1234"));
  assertEquals(reply.error, null);
});

Deno.test(
  needsNet("sendData() resolves to the error reply of other markers"),
  async () => {
    await using server = serve({ port: 0 });
    const reply = await sendData("a1234", { port: server.addr.port });
    assertEquals(reply.text(), "ERROR:no end!");
    assertEquals(reply.error, "no end");
  },
);

Deno.test(needsNet("sendData() sends text, bytes and streams"), async (t) => {
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

Deno.test(needsNet("sendData() calls onEvent for each step"), async (t) => {
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

Deno.test(
  needsNet("sendData() reads a refusal in the middle of an upload"),
  async () => {
    await using server = serve({ port: 0, end: MARKER, maxBytes: 1000 });
    const reply = await sendData(new Uint8Array(64 * 1024 * 1024), {
      port: server.addr.port,
    });
    assertEquals(reply.error, "too large");
  },
);

Deno.test(
  needsNet("sendData() cancels its stream after a refusal"),
  async () => {
    await using server = serve({ port: 0, end: MARKER, maxBytes: 1000 });
    let cancelled = false;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(1024)),
      cancel: () => {
        cancelled = true;
      },
    });
    const reply = await sendData(endless, { port: server.addr.port });
    assertEquals(reply.error, "too large");
    assertEquals(cancelled, true);
  },
);

Deno.test(
  needsNet(
    "sendData() reads a reply while its stream has no chunk",
  ),
  async () => {
    await using server = serve({ port: 0, end: MARKER, idleTimeout: 20 });
    const silent = new ReadableStream<Uint8Array>();
    const reply = await sendData(silent, { port: server.addr.port });
    assertEquals(reply.error, "timed out");
  },
);

Deno.test(needsNet("sendData() reads on when a write has failed"), async () => {
  // The server replies, and closes with most of the message unread: a reset,
  // which meets the client while it writes.
  await using deaf = serveOne(async (conn) => {
    await writeAll(conn, "ERROR:no!");
    await conn.read(new Uint8Array(1));
  });
  const data = new Uint8Array(32 * 1024 * 1024);
  const reply = await sendData(data, { port: deaf.port });
  assertEquals(reply.error, "no");
});

Deno.test(
  needsNet("sendData() does not wait for a stream's cancel()"),
  async () => {
    await using server = serve({ port: 0, end: MARKER, maxBytes: 1000 });
    const stubborn = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(1024)),
      cancel: () => new Promise(() => {}),
    });
    const reply = await sendData(stubborn, { port: server.addr.port });
    assertEquals(reply.error, "too large");
  },
);
