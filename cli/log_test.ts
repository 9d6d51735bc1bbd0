import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ConversationReport } from "../server/report.ts";
import { Log } from "./log.ts";

const REPORT: ConversationReport = {
  remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 5000 },
  outcome: "ok",
  messages: 1,
  bytesIn: 24,
  bytesOut: 10,
  durationMs: 1.25,
  replyLost: false,
};

/** An output that accepts few bytes a write, as a pipe may. */
function fakeOutput() {
  const decoder = new TextDecoder();
  return {
    text: "",
    writes: 0,
    write(bytes: Uint8Array) {
      const taken = bytes.subarray(0, 1000);
      this.text += decoder.decode(taken, { stream: true });
      this.writes++;
      return Promise.resolve(taken.length);
    },
  };
}

const TIME = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z";

Deno.test("conversation() writes a line, and summary() the totals", async () => {
  const out = fakeOutput();
  const log = new Log("text", out);
  log.conversation(REPORT);
  log.conversation({
    ...REPORT,
    remoteAddr: { transport: "tcp", hostname: "::1", port: 5001 },
    outcome: "failed",
    replyLost: true,
    error: new Error("two\nlines \x1b[31m"),
  });
  log.error(new Error("Too many open files"));
  log.summary();
  assertEquals(await log.close(), true);
  const expected = [
    "127.0.0.1:5000 ok, 24 bytes in, 10 out, 1.3 ms",
    "[::1]:5001 failed, 24 bytes in, 10 out, 1.3 ms, " +
    "reply probably lost, Error: two\\x0alines \\x1b[31m",
    "Error: Too many open files",
    "2 conversations (ok 1, failed 1), 48 bytes in, 20 out, " +
    "1 replies probably lost",
    "",
  ];
  const lines = out.text.split("\n");
  for (const line of lines.slice(0, -1)) assertMatch(line, RegExp(`^${TIME} `));
  assertEquals(lines.map((line) => line.replace(/^\S+ /, "")), expected);
});

Deno.test("conversation() writes JSON, one object a line", async () => {
  const out = fakeOutput();
  const log = new Log("json", out);
  log.conversation({ ...REPORT, outcome: "failed", error: "why\n" });
  log.summary();
  await log.close();
  const [line, summary] = out.text.trimEnd().split("\n").map((line) =>
    JSON.parse(line)
  );
  assertMatch(line.time, RegExp(TIME));
  assertEquals(line, {
    time: line.time,
    peer: "127.0.0.1:5000",
    outcome: "failed",
    messages: 1,
    bytesIn: 24,
    bytesOut: 10,
    durationMs: 1.3,
    replyLost: false,
    error: "why\n",
  });
  assertEquals(summary, {
    time: summary.time,
    conversations: { failed: 1 },
    bytesIn: 24,
    bytesOut: 10,
    repliesLost: 0,
  });
});

Deno.test("close() writes all lines, many in one write", async () => {
  const out = fakeOutput();
  const log = new Log("text", out);
  for (let i = 0; i < 2000; i++) log.conversation(REPORT);
  assertEquals(await log.close(), true);
  assertEquals(out.text.split("\n").length, 2001);
  // Each write accepts 1000 bytes of lines of about 80 bytes.
  assert(out.writes < 200, `${out.writes} writes`);
});

Deno.test("error() does not wait for a stuck output, and counts dropped lines", async () => {
  const stuck = Promise.withResolvers<void>();
  let text = "";
  const log = new Log("text", {
    async write(bytes) {
      await stuck.promise;
      text += new TextDecoder().decode(bytes);
      return bytes.length;
    },
  });
  const long = "x".repeat(1024 * 1024);
  for (let i = 0; i < 20; i++) log.error(long);
  stuck.resolve();
  await log.close();
  log.error("again");
  await log.close();
  const lines = text.split("\n").map((line) => line.replace(/^\S+ /, ""));
  const kept = lines.filter((line) => line === long).length;
  assertEquals(lines.slice(kept), [
    `${20 - kept} lines are missing here`,
    "again",
    "",
  ]);
  assert(kept < 15);
});

Deno.test("conversation() counts on when the output has failed", async () => {
  let writes = 0;
  const log = new Log("text", {
    write() {
      writes++;
      return Promise.reject(new Deno.errors.BrokenPipe());
    },
  });
  log.conversation(REPORT);
  await log.close();
  log.conversation(REPORT);
  await log.close();
  assertEquals(writes, 1);
  assertEquals(log.tally.conversations, { ok: 2 });
});

Deno.test("add() adds the totals of another log", () => {
  const [one, other] = [new Log("text", null), new Log("text", null)];
  one.conversation(REPORT);
  other.conversation({ ...REPORT, outcome: "busy", replyLost: true });
  other.conversation(REPORT);
  one.add(other.tally);
  assertEquals(one.tally, {
    conversations: { ok: 2, busy: 1 },
    bytesIn: 72,
    bytesOut: 30,
    repliesLost: 1,
  });
});
