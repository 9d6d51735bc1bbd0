import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Conversation } from "../mod.ts";
import { tell, utf8, withServer } from "./conversing_server.ts";
import { needsNet } from "./options.ts";
import { pause, readAll, writeAll } from "./sockets.ts";

Deno.test(
  needsNet("converse: the server speaks first, and the last word arrives"),
  async () => {
    const report = await withServer(async (conversation) => {
      await conversation.write("220 ready\r\n");
      for (let line; (line = await conversation.message()) !== null;) {
        if (line.text() === "QUIT") return conversation.write("221 bye\r\n");
        await conversation.reply(`250 ${line.text()}`);
      }
    }, async (conn) => {
      const text = await tell(conn, "HELO\nMAIL\nQUIT\nafter\n");
      assertEquals(text, "220 ready\r\n250 HELO\n250 MAIL\n221 bye\r\n");
    });
    const { outcome, messages, replyLost, bytesIn } = report;
    assertEquals(
      { outcome, messages, replyLost, bytesIn },
      { outcome: "ok", messages: 3, replyLost: false, bytesIn: 21 },
    );
  },
);

Deno.test(
  needsNet("converse: a length in the middle of a message"),
  async () => {
    const stored = new Map<string, Uint8Array>();
    await withServer(async (conversation) => {
      for await (const { data, gotEnd } of conversation.messages("\r\n")) {
        if (!gotEnd) return;
        const [verb, key, bytes] = new TextDecoder().decode(data).split(" ");
        if (verb === "get") {
          const value = stored.get(key!) ?? utf8("");
          await conversation.write([
            `VALUE ${value.length}\r\n`,
            value,
            "\r\n",
          ]);
        } else {
          stored.set(key!, await conversation.exactly(Number(bytes)));
          await conversation.skipUntil("\r\n");
          await conversation.write("STORED\r\n");
        }
      }
    }, async (conn) => {
      const text = await tell(conn, "set a 4\r\n1\r\n2\r\nget a\r\n");
      assertEquals(text, "STORED\r\nVALUE 4\r\n1\r\n2\r\n");
    });
  },
);

Deno.test(
  needsNet("converse: what is read belongs to the function"),
  async () => {
    const kept: Uint8Array[] = [];
    await withServer(async (conversation) => {
      for (let line; (line = await conversation.message()) !== null;) {
        kept.push(...line.chunks);
      }
    }, async (conn) => {
      for (let i = 0; i < 500; i++) {
        await writeAll(conn, utf8(`${String(i).repeat(100)}\n`));
      }
      await tell(conn, "");
    });
    assertEquals(
      kept.map((bytes) => new TextDecoder().decode(bytes)),
      Array.from({ length: 500 }, (_, i) => String(i).repeat(100)),
    );
  },
);

Deno.test(needsNet("converse: both sides speak at any time"), async () => {
  await withServer(async (conversation) => {
    const pushing = (async () => {
      for (let i = 0; i < 5; i++) {
        await conversation.write(`push ${i}\n`);
        await pause(30);
      }
    })();
    for (let line; (line = await conversation.message()) !== null;) {
      if (line.text() === "end") await pushing;
      await conversation.reply(line.text());
    }
  }, async (conn) => {
    const text = await tell(conn, "a\nend\n");
    const lines = text.trimEnd().split("\n");
    const pushed = lines.filter((line) => line.startsWith("push"));
    assertEquals(pushed, [0, 1, 2, 3, 4].map((i) => `push ${i}`));
    assertEquals(lines.filter((line) => !line.startsWith("push")), [
      "a",
      "end",
    ]);
  });
});

Deno.test(
  needsNet("converse: writes wait for a client that does not read"),
  async () => {
    const chunk = new Uint8Array(256 * 1024);
    let written = 0;
    await withServer(async (conversation) => {
      while (written < 256 * chunk.length) {
        await conversation.write(chunk);
        written += chunk.length;
      }
    }, async (conn) => {
      await pause(300);
      assert(written < 128 * chunk.length, `${written} bytes were buffered`);
      assertEquals((await readAll(conn)).length, 256 * chunk.length);
    });
  },
);

Deno.test(
  needsNet("converse: a write that nobody waits for is sent in order"),
  async () => {
    const body = new Uint8Array(4_000_000).fill(1);
    await withServer((conversation) => {
      conversation.write("first\n");
      conversation.write(body);
      conversation.write("last\n");
    }, async (conn) => {
      const bytes = await readAll(conn);
      assertEquals(bytes.length, body.length + 11);
      assertEquals(new TextDecoder().decode(bytes.subarray(-5)), "last\n");
    });
  },
);

Deno.test(
  needsNet("converse: the signal aborts when the client is gone"),
  async () => {
    const aborted = Promise.withResolvers<unknown>();
    const { outcome } = await withServer(async (conversation) => {
      conversation.signal.addEventListener("abort", () => aborted.resolve(1));
      for (;;) await conversation.write(new Uint8Array(100_000));
    }, async (conn) => {
      await conn.read(new Uint8Array(10));
      conn.close();
      await aborted.promise;
    });
    assertEquals(outcome, "reset");
  },
);

Deno.test(
  needsNet("converse: a stream is broken off when the client is gone"),
  async () => {
    const cancelled = Promise.withResolvers<void>();
    const { replyLost } = await withServer(async (conversation) => {
      await conversation.reply(
        new ReadableStream({
          pull: (controller) => controller.enqueue(new Uint8Array(100_000)),
          cancel: () => cancelled.resolve(),
        }),
      );
    }, async (conn) => {
      await conn.read(new Uint8Array(10));
      conn.close();
      await cancelled.promise;
    });
    assertEquals(replyLost, true);
  },
);

Deno.test(
  needsNet("converse: after close() the calls of a function reject"),
  async () => {
    const checked = Promise.withResolvers<Conversation>();
    await withServer(async (conversation) => {
      await conversation.write("bye\n");
      conversation.close();
      await pause(50);
      await assertRejects(() => conversation.write("no"), DOMException, "over");
      await assertRejects(() => conversation.message(), DOMException, "over");
      checked.resolve(conversation);
    }, async (conn) => {
      assertEquals(await tell(conn, ""), "bye\n");
      assert((await checked.promise).signal.aborted);
    });
  },
);

Deno.test(
  needsNet("converse: a read of its own time limit keeps its bytes"),
  async () => {
    await withServer(async (conversation) => {
      const early = await conversation.exactly(10, { timeout: 30 })
        .catch((error) => error.name);
      await conversation.write(`${early}\n`);
      await conversation.write(await conversation.exactly(10));
    }, async (conn) => {
      await writeAll(conn, utf8("01234"));
      await pause(100);
      assertEquals(await tell(conn, "56789"), "TimeoutError\n0123456789");
    });
  },
);
