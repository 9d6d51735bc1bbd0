import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  connect,
  ConversationError,
  type Handler,
  LastWord,
  messages,
  recvEnd,
  sendData,
  serve,
  type ServeOptions,
} from "./mod.ts";
import {
  connectTo,
  netTest,
  ordinaryClient,
  readText,
  runClient,
  scriptTest,
  startServer,
  writeAll,
} from "./testing.ts";

const KEEPING: ServeOptions = { port: 0, end: ";", keepAlive: true };

netTest(
  "keepAlive answers in order, wherever the messages are split",
  async () => {
    await using server = serve({ ...KEEPING, replyEnd: "|" });
    const text = "one;two;three;";
    for (let first = 0; first <= text.length; first++) {
      for (let second = first; second <= text.length; second += 3) {
        using conn = await connectTo(server.addr.port);
        conn.setNoDelay();
        for (const part of [[0, first], [first, second], [second]]) {
          await writeAll(conn, text.slice(...part));
        }
        await conn.closeWrite();
        assertEquals(await readText(conn), "oneone|twotwo|threethree|");
      }
    }
  },
);

netTest("keepAlive answers messages in one block and in many", async () => {
  await using server = serve(KEEPING);
  const sent = ["a", "b".repeat(3000), "", "c".repeat(300_000), "d"];
  const expected = sent.map((text) => `${text}${text};`).join("");
  using conn = await connectTo(server.addr.port);
  const reply = readText(conn);
  await writeAll(conn, sent.map((text) => `${text};`).join(""));
  await conn.closeWrite();
  assert(await reply === expected);
});

netTest(
  "keepAlive tells an end of file between messages from one within",
  async () => {
    const outcomes: [string, number][] = [];
    const server = serve({
      ...KEEPING,
      onConversation: ({ outcome, messages }) =>
        outcomes.push([outcome, messages]),
    });
    const { port } = server.addr;
    assertEquals(await ordinaryClient(port, ""), "");
    assertEquals(await ordinaryClient(port, "a;"), "aa;");
    assertEquals(await ordinaryClient(port, "a;b"), "aa;ERROR:no end!;");
    await server.shutdown();
    assertEquals(outcomes, [["end", 0], ["end", 1], ["no end", 1]]);
  },
);

netTest("keepAlive goes on after a message that was refused", async () => {
  const handler: Handler = (message) => {
    if (message.text() === "bad") throw new LastWord("malformed");
    if (message.text() === "broken") throw new Error("thrown");
    return "fine";
  };
  await using server = serve(KEEPING, handler);
  const replies = await ordinaryClient(server.addr.port, "a;bad;b;broken;c;");
  assertEquals(replies, "fine;ERROR:malformed!;fine;ERROR:failed!;fine;");
});

netTest(
  "keepAlive has its limits for each message, and ends with them",
  async () => {
    await using server = serve({ ...KEEPING, maxBytes: 3, idleTimeout: 50 });
    const { port } = server.addr;
    assertEquals(await ordinaryClient(port, "abc;def;g;"), "abcabc;defdef;gg;");
    assertEquals(
      await ordinaryClient(port, "a;abcd;b;"),
      "aa;ERROR:too large!;",
    );
    using conn = await connectTo(port);
    await writeAll(conn, "a;");
    assertEquals(await readText(conn), "aa;ERROR:timed out!;");
  },
);

netTest(
  "shutdown() tells those between two messages, and lets others finish",
  async () => {
    const server = serve(KEEPING);
    using idle = await connectTo(server.addr.port);
    using within = await connectTo(server.addr.port);
    await writeAll(idle, "a;");
    await writeAll(within, "a;b");
    const room = new Uint8Array(3);
    for (const conn of [idle, within]) await conn.read(room);
    const finished = server.shutdown();
    assertEquals(await readText(idle), "ERROR:shutting down!;");
    await writeAll(within, "c;d;");
    assertEquals(await readText(within), "bcbc;");
    idle.close();
    within.close();
    await finished;
  },
  { timeout: 10_000 },
);

netTest("connect() asks one after the other, and ahead", async () => {
  await using server = serve({ ...KEEPING, end: "\r\n" });
  await using conversation = await connect({
    port: server.addr.port,
    end: "\r\n",
  });
  assertEquals((await conversation.ask("a")).text(), "aa");
  const ahead = Array.from({ length: 100 }, (_, i) => `${i}`.repeat(i * 50));
  const replies = await Promise.all(
    ahead.map((data) => conversation.ask(data)),
  );
  for (const [i, data] of ahead.entries()) {
    assert(replies[i]?.text() === data + data, `reply ${i}`);
  }
  const stream = new Blob(["st", "ream"]).stream();
  assertEquals((await conversation.ask(stream)).text(), "streamstream");
});

