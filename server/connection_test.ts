import { assert, assertEquals } from "@std/assert";
import { setImmediate } from "node:timers";
import {
  KEEPING,
  ONCE,
  scriptedConnection,
} from "../tests/scripted_connection.ts";

Deno.test.each([
  { name: "a complete message", text: "b;", reply: "a;b;" },
  { name: "two", text: "b;c;", reply: "a;b;ERROR:shutting down!;" },
  { name: "a part of one", text: "b", reply: "a;ERROR:shutting down!;" },
  { name: "nothing", text: null, reply: "a;" },
])(
  "ServerConnection.interrupt() while idle waits for what has arrived: $name",
  async ({ text, reply }) => {
    const { connection, written, send } = scriptedConnection(KEEPING);
    const report = connection.run();
    await send("a;");
    connection.interrupt("shutting down");
    await send(text);
    if (text !== null) await send(null);
    await report;
    assertEquals(written(), reply);
  },
);

// The handler has one turn of the event loop: nothing interrupts it later.
Deno.test.each([
  { name: "that is done at once", waitMs: 0, reply: "a;b;" },
  { name: "that hangs", waitMs: Infinity, reply: "a;ERROR:shutting down!;" },
])(
  "ServerConnection.interrupt() while idle, and a handler $name",
  async ({ waitMs, reply }) => {
    const { connection, written, send, settle } = scriptedConnection(
      KEEPING,
      async (message) => {
        const text = message.text();
        if (text === "b" && waitMs > 0) await new Promise(() => {});
        return text;
      },
    );
    const report = connection.run();
    await send("a;");
    connection.interrupt("shutting down");
    await send("b;");
    await settle();
    await send(null);
    assertEquals(written(), reply);
    assertEquals(
      (await report).outcome,
      waitMs > 0 ? "shutting down" : "ok",
    );
  },
);

Deno.test("ServerConnection.interrupt() in a write waits for what has arrived", async () => {
  const { connection, written, send, holdWrites, settle } = scriptedConnection(
    KEEPING,
  );
  const report = connection.run();
  const write = holdWrites();
  await send("a;");
  connection.interrupt("shutting down");
  write();
  await settle();
  await send("b;");
  await send(null);
  await report;
  assertEquals(written(), "a;ERROR:shutting down!;");
});

// The start of a message comes with another one, or alone: for the first
// message of a connection and for a later one.
Deno.test.each([
  { name: "the first", before: [], reply: "" },
  { name: "the second, alone", before: ["a;"], reply: "a;" },
  { name: "the second, with the first", before: ["a;b"], reply: "a;" },
  { name: "the third, alone", before: ["a;", "b;"], reply: "a;b;" },
])(
  "ServerConnection keeps messageTimeout for every message: $name",
  async ({ before, reply }) => {
    const { connection, written, send, pass } = scriptedConnection(KEEPING);
    const report = connection.run();
    for (const text of before) await send(text);
    for (let part = 0; part < 5; part++) {
      await send("b");
      await pass(900);
    }
    await send(null);
    await report;
    assertEquals(written(), `${reply}ERROR:timed out!;`);
  },
);

Deno.test("ServerConnection lets a client be idle before each message", async () => {
  const { connection, written, send, pass } = scriptedConnection(KEEPING);
  const report = connection.run();
  for (const text of ["a;", "b;", "c;", "d;", "e;", "f;"]) {
    await pass(900);
    await send(text);
  }
  await send(null);
  assertEquals((await report).outcome, "ok");
  assertEquals(written(), "a;b;c;d;e;f;");
});

Deno.test("ServerConnection ends an idle client in silence", async () => {
  const { connection, written, send, pass } = scriptedConnection(KEEPING);
  const report = connection.run();
  await send("a;");
  await pass(1200);
  await send(null);
  const { outcome, messages } = await report;
  assertEquals([written(), outcome, messages], ["a;", "ok", 1]);
});

Deno.test.each([
  { name: "one message", options: ONCE, replies: ["a"] },
  { name: "keepAlive", options: KEEPING, replies: ["a;", "b;"] },
])(
  "ServerConnection has no limit for a handler: $name",
  async ({ options, replies }) => {
    let finish = (_reply: string) => {};
    const { connection, written, send, pass } = scriptedConnection(
      options,
      () => new Promise<string>((resolve) => finish = resolve),
    );
    const report = connection.run();
    let expected = "";
    for (const [index, reply] of replies.entries()) {
      await send("x;");
      await pass(100_000);
      finish("ab"[index]!);
      await pass(0);
      expected += reply;
      assertEquals(written(), expected);
    }
    await send(null);
    assertEquals((await report).outcome, "ok");
  },
);

Deno.test("ServerConnection sends replies before it waits for a handler", async () => {
  let finish = (_reply: string) => {};
  const slow = new Promise<string>((resolve) => finish = resolve);
  const { connection, written, send } = scriptedConnection(
    KEEPING,
    (message) => message.text() === "slow" ? slow : message.text(),
  );
  const report = connection.run();
  await send("a;b;slow;c;");
  assertEquals(written(), "a;b;");
  finish("done");
  await send(null);
  await report;
  assertEquals(written(), "a;b;done;c;");
});

Deno.test("ServerConnection gives others a turn every 64 messages", async () => {
  let answered = 0;
  const { connection, send, settle } = scriptedConnection(KEEPING, () => {
    answered++;
    return "";
  });
  const report = connection.run();
  let answeredAtTurn: number | undefined;
  setImmediate(() => answeredAtTurn = answered);
  await send("a;".repeat(500));
  while (answeredAtTurn === undefined) await settle();
  assertEquals(answeredAtTurn, 64);
  await send(null);
  assertEquals((await report).messages, 500);
});

