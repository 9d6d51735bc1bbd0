import { assertEquals } from "@std/assert";
import {
  connect,
  type ConversationReport,
  ErrorReply,
  type Handler,
  serve,
  type ServeOptions,
} from "../mod.ts";
import { needsNet } from "./options.ts";
import { connectTo, pause, readAll, writeAll } from "./sockets.ts";

/** What a server replies to these bytes and a half-close, and its report. */
async function exchange(
  options: ServeOptions,
  handler: Handler,
  sent: string | readonly string[],
): Promise<{ text: string; report: ConversationReport }> {
  const reported = Promise.withResolvers<ConversationReport>();
  await using server = serve({
    port: 0,
    onConversation: reported.resolve,
    ...options,
  }, handler);
  using conn = await connectTo(server.addr.port);
  for (const part of typeof sent === "string" ? [sent] : sent) {
    await writeAll(conn, new TextEncoder().encode(part));
    await pause(1);
  }
  await conn.closeWrite();
  const text = new TextDecoder().decode(await readAll(conn));
  return { text, report: await reported.promise };
}

const LINES = { end: "\n", keepAlive: true };
const echo: Handler = (message) => message.text();

Deno.test(
  needsNet("greeting: it comes first, in the framing of replies"),
  async () => {
    const { text } = await exchange(
      { ...LINES, greeting: "hello" },
      echo,
      "a\n",
    );
    assertEquals(text, "hello\na\n");
    const once = await exchange({ end: "\n", greeting: "hello " }, echo, "a\n");
    assertEquals(once.text, "hello a");
  },
);

Deno.test(
  needsNet("greeting: a client that is refused gets no greeting"),
  async () => {
    const { text } = await exchange(
      { ...LINES, greeting: "hello", maxConnections: 0 },
      echo,
      "a\n",
    );
    assertEquals(text, "ERROR:busy!\n");
  },
);

Deno.test(
  needsNet("a handler that returns nothing sends nothing"),
  async () => {
    const received: string[] = [];
    const nothing: Handler = async (message) => {
      if (message.text() === "wait") await pause(10);
      received.push(message.text());
    };
    const { text, report } = await exchange(LINES, nothing, "a\nwait\nb\n");
    assertEquals(text, "");
    assertEquals(received, ["a", "wait", "b"]);
    assertEquals([report.outcome, report.messages], ["ok", 3]);
    const empty = await exchange(LINES, () => "", "a\nb\n");
    assertEquals(empty.text, "\n\n");
  },
);

Deno.test(
  needsNet(
    "a sender that never reads may send for ever to a handler that says nothing",
  ),
  async () => {
    let count = 0;
    await using server = serve({ port: 0, ...LINES }, () => void count++);
    using conn = await connectTo(server.addr.port);
    const line = new TextEncoder().encode("a\n".repeat(50_000));
    for (let i = 0; i < 40; i++) await writeAll(conn, line);
    await conn.closeWrite();
    assertEquals((await readAll(conn)).length, 0);
    assertEquals(count, 2_000_000);
  },
);

for (const kind of ["at once", "later"]) {
  Deno.test(
    needsNet(`info.close() makes the reply the last one: ${kind}`),
    async () => {
      const quit: Handler = (message, info) => {
        if (message.text() === "QUIT") info.close();
        return kind === "later"
          ? pause(5).then(() => message.text())
          : message.text();
      };
      const { text, report } = await exchange(LINES, quit, "a\nQUIT\nb\n");
      assertEquals(text, "a\nQUIT\n");
      const { outcome, messages, replyLost } = report;
      assertEquals([outcome, messages, replyLost], ["ok", 2, false]);
    },
  );
}

Deno.test(needsNet("info.state is one object a connection"), async () => {
  const login: Handler = (message, { state }) => {
    const name = message.text();
    if (state.user === undefined) state.user = name;
    return `${state.user}: ${name}`;
  };
  await using server = serve({ port: 0, ...LINES }, login);
  const { port } = server.addr;
  await using a = await connect({ port, end: "\n" });
  await using b = await connect({ port, end: "\n" });
  assertEquals((await a.request("ann")).text(), "ann: ann");
  assertEquals((await b.request("bob")).text(), "bob: bob");
  assertEquals((await a.request("hi")).text(), "ann: hi");
  assertEquals((await b.request("hi")).text(), "bob: hi");
});

Deno.test(
  needsNet("errorReply: every error reply has the protocol's own form"),
  async () => {
    const options = {
      ...LINES,
      maxBytes: 4,
      errorReply: (code: string) => `-ERR ${code}`,
    };
    const strict: Handler = (message) => {
      if (message.text() === "no") throw new ErrorReply("denied");
      return "+OK";
    };
    const { text, report } = await exchange(options, strict, "a\nno\nabcde\n");
    assertEquals(text, "+OK\n-ERR denied\n-ERR too large\n");
    assertEquals(report.outcome, "too large");
    const none = await exchange(
      { ...options, errorReply: () => null },
      strict,
      "a\nno\nabcde\n",
    );
    assertEquals(none.text, "+OK\n");
    const busy = await exchange({ ...options, maxConnections: 0 }, strict, "");
    assertEquals(busy.text, "-ERR busy\n");
  },
);

