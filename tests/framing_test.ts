import { assertEquals, assertRejects } from "@std/assert";
import {
  connect,
  ConversationError,
  type Handler,
  messages,
  recvEnd,
  type RecvEndOptions,
  sendData,
  serve,
  type ServeOptions,
} from "../mod.ts";
import { needsNet } from "./options.ts";
import {
  connectTo,
  ordinaryClient,
  pause,
  readText,
  serveOne,
  writeAll,
} from "./sockets.ts";

Deno.test(
  needsNet("replyEnd detects a truncated reply, wherever it was cut"),
  async () => {
    const reply = "a1234a1234<END>";
    for (let cut = 0; cut <= reply.length; cut++) {
      await using server = serveOne((conn) =>
        writeAll(conn, reply.slice(0, cut))
      );
      const options = { port: server.port, replyEnd: "<END>" };
      if (cut === reply.length) {
        const { data } = await sendData("a1234", options);
        assertEquals(new TextDecoder().decode(data), "a1234a1234");
      } else {
        const error = await assertRejects(
          () => sendData("a1234", options),
          ConversationError,
        );
        assertEquals(error.reason, cut === 0 ? "no reply" : "truncated");
        const received = new TextDecoder().decode(error.received);
        assertEquals(received, reply.slice(0, cut));
      }
    }
  },
);

Deno.test(
  needsNet("framing by count answers and refuses with netstrings"),
  async () => {
    const options: ServeOptions = { port: 0, framing: "count", maxBytes: 99 };
    await using once = serve(options);
    await using keeping = serve({ ...options, keepAlive: true });
    const table: [string, string][] = [
      ["5:a1234,", "10:a1234a1234,"],
      ["0:,", "0:,"],
      ["", "13:ERROR:no end!,"],
      ["5", "13:ERROR:no end!,"],
      ["5:a12", "23:ERROR:got 3 of 5 bytes!,"],
      ["5:", "23:ERROR:got 0 of 5 bytes!,"],
      ["5:a1234", "13:ERROR:no end!,"],
      ["100:", "16:ERROR:bad count!,"],
      ["999999999:", "16:ERROR:bad count!,"],
      ["05:a1234,", "16:ERROR:bad count!,"],
      ["a1234,", "16:ERROR:bad count!,"],
      [":a1234,", "16:ERROR:bad count!,"],
      ["5:a1234;", "16:ERROR:bad count!,"],
    ];
    for (const [sent, expected] of table) {
      assertEquals(await ordinaryClient(once.addr.port, sent), expected, sent);
      const kept = sent === "" ? "" : expected;
      assertEquals(
        await ordinaryClient(keeping.addr.port, `1:x,${sent}`),
        `2:xx,${kept}`,
        sent,
      );
    }
    const { port } = once.addr;
    const reply = await sendData("a1234", { port, framing: "count" });
    assertEquals(reply.text(), "a1234a1234");
    const stream = new Blob(["a12", "34"]).stream();
    const streamed = await sendData(stream, { port, framing: "count" });
    assertEquals(streamed.text(), "a1234a1234");
    await using client = await connect({
      port: keeping.addr.port,
      framing: "count",
    });
    assertEquals((await client.request("a,b")).text(), "a,ba,b");
    const large = await client.request("x".repeat(100));
    assertEquals(large.error, "bad count");
  },
);

Deno.test(
  needsNet("framing by count stops a reply at the end of the grace"),
  async () => {
    const started = Promise.withResolvers<void>();
    const stopped = Promise.withResolvers<void>();
    const server = serve(
      { port: 0, framing: "count", grace: 20 },
      async function* () {
        try {
          for (;;) {
            started.resolve();
            yield "x";
            await pause(1);
          }
        } finally {
          stopped.resolve();
        }
      },
    );
    const reply = ordinaryClient(server.addr.port, "1:a,");
    await started.promise;
    await server.shutdown();
    assertEquals(await reply, "20:ERROR:shutting down!,");
    await stopped.promise;
  },
);

Deno.test(
  needsNet("serve() ends a message with the first of several markers"),
  async () => {
    const handler: Handler = (message, { marker }) =>
      `${message.text()} by ${
        JSON.stringify(new TextDecoder().decode(marker))
      }`;
    await using server = serve(
      { port: 0, end: ["\n", "\r\n", "END"], replyEnd: "\n", keepAlive: true },
      handler,
    );
    const text = "a\nb\r\ncENDd\r\n";
    for (let cut = 0; cut < text.length; cut++) {
      using conn = await connectTo(server.addr.port);
      conn.setNoDelay();
      await writeAll(conn, text.slice(0, cut));
      await writeAll(conn, text.slice(cut));
      await conn.closeWrite();
      assertEquals(
        await readText(conn),
        'a by "\\n"\nb by "\\r\\n"\nc by "END"\nd by "\\r\\n"\n',
      );
    }
  },
);

Deno.test("recvEnd() reports which marker came, in any chunks", async () => {
  const markers = ["abcdef", "cde", "e", "xyz"];
  const text = "ab-abcdef"; // all end at or after the first e; cde is longer
  for (let cut = 0; cut <= text.length; cut++) {
    const parts = [text.slice(0, cut), text.slice(cut)];
    const source = ReadableStream.from(parts).pipeThrough(
      new TextEncoderStream(),
    );
    const received = await recvEnd(source, markers);
    assertEquals(received.markerIndex, 1);
    assertEquals(new TextDecoder().decode(received.data), "ab-ab");
    await source.cancel();
  }
  const none = await recvEnd(new Blob(["abc"]).stream(), markers);
  assertEquals([none.markerIndex, none.reason], [-1, "eof"]);
});

Deno.test("messages() yields one after the other, in any chunks", async () => {
  const text = "one;;three;fo";
  for (let cut = 0; cut <= text.length; cut++) {
    const source = ReadableStream.from([text.slice(0, cut), text.slice(cut)])
      .pipeThrough(new TextEncoderStream());
    const all: [string, string][] = [];
    for await (const { data, reason } of messages(source, ";")) {
      all.push([new TextDecoder().decode(data), reason]);
    }
    assertEquals(all, [
      ["one", "end"],
      ["", "end"],
      ["three", "end"],
      ["fo", "eof"],
    ]);
    assertEquals(source.locked, false);
  }
});

/** What `messages()` yields for these chunks: each message, and its reason. */
async function allMessages(
  chunks: string[],
  options: RecvEndOptions = {},
): Promise<[string, string][]> {
  const source = ReadableStream.from(chunks)
    .pipeThrough(new TextEncoderStream());
  const all: [string, string][] = [];
  for await (const { data, reason } of messages(source, ";", options)) {
    all.push([new TextDecoder().decode(data), reason]);
  }
  return all;
}

Deno.test("messages() yields none for an end of file between two messages", async () => {
  assertEquals(await allMessages([]), []);
  assertEquals(await allMessages(["a;"]), [["a", "end"]]);
  assertEquals(await allMessages(["a;", "b", ";"]), [["a", "end"], [
    "b",
    "end",
  ]]);
});

Deno.test("messages() ends with the first message that is too large", async () => {
  const chunks = ["abc;", "abcd", ";x;", "y;"];
  assertEquals(await allMessages(chunks, { maxBytes: 3 }), [
    ["abc", "end"],
    ["abcd", "limit"],
  ]);
});

Deno.test("messages() begins with the bytes that were read before", async () => {
  const initial = new TextEncoder().encode("a;b");
  assertEquals(await allMessages(["c;d"], { initial }), [
    ["a", "end"],
    ["bc", "end"],
    ["d", "eof"],
  ]);
});
