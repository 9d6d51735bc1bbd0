import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertThrows,
} from "@std/assert";
import { type Conversation, type Converse, ErrorReply, serve } from "../mod.ts";
import { tell, withServer } from "./conversing_server.ts";
import { needsNet } from "./options.ts";
import { resettingClient } from "./sockets.ts";

for (
  const { code, text } of [
    { code: "no end", text: "a\nb" },
    { code: "too large", text: "a\nbcdef\n" },
  ]
) {
  const name = `converse: an error reply for a message that is: ${code}`;
  Deno.test(needsNet(name), async () => {
    const { outcome } = await withServer(
      async (conversation) => {
        for (let line; (line = await conversation.message()) !== null;) {
          await conversation.reply(line.bytes());
        }
      },
      async (conn) =>
        assertEquals(await tell(conn, text), `a\nERROR:${code}!\n`),
      { maxBytes: 4 },
    );
    assertEquals(outcome, code);
  });
}

Deno.test(
  needsNet("converse: a function may say its own last word"),
  async () => {
    const { outcome } = await withServer(async (conversation) => {
      try {
        await conversation.message();
      } catch (error) {
        assert(error instanceof ErrorReply);
        await conversation.write(`-${error.code}\r\n`);
      }
    }, async (conn) => assertEquals(await tell(conn, "a"), "-no end\r\n"));
    assertEquals(outcome, "ok");
  },
);

Deno.test(
  needsNet("converse: a message that is too large is skipped"),
  async () => {
    await withServer(async (conversation) => {
      for (;;) {
        try {
          const line = await conversation.message({ maxBytes: 4 });
          if (line === null) return;
          await conversation.reply(line.bytes());
        } catch (error) {
          if (!(error instanceof ErrorReply)) throw error;
          await conversation.skipUntil("\n");
          await conversation.reply(error.code);
        }
      }
    }, async (conn) => {
      const text = await tell(conn, `a\n${"b".repeat(300_000)}\nc\n`);
      assertEquals(text, "a\ntoo large\nc\n");
    });
  },
);

for (
  const { thrown, code } of [
    { thrown: new ErrorReply("denied"), code: "denied" },
    { thrown: new Error("broken"), code: "failed" },
    { thrown: undefined, code: "failed" },
    { thrown: new ErrorReply("a;b"), code: "failed" },
  ]
) {
  const name = `converse: an error reply if the function throws ${thrown}`;
  Deno.test(needsNet(name), async () => {
    let errors = 0;
    const { outcome } = await withServer(
      () => {
        throw thrown;
      },
      async (conn) => assertEquals(await tell(conn, ""), `ERROR:${code}!;`),
      { end: ";", onError: () => errors++ },
    );
    assertEquals(outcome, code);
    assertEquals(errors, code === "denied" ? 0 : 1);
  });
}

Deno.test("converse: options that do not go together", () => {
  const converse = () => {};
  assertThrows(
    () => serve({ port: 0, converse, keepAlive: true }),
    TypeError,
    "keepAlive",
  );
  assertThrows(() => serve({ port: 0, converse }, () => ""), TypeError, "both");
  assertThrows(
    () => serve({ port: 0, converse: "x" as unknown as Converse }),
    TypeError,
    "converse",
  );
});

for (
  const { name, code, read, sent } of [
    {
      name: "exactly() at the end of file",
      code: "no end",
      read: (conversation: Conversation) => conversation.exactly(5),
      sent: "abc",
    },
    {
      name: "exactly() above maxBytes",
      code: "too large",
      read: (conversation: Conversation) => conversation.exactly(101),
      sent: "abc",
    },
    {
      name: "uint() at the end of file",
      code: "no end",
      read: (conversation: Conversation) => conversation.uint(4),
      sent: "abc",
    },
    {
      name: "toEnd() above maxBytes",
      code: "too large",
      read: (conversation: Conversation) => conversation.toEnd(),
      sent: "a".repeat(101),
    },
  ]
) {
  Deno.test(needsNet(`converse: an error reply for ${name}`), async () => {
    const errors: unknown[] = [];
    const { outcome } = await withServer(
      async (conversation) => void await read(conversation),
      async (conn) => assertEquals(await tell(conn, sent), `ERROR:${code}!\n`),
      { maxBytes: 100, onError: (error) => errors.push(error) },
    );
    assertEquals([outcome, errors], [code, []]);
  });
}

Deno.test(
  needsNet("converse: a stream is broken off when the client is gone"),
  async () => {
    const brokenOff = Promise.withResolvers<void>();
    await using server = serve({
      port: 0,
      converse: async (conversation) => {
        // A reset is noticed by whoever reads.
        conversation.message().catch(() => {});
        await conversation.reply(
          new ReadableStream({
            pull: () => brokenOff.promise,
            cancel: () => brokenOff.resolve(),
          }),
        );
      },
    });
    await resettingClient(server.addr.port, "a");
    await brokenOff.promise;
  },
);

Deno.test(
  needsNet("converse: a read that the function leaves pending gets nothing"),
  async () => {
    let left: Promise<unknown> | undefined;
    const { bytesIn } = await withServer((conversation) => {
      left = conversation.message().catch((error) => error);
      return Promise.resolve();
    }, async (conn) => assertEquals(await tell(conn, "late\n"), ""));
    assertInstanceOf(await left, DOMException);
    assertEquals(bytesIn, 5);
  },
);

Deno.test(
  needsNet(
    "converse: a loop that the function leaves does not end the process",
  ),
  async () => {
    const { outcome } = await withServer((conversation) => {
      // Nobody waits for it, and it rejects when the function has ended.
      conversation.messages("\n").next();
      return Promise.resolve();
    }, async (conn) => assertEquals(await tell(conn, ""), ""));
    assertEquals(outcome, "ok");
  },
);
