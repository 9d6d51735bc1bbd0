import { assert, assertEquals } from "@std/assert";
import { KEEPING, scriptedConnection } from "../tests/scripted_connection.ts";
import type { Conversation, Converse } from "./conversation.ts";
import { ErrorReply } from "./handler.ts";

/** The options of a server that converses: idle for 1 s, 3 s for a message. */
const { keepAlive: _, ...TIMES } = KEEPING;

/** Replies with each message, up to the end of file. */
async function echo(conversation: Conversation): Promise<void> {
  for (let message; (message = await conversation.message()) !== null;) {
    await conversation.reply(message.bytes());
  }
}

function conversing(converse: Converse) {
  return scriptedConnection({ ...TIMES, converse });
}

Deno.test.each([
  { name: "the first message", before: [], expected: "" },
  { name: "another one", before: ["a;"], expected: "a;" },
  {
    name: "the rest of one",
    before: ["a;b"],
    expected: "a;ERROR:timed out!;",
  },
])(
  "ConversationSession ends a client that is silent instead of $name",
  async ({ before, expected }) => {
    const { connection, written, send, pass } = conversing(echo);
    const report = connection.run();
    for (const text of before) await send(text);
    await pass(900);
    assertEquals(written(), expected.replace(/ERROR.*/, ""));
    await pass(200);
    await send(null);
    const { outcome } = await report;
    assertEquals(written(), expected);
    assertEquals(outcome, expected.includes("ERROR") ? "timed out" : "ok");
  },
);

Deno.test("ConversationSession limits one call, not the calls in all", async () => {
  const { connection, written, send, pass } = conversing(echo);
  const report = connection.run();
  for (const text of ["a", "a", "a", "a;", "b", "b", "b", "b;"]) {
    await send(text);
    await pass(700);
  }
  assertEquals(written(), "aaaa;bbbb;");
  for (let part = 0; part < 5; part++) {
    await send("c");
    await pass(700);
  }
  await send(null);
  const { outcome } = await report;
  assertEquals(written(), "aaaa;bbbb;ERROR:timed out!;");
  assertEquals(outcome, "timed out");
});

Deno.test("ConversationSession does not take a client for idle that only listens", async () => {
  let push = (_text: string) => Promise.resolve();
  const { connection, written, send, pass, settle } = conversing(
    (conversation) => {
      push = (text) => conversation.write(text);
      return echo(conversation);
    },
  );
  const report = connection.run();
  for (let count = 0; count < 5; count++) {
    await pass(900);
    await push("x;");
    await settle();
  }
  await send("a;");
  await send(null);
  const { outcome } = await report;
  assertEquals(written(), "x;x;x;x;x;a;");
  assertEquals(outcome, "ok");
});

Deno.test("ConversationSession has no limit for a function that does not wait", async () => {
  const work = Promise.withResolvers<void>();
  const { connection, written, pass, settle, send } = conversing(
    async (conversation) => {
      await conversation.write("a");
      await work.promise;
      await conversation.write("b");
    },
  );
  const report = connection.run();
  await pass(100_000);
  await settle();
  assertEquals(written(), "a");
  work.resolve();
  await settle();
  await send(null);
  await report;
  assertEquals(written(), "ab");
});

Deno.test("ConversationSession closes a client that takes no byte", async () => {
  const { connection, pass, holdWrites, isClosed } = conversing(
    async (conversation) => {
      await conversation.write("a");
      await conversation.message();
    },
  );
  const release = holdWrites();
  const report = connection.run();
  await pass(500);
  await pass(400);
  assertEquals(isClosed(), false);
  await pass(20_000);
  assertEquals(isClosed(), true);
  release();
  const { outcome, replyLost } = await report;
  assertEquals(outcome, "stalled");
  assert(replyLost);
});

Deno.test.each([
  {
    name: "before the first message",
    before: "",
    after: "",
    text: "",
  },
  { name: "between two", before: "a;", after: "", text: "a;" },
  { name: "just before another one", before: "a;", after: "b;", text: "a;b;" },
])(
  "ConversationSession.finishSoon() $name",
  async ({ before, after, text }) => {
    const { connection, written, send, pass } = conversing(echo);
    const report = connection.run();
    if (before !== "") await send(before);
    connection.finishSoon();
    if (after !== "") await send(after);
    await pass(600);
    await send(null);
    await report;
    assertEquals(written(), text);
  },
);

Deno.test.each([
  { name: "nothing", arrived: "", text: "a;" },
  { name: "a message", arrived: "b;", text: "a;ERROR:shutting down!;" },
])(
  "ConversationSession.interrupt() waits for what has arrived: $name",
  async ({ arrived, text }) => {
    const { connection, written, send, pass } = conversing(echo);
    const report = connection.run();
    await send("a;");
    connection.finishSoon();
    connection.interrupt("shutting down");
    if (arrived !== "") await send(arrived);
    await pass(600);
    await send(null);
    await report;
    assertEquals(written(), text);
  },
);

Deno.test("ConversationSession.interrupt() ends a message that is not complete", async () => {
  const { connection, written, send } = conversing(echo);
  const report = connection.run();
  await send("a;b");
  connection.finishSoon();
  connection.interrupt("shutting down");
  await send(null);
  await report;
  assertEquals(written(), "a;ERROR:shutting down!;");
});

