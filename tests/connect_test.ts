import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  connect,
  ConversationError,
  serve,
  type ServeOptions,
} from "../mod.ts";
import { needsNet } from "./options.ts";
import { listenLocally, writeAll } from "./sockets.ts";

const KEEPING: ServeOptions = { port: 0, end: ";", keepAlive: true };

Deno.test(
  needsNet("request() sends one after the other, and ahead"),
  async () => {
    await using server = serve({ ...KEEPING, end: "\r\n" });
    await using client = await connect({
      port: server.addr.port,
      end: "\r\n",
    });
    assertEquals((await client.request("a")).text(), "aa");
    const ahead = Array.from({ length: 100 }, (_, i) => `${i}`.repeat(i * 50));
    const replies = await Promise.all(
      ahead.map((data) => client.request(data)),
    );
    for (const [i, data] of ahead.entries()) {
      assert(replies[i]?.text() === data + data, `reply ${i}`);
    }
    const stream = new Blob(["st", "ream"]).stream();
    assertEquals((await client.request(stream)).text(), "streamstream");
  },
);

Deno.test(
  needsNet("request() rejects after one that ended the connection"),
  async () => {
    await using server = serve({ ...KEEPING, maxBytes: 3 });
    await using client = await connect({
      port: server.addr.port,
      end: ";",
    });
    const [first, second, third] = await Promise.allSettled(
      ["a", "too long", "b"].map((data) => client.request(data)),
    );
    assert(first?.status === "fulfilled" && first.value.text() === "aa");
    assert(second?.status === "fulfilled");
    assertEquals(second.value.error, "too large");
    assert(third?.status === "rejected");
    assert(third.reason instanceof ConversationError);
  },
);

Deno.test(
  needsNet(
    "request() of a stream that fails sends nothing more",
  ),
  async () => {
    const received: string[] = [];
    await using server = serve(KEEPING, (message) => {
      received.push(message.text());
      return "fine";
    });
    const broken = new ReadableStream<Uint8Array>({
      start: (controller) =>
        controller.enqueue(new TextEncoder().encode("half")),
      pull: (controller) => controller.error(new Error("broken stream")),
    });
    await using client = await connect({
      port: server.addr.port,
      end: ";",
    });
    const first = client.request("complete");
    const second = client.request(broken);
    const third = client.request("delete everything");
    const settled = await Promise.allSettled([first, second, third]);
    assertEquals(settled.map(({ status }) => status), [
      "fulfilled",
      "rejected",
      "rejected",
    ]);
    assert(
      settled[1]?.status === "rejected" &&
        settled[1].reason.message === "broken stream",
    );
    await client.close();
    await server.shutdown();
    assertEquals(received, ["complete"]);
  },
);

Deno.test(
  needsNet("close() of a client waits for all replies"),
  async () => {
    const called = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<string>();
    await using server = serve(KEEPING, () => {
      called.resolve();
      return answer.promise;
    });
    const client = await connect({ port: server.addr.port, end: ";" });
    const replies = ["a", "b"].map((data) => client.request(data));
    await called.promise;
    const closing = client.close();
    await assertRejects(() => client.request("c"), ConversationError);
    answer.resolve("late");
    const texts = (await Promise.all(replies)).map((reply) => reply.text());
    assertEquals(texts, ["late", "late"]);
    await closing;
  },
);

Deno.test(needsNet("connect() calls onEvent for each step"), async () => {
  await using server = serve({ ...KEEPING, replyEnd: "|" });
  const events: string[] = [];
  const client = await connect({
    port: server.addr.port,
    end: ";",
    replyEnd: "|",
    onEvent: (event) =>
      events.push(
        "byteLength" in event
          ? `${event.type} ${event.byteLength}`
          : event.type,
      ),
  });
  await client.request("one");
  await client.request("three");
  await client.close();
  assertEquals(events, [
    "connected",
    "wrote 4",
    "sent 3",
    "read 7",
    "wrote 6",
    "sent 5",
    "read 11",
    "half-close",
    "closed",
  ]);
});

Deno.test(needsNet("connect() ends with what onEvent throws"), async () => {
  await using server = serve({ ...KEEPING, replyEnd: "|" });
  for (const last of ["connected", "wrote", "sent", "read"]) {
    await using client = await connect({
      port: server.addr.port,
      end: ";",
      replyEnd: "|",
      onEvent({ type }) {
        if (type === last) throw new RangeError(type);
      },
    });
    await assertRejects(() => client.request("one"), RangeError, last);
    await assertRejects(() => client.request("two"), RangeError, last);
  }
});

Deno.test(
  needsNet("connect() ends with undefined if onEvent throws it"),
  async () => {
    await using server = serve({ ...KEEPING, replyEnd: "|" });
    const events: string[] = [];
    await using client = await connect({
      port: server.addr.port,
      end: ";",
      replyEnd: "|",
      onEvent({ type }) {
        events.push(type);
        if (type === "wrote") throw undefined;
      },
    });
    const thrown = await client.request("one").catch((error) => [error]);
    assertEquals(thrown, [undefined]);
    assertEquals(events, ["connected", "wrote", "closed"]);
  },
);

Deno.test(
  needsNet(
    "connect() sends nothing after a message whose reply came before its end",
  ),
  async () => {
    let received = "";
    using listener = listenLocally();
    const serving = (async () => {
      using conn = await listener.accept();
      const buffer = new Uint8Array(100);
      for (let count; (count = await conn.read(buffer)) !== null;) {
        const isFirst = received === "";
        received += new TextDecoder().decode(buffer.subarray(0, count));
        if (isFirst) await writeAll(conn, new TextEncoder().encode("early\n"));
      }
    })();
    {
      await using client = await connect({
        port: listener.addr.port,
        end: "\n",
      });
      const endless = new ReadableStream<Uint8Array>({
        start: (controller) =>
          controller.enqueue(new TextEncoder().encode("begun")),
      });
      assertEquals((await client.request(endless)).text(), "early");
      const error = await assertRejects(
        () => client.request("b"),
        ConversationError,
      );
      assertEquals(error.reason, "truncated");
    }
    await serving;
    assertEquals(received, "begun");
  },
);