Deno.test(
  needsNet("errorReply: one that fails for a code of the handler is reported"),
  async () => {
    const errors: unknown[] = [];
    const { text, report } = await exchange(
      {
        ...LINES,
        errorReply(code) {
          if (code === "odd") throw new Error("no form for it");
          return `-${code}`;
        },
        onError: (error) => errors.push((error as Error).message),
      },
      () => {
        throw new ErrorReply("odd");
      },
      "a\nb\n",
    );
    assertEquals(text, "-failed\n-failed\n");
    assertEquals(errors, ["no form for it", "no form for it"]);
    assertEquals(report.messages, 2);
  },
);

Deno.test(
  needsNet("replyEnd: null: a handler gives its replies their own ends"),
  async () => {
    const { text } = await exchange(
      {
        ...LINES,
        replyEnd: null,
        greeting: "220 ready\n",
        errorReply: (code) => `500 ${code}\n`,
        maxBytes: 4,
      },
      (message) => `250-${message.text()}\n250 end\n`,
      "a\nb\nabcde\n",
    );
    assertEquals(
      text,
      "220 ready\n250-a\n250 end\n250-b\n250 end\n500 too large\n",
    );
  },
);

Deno.test(needsNet("end: null: the end of file ends the message"), async () => {
  const { text, report } = await exchange({ end: null }, echo, ["to ", "be"]);
  assertEquals(text, "to be");
  assertEquals([report.outcome, report.messages], ["ok", 1]);
  const empty = await exchange({ end: null }, echo, "");
  assertEquals(empty.text, "ERROR:no end!");
  const large = await exchange({ end: null, maxBytes: 4 }, echo, "to be");
  assertEquals(large.text, "ERROR:too large!");
  const fits = await exchange({ end: null, maxBytes: 5 }, echo, "to be");
  assertEquals(fits.text, "to be");
});

Deno.test(
  needsNet("start: the marker that comes first, on both sides with keepAlive"),
  async () => {
    const mllp = { start: "\x0b", end: "\x1c\r", keepAlive: true };
    const { text } = await exchange(mllp, echo, "\x0ba\x1c\r\x0bb\x1c\r");
    assertEquals(text, "\x0ba\x1c\r\x0bb\x1c\r");
    const bad = await exchange(mllp, echo, "\x0ba\x1c\rb\x1c\r");
    assertEquals(bad.text, "\x0ba\x1c\r\x0bERROR:bad start!\x1c\r");
    assertEquals(bad.report.outcome, "bad start");
    const once = await exchange({ start: "<", end: ">" }, echo, "<a>");
    assertEquals(once.text, "a");
  },
);

Deno.test(needsNet("framing: lengths in front, and octet counts"), async () => {
  const binary = { framing: "lengthPrefixed", lengthBytes: 2 } as const;
  const { text } = await exchange(
    { framing: binary, keepAlive: true },
    echo,
    "\0\x02ab\0\0\0\x01c",
  );
  assertEquals(text, "\0\x02ab\0\0\0\x01c");
  const counted = await exchange(
    { framing: { framing: "octetCounted" }, keepAlive: true },
    echo,
    "2 ab1 c",
  );
  assertEquals(counted.text, "2 ab1 c");
  const short = await exchange(
    { framing: { framing: "octetCounted" }, keepAlive: true },
    echo,
    "5 ab",
  );
  assertEquals(short.text, "23 ERROR:got 2 of 5 bytes!");
});

Deno.test(
  needsNet("tooLarge: skip: the connection goes on after the marker"),
  async () => {
    const options = { ...LINES, maxBytes: 4, tooLarge: "skip" } as const;
    const large = "b".repeat(500_000);
    const sent = `a\n${large}\nc\nbbbbb\n${large}`;
    const expected = "a\nERROR:too large!\nc\n" +
      "ERROR:too large!\nERROR:too large!\n";
    for (
      const parts of [[sent], [...sent.matchAll(/.{1,70000}|\n/gs)].map(String)]
    ) {
      const { text, report } = await exchange(options, echo, parts);
      assertEquals(text, expected);
      assertEquals([report.outcome, report.messages], ["ok", 2]);
    }
    const mllp = { ...options, start: "<", end: ">" } as const;
    const { text } = await exchange(mllp, echo, "<a><bbbbbbb><c>");
    assertEquals(text, "<a><ERROR:too large!><c>");
  },
);

Deno.test(
  needsNet(
    "onEndOfFile: a half-close is no cancel by default, and one if asked for",
  ),
  async () => {
    for (const onEndOfFile of ["answer", "cancel"] as const) {
      const aborted = Promise.withResolvers<boolean>();
      const slow: Handler = async (_, { signal }) => {
        await pause(50);
        aborted.resolve(signal.aborted);
        return "late";
      };
      const { text, report } = await exchange(
        { end: "\n", onEndOfFile },
        slow,
        "a\n",
      );
      const isAnswered = onEndOfFile === "answer";
      assertEquals(text, isAnswered ? "late" : "");
      assertEquals(report.outcome, isAnswered ? "ok" : "cancelled");
      assertEquals(await aborted.promise, !isAnswered);
    }
  },
);

Deno.test(
  needsNet(
    "onEndOfFile: cancel: a stream is broken off, a complete reply is not",
  ),
  async () => {
    const cancelled = Promise.withResolvers<void>();
    const endless: Handler = () =>
      new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array([65])),
        cancel: () => cancelled.resolve(),
      });
    const options = { end: "\n", onEndOfFile: "cancel" } as const;
    const { report } = await exchange(options, endless, "a\n");
    await cancelled.promise;
    assertEquals([report.outcome, report.replyLost], ["cancelled", true]);
    const { text, report: quick } = await exchange(options, echo, "a\n");
    assertEquals([text, quick.outcome, quick.replyLost], ["a", "ok", false]);
  },
);