Deno.test("ConversationSession.interrupt() ends a function that does not read", async () => {
  let signal: AbortSignal | undefined;
  const { connection, written, send, settle } = conversing((conversation) => {
    signal = conversation.signal;
    return new Promise(() => {});
  });
  const report = connection.run();
  connection.finishSoon();
  connection.interrupt("shutting down");
  await settle();
  await send(null);
  const { outcome } = await report;
  assertEquals(outcome, "shutting down");
  assertEquals(written(), "ERROR:shutting down!;");
  assert(signal!.reason instanceof ErrorReply);
});

Deno.test("ConversationSession.interrupt() leaves a write alone, and ends the next read", async () => {
  const { connection, written, send, pass, holdWrites, settle } = conversing(
    async (conversation) => {
      await conversation.write("a".repeat(100_000));
      await conversation.message();
    },
  );
  const release = holdWrites();
  const report = connection.run();
  await settle();
  connection.finishSoon();
  connection.interrupt("shutting down");
  release();
  await settle();
  await pass(600);
  await send(null);
  const { outcome } = await report;
  assertEquals(outcome, "ok");
  assertEquals(written(), "a".repeat(100_000));
});

Deno.test("ConversationSession returns all memory, also of a call that was aborted", async () => {
  const { connection, pool, send } = conversing(async (conversation) => {
    const waiting = conversation.exactly(10_000, { timeout: 20 });
    await waiting.catch(() => {});
  });
  const report = connection.run();
  await send("b".repeat(5000));
  assert(pool.leasedBytes > 0);
  await new Promise((resolve) => setTimeout(resolve, 40));
  await send(null);
  await report;
  assertEquals(pool.leasedBytes, 0);
});

Deno.test("ConversationSession keeps little memory between two messages", async () => {
  const { connection, pool, send } = conversing(echo);
  const report = connection.run();
  await send(`${"b".repeat(300_000)};`);
  assert(pool.leasedBytes <= 1024, `${pool.leasedBytes} bytes are leased`);
  await send(null);
  await report;
});

Deno.test("ConversationSession sends busy where memory runs short", async () => {
  const { connection, written, send, pool } = scriptedConnection({
    ...TIMES,
    converse: echo,
    maxBytes: Infinity,
    maxBufferedBytes: 2 ** 20,
  });
  const report = connection.run();
  await send("b".repeat(3_000_000));
  await send(null);
  await report;
  assertEquals(written(), "ERROR:busy!;");
  assertEquals(pool.leasedBytes, 0);
});

/** Returns while a call waits for the client. */
async function leave(conversation: Conversation): Promise<void> {
  conversation.message().catch(() => {});
  await conversation.write("bye;");
}

Deno.test("ConversationSession ends a client that lingers, whatever call is pending", async () => {
  const { connection, written, pass, settle, isClosed } = conversing(leave);
  const report = connection.run();
  await settle();
  assertEquals(written(), "bye;");
  await pass(700);
  assertEquals(isClosed(), false);
  await pass(200);
  assertEquals(isClosed(), true);
  assertEquals((await report).outcome, "ok");
});

Deno.test("ConversationSession.finishSoon() does not shorten lingering, whatever call is pending", async () => {
  const { connection, pass, settle, isClosed, send } = conversing(leave);
  const report = connection.run();
  await settle();
  connection.finishSoon();
  await pass(700);
  assertEquals(isClosed(), false);
  await send(null);
  const { outcome, replyLost } = await report;
  assertEquals({ outcome, replyLost }, { outcome: "ok", replyLost: false });
});

Deno.test("ConversationSession aborts, whatever an iterable throws that is broken off", async () => {
  function* rows() {
    try {
      yield "a".repeat(100_000);
      yield "b".repeat(100_000);
    } finally {
      // deno-lint-ignore no-unsafe-finally
      throw new Error("not closed");
    }
  }
  const { connection, settle, holdWrites } = conversing(
    (conversation) => conversation.write(rows()),
  );
  const release = holdWrites();
  const report = connection.run();
  await settle();
  connection.abort();
  release();
  assertEquals((await report).outcome, "aborted");
});

Deno.test.each<
  { name: string; call: (each: Conversation) => Promise<unknown> }
>(
  [
    { name: "message()", call: (each) => each.message() },
    { name: "until()", call: (each) => each.until(";") },
    { name: "exactly()", call: (each) => each.exactly(9) },
    { name: "exactly() of no number", call: (each) => each.exactly(NaN) },
    { name: "reply() with a marker in it", call: (each) => each.reply("a;b") },
    { name: "write()", call: (each) => each.write("b".repeat(100_000)) },
  ],
)(
  "ConversationSession survives a call that fails and nobody waits for: $name",
  async ({ call }) => {
    const work = Promise.withResolvers<void>();
    const { connection, send, settle } = conversing((conversation) => {
      call(conversation);
      return work.promise;
    });
    const report = connection.run();
    await send("a");
    await send(new Deno.errors.ConnectionReset());
    work.resolve();
    await settle();
    assert(await report);
  },
);

Deno.test("ConversationSession reports an error reply that fails, and gives up", async () => {
  let isStarted = false;
  let errors = 0;
  const { connection } = scriptedConnection({
    ...TIMES,
    converse: () => Promise.reject(new ErrorReply("no")),
    onError: () => errors++,
    errorReply(code) {
      if (isStarted) throw new Error("no error reply");
      return code;
    },
  });
  isStarted = true;
  const { outcome, error } = await connection.run();
  assertEquals([outcome, errors], ["failed", 2]);
  assertEquals((error as Error).message, "no error reply");
});