Deno.test("ServerConnection releases the memory of a message after its reply", async () => {
  const { connection, pool, send, pass } = scriptedConnection(KEEPING);
  const report = connection.run();
  // After large messages, the next one is awaited in a larger block.
  for (const idleBytes of [1024, 131_072, 131_072]) {
    await send("a".repeat(300_000));
    assert(pool.leasedBytes >= 300_000, `${pool.leasedBytes}`);
    await send(";");
    await pass(0);
    assertEquals(pool.leasedBytes, idleBytes);
  }
  await send(null);
  await report;
  assertEquals(pool.leasedBytes, 0);
});

Deno.test("ServerConnection releases the memory of the last message before it lingers", async () => {
  const { connection, pool, lingering, send } = scriptedConnection(ONCE);
  const report = connection.run();
  await send(`${"a".repeat(300_000)};`);
  assertEquals([lingering.size, pool.leasedBytes], [1, 0]);
  await send(null);
  await report;
  assertEquals(lingering.size, 0);
});

Deno.test("ServerConnection lingers for the time that it is given", async () => {
  const times = { lingerTimeout: 20_000 };
  const options = { ...ONCE, ...times, idleTimeout: 800 };
  const { connection, isClosed, lingering, send, pass } = scriptedConnection(
    options,
  );
  const report = connection.run();
  await send("a;");
  await pass(19_000);
  assertEquals([isClosed(), lingering.size], [false, 1]);
  await pass(2_000);
  const { outcome, replyLost } = await report;
  assertEquals([isClosed(), lingering.size], [true, 0]);
  assertEquals([outcome, replyLost], ["ok", true]);
});

Deno.test("ServerConnection lingers for 5 s after a refusal", async () => {
  const options = { ...ONCE, lingerTimeout: 20_000, idleTimeout: 800 };
  const { connection, isClosed, lingering, written, settle, pass } =
    scriptedConnection(options);
  const report = connection.run("busy");
  await settle();
  assertEquals([written(), lingering.size], ["ERROR:busy!", 0]);
  await pass(4_500);
  assertEquals(isClosed(), false);
  await pass(1_000);
  assertEquals([isClosed(), (await report).outcome], [true, "busy"]);
});

Deno.test("ServerConnection.abort() while a reply is made is reported as aborted", async () => {
  const hangs = () => new ReadableStream({ pull: () => new Promise(() => {}) });
  const { connection, send } = scriptedConnection(KEEPING, hangs);
  const report = connection.run();
  await send("a;");
  connection.abort();
  await send(null);
  assertEquals((await report).outcome, "aborted");
});

Deno.test("ServerConnection.abort() soon after an error reply is a lost reply", async () => {
  const { connection, written, send, settle } = scriptedConnection(
    KEEPING,
    () => new Promise(() => {}),
  );
  const report = connection.run();
  await send("a;");
  connection.interrupt("shutting down");
  await settle();
  assertEquals(written(), "ERROR:shutting down!;");
  // It waits for what may have arrived behind the message.
  connection.abort();
  const { outcome, replyLost } = await report;
  assertEquals([outcome, replyLost], ["shutting down", true]);
});

Deno.test("ServerConnection.abort() in the middle of a reply is a lost reply", async () => {
  const stops = async function* () {
    yield "begun";
    await new Promise(() => {});
  };
  const { connection, send, written } = scriptedConnection(KEEPING, stops);
  const report = connection.run();
  await send("a;");
  assertEquals(written(), "begun");
  connection.abort();
  await send(null);
  const { outcome, replyLost } = await report;
  assertEquals({ outcome, replyLost }, { outcome: "aborted", replyLost: true });
});

Deno.test.each([
  { name: "a message", text: "a;", replyLost: true },
  { name: "the end of file", text: null, replyLost: false },
])(
  "ServerConnection.check() ends an idle connection; then comes $name",
  async ({ text, replyLost }) => {
    const { connection, written, send } = scriptedConnection(KEEPING);
    const running = connection.run();
    connection.check(Number.MAX_SAFE_INTEGER, false);
    await send(text);
    if (text !== null) await send(null);
    const report = await running;
    assertEquals(written(), "");
    assertEquals(report.outcome, "ok");
    assertEquals(report.replyLost, replyLost);
  },
);

/** Patience that differs from the short one. */
const PATIENT = { ...KEEPING, lingerTimeout: 20_000, idleTimeout: 40_000 };

Deno.test.each([
  { name: "just now", idleMs: 500, isPatient: true },
  { name: "long ago", idleMs: 30_000, isPatient: false },
])(
  "ServerConnection that ends in silence waits for a reply sent $name to arrive",
  async ({ idleMs, isPatient }) => {
    const { connection, send, pass, isClosed } = scriptedConnection(PATIENT);
    const report = connection.run();
    await send("a;");
    await pass(idleMs);
    connection.finishSoon();
    await pass(1000);
    await pass(8000);
    assertEquals(isClosed(), !isPatient);
    await pass(16_000);
    assertEquals((await report).replyLost, isPatient);
  },
);

Deno.test("ServerConnection that ends in silence does not count on a reply just sent, however short lingerTimeout is", async () => {
  const { connection, send, pass } = scriptedConnection({
    ...KEEPING,
    lingerTimeout: 300,
  });
  const report = connection.run();
  await send("a;");
  connection.finishSoon();
  await pass(600);
  await pass(400);
  assertEquals((await report).replyLost, true);
});

Deno.test("ServerConnection knows that a reply arrived by the end of file", async () => {
  const { connection, send, pass } = scriptedConnection(PATIENT);
  const report = connection.run();
  await send("a;");
  connection.finishSoon();
  await pass(1000);
  await pass(8000);
  await send(null);
  assertEquals((await report).replyLost, false);
});