netTest("connect() fails every ask() behind one that failed", async () => {
  await using server = serve({ ...KEEPING, maxBytes: 3 });
  await using conversation = await connect({
    port: server.addr.port,
    end: ";",
  });
  const [first, second, third] = await Promise.allSettled(
    ["a", "too long", "b"].map((data) => conversation.ask(data)),
  );
  assert(first?.status === "fulfilled" && first.value.text() === "aa");
  assert(second?.status === "fulfilled");
  assertEquals(second.value.lastWord, "too large");
  assert(third?.status === "rejected");
  assert(third.reason instanceof ConversationError);
});

netTest("replyEnd makes a cut reply known, wherever it was cut", async () => {
  const reply = "a1234a1234<END>";
  for (let cut = 0; cut <= reply.length; cut++) {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const served = (async () => {
      using conn = await listener.accept();
      await writeAll(conn, reply.slice(0, cut));
    })();
    const options = { port: listener.addr.port, replyEnd: "<END>" };
    if (cut === reply.length) {
      const { data } = await sendData("a1234", options);
      assertEquals(new TextDecoder().decode(data), "a1234a1234");
    } else {
      const error = await assertRejects(
        () => sendData("a1234", options),
        ConversationError,
      );
      assertEquals(error.reason, cut === 0 ? "no last word" : "cut");
      const heard = new TextDecoder().decode(error.received);
      assertEquals(heard, reply.slice(0, cut));
    }
    await served;
    listener.close();
  }
});

netTest("framing by count answers and refuses with netstrings", async () => {
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
  await using conversation = await connect({
    port: keeping.addr.port,
    framing: "count",
  });
  assertEquals((await conversation.ask("a,b")).text(), "a,ba,b");
  const large = await conversation.ask("x".repeat(100));
  assertEquals(large.lastWord, "bad count");
});

netTest("a list of markers ends with the first, and says which", async () => {
  const handler: Handler = (message, { marker }) =>
    `${message.text()} by ${JSON.stringify(new TextDecoder().decode(marker))}`;
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
});

Deno.test("recvEnd() says which of several markers came, in any pieces", async () => {
  const markers = ["abcdef", "cde", "e", "xyz"];
  const text = "ab-abcdef"; // all end at or behind the first e; cde is longer
  for (let cut = 0; cut <= text.length; cut++) {
    const parts = [text.slice(0, cut), text.slice(cut)];
    const source = ReadableStream.from(parts).pipeThrough(
      new TextEncoderStream(),
    );
    const received = await recvEnd(source, markers);
    assertEquals(received.which, 1);
    assertEquals(new TextDecoder().decode(received.data), "ab-ab");
    await source.cancel();
  }
  const none = await recvEnd(new Blob(["abc"]).stream(), markers);
  assertEquals([none.which, none.reason], [-1, "eof"]);
});

Deno.test("messages() gives one after the other, in any pieces", async () => {
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

scriptTest("the pair keeps a connection for several messages", async () => {
  const flags = ["--marker=;", "--keep-alive"];
  await using server = await startServer(flags);
  const { code, stdout } = await runClient([
    ...flags,
    `--port=${server.port}`,
    ...["--data=a", "--data=b", "--data=c"],
  ]);
  assertEquals(
    stdout,
    "connected\nsent a\naa\nsent b\nbb\nsent c\ncc\nshutdown\n",
  );
  assertEquals(code, 0);
  const { stderr } = await server.stop();
  assertEquals(stderr.match(/ end, 6 bytes in, 9 out/g)?.length, 1);
});

scriptTest("the pair counts", async () => {
  await using server = await startServer(["--framing=count"]);
  const args = ["--framing=count", `--port=${server.port}`];
  const { code, stdout } = await runClient([...args, "--data=a,b"]);
  assertEquals(stdout, "connected\nsent a,b\nshutdown\na,ba,b\n");
  assertEquals(code, 0);
  const wrong = await runClient([`--port=${server.port}`, "--data=a"]);
  assertEquals(wrong.code, 0); // to this client it is a reply like any other
});

scriptTest(
  "client.ts --reply-marker exits 3 for a reply that is cut",
  async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const served = (async () => {
      using conn = await listener.accept();
      await writeAll(conn, "half a rep");
    })();
    const { code, stdout, stderr } = await runClient([
      `--port=${listener.addr.port}`,
      "--reply-marker=<END>",
      "--data=a",
    ]);
    await served;
    assert(stdout.endsWith("\nhalf a rep\n"), stdout);
    assert(
      /^The reply was cut after 10 bytes: .*\nhint: .*\n$/.test(stderr),
      stderr,
    );
    assertEquals(code, 3);
  },
);

netTest(
  "messageTimeout is for a message, not for the silence before it",
  async () => {
    await using server = serve({
      ...KEEPING,
      idleTimeout: 0,
      messageTimeout: 300,
    });
    using conn = await connectTo(server.addr.port);
    await new Promise((resolve) => setTimeout(resolve, 400)); // the silence
    await writeAll(conn, "a;b");
    const room = new Uint8Array(3);
    await conn.read(room);
    assertEquals(new TextDecoder().decode(room), "aa;");
    assertEquals(await readText(conn), "ERROR:timed out!;");
  },
);

netTest("keepAlive has a new signal for each message", async () => {
  const aborted: boolean[] = [];
  await using server = serve(KEEPING, (message, { signal }) => {
    aborted.push(signal.aborted);
    if (message.text() === "bad") throw new LastWord("malformed");
    return "fine";
  });
  const replies = await ordinaryClient(server.addr.port, "bad;good;");
  assertEquals(replies, "ERROR:malformed!;fine;");
  assertEquals(aborted, [false, false]);
});

netTest("keepAlive keeps connections apart when handlers reject", async () => {
  await using server = serve(KEEPING, async (message) => {
    await Promise.resolve();
    if (message.text() === "bad") throw new LastWord("malformed");
    return message.text();
  });
  const room = new Uint8Array(100);
  const next = async (conn: Deno.Conn) =>
    new TextDecoder().decode(room.subarray(0, await conn.read(room) ?? 0));
  using first = await connectTo(server.addr.port);
  await writeAll(first, "bad;first's own");
  assertEquals(await next(first), "ERROR:malformed!;");
  using second = await connectTo(server.addr.port);
  await writeAll(second, "x;second's very own");
  assertEquals(await next(second), "x;");
  await writeAll(first, " end;");
  assertEquals(await next(first), "first's own end;");
  await writeAll(second, ";");
  assertEquals(await next(second), "second's very own;");
});

netTest(
  "keepAlive lets go of one who sends a byte behind the last word",
  async () => {
    const ended = Promise.withResolvers<void>();
    await using server = serve({
      ...KEEPING,
      idleTimeout: 50,
      lingerTimeout: 50,
      onConversation: () => ended.resolve(),
    });
    using conn = await connectTo(server.addr.port);
    assertEquals(await readText(conn), "ERROR:timed out!;");
    await writeAll(conn, "x");
    await ended.promise;
  },
  { timeout: 8000 },
);

netTest(
  "ask() of a stream that fails sends nothing more, and says so",
  async () => {
    const heard: string[] = [];
    await using server = serve(KEEPING, (message) => {
      heard.push(message.text());
      return "fine";
    });
    const broken = new ReadableStream<Uint8Array>({
      start: (controller) =>
        controller.enqueue(new TextEncoder().encode("half")),
      pull: (controller) => controller.error(new Error("broken stream")),
    });
    await using conversation = await connect({
      port: server.addr.port,
      end: ";",
    });
    const first = conversation.ask("whole");
    const second = conversation.ask(broken);
    const third = conversation.ask("delete everything");
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
    await conversation.close();
    await server.shutdown();
    assertEquals(heard, ["whole"]);
  },
);

netTest("framing by count stops a reply that was overtaken", async () => {
  let pulled = 0;
  const stopped = Promise.withResolvers<void>();
  const server = serve(
    { port: 0, framing: "count", grace: 20 },
    async function* () {
      try {
        for (;;) {
          pulled++;
          yield "x";
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      } finally {
        stopped.resolve();
      }
    },
  );
  const reply = ordinaryClient(server.addr.port, "1:a,");
  while (pulled === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  await server.shutdown();
  assertEquals(await reply, "20:ERROR:shutting down!,");
  await stopped.promise;
});

netTest("connect() tells each step to onEvent", async () => {
  await using server = serve({ ...KEEPING, replyEnd: "|" });
  const events: string[] = [];
  const conversation = await connect({
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
  await conversation.ask("one");
  await conversation.ask("three");
  await conversation.close();
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

netTest("connect() ends with what onEvent throws", async () => {
  await using server = serve({ ...KEEPING, replyEnd: "|" });
  for (const last of ["connected", "wrote", "sent", "read"]) {
    await using conversation = await connect({
      port: server.addr.port,
      end: ";",
      replyEnd: "|",
      onEvent({ type }) {
        if (type === last) throw new RangeError(type);
      },
    });
    await assertRejects(() => conversation.ask("one"), RangeError, last);
    await assertRejects(() => conversation.ask("two"), RangeError, last);
  }
});

netTest("connect() ends with undefined, if onEvent throws that", async () => {
  await using server = serve({ ...KEEPING, replyEnd: "|" });
  const events: string[] = [];
  await using conversation = await connect({
    port: server.addr.port,
    end: ";",
    replyEnd: "|",
    onEvent({ type }) {
      events.push(type);
      if (type === "wrote") throw undefined;
    },
  });
  const thrown = await conversation.ask("one").catch((error) => [error]);
  assertEquals(thrown, [undefined]);
  assertEquals(events, ["connected", "wrote", "closed"]);
});
