import { assertEquals, assertMatch } from "@std/assert";
import type { ConversationReport } from "./conversation.ts";
import { Log } from "./log.ts";

const REPORT: ConversationReport = {
  remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 5000 },
  outcome: "end",
  bytesIn: 24,
  bytesOut: 10,
  milliseconds: 1.25,
  lastWordLost: false,
};

/** Where lines go, a few bytes a write as a pipe may take them. */
function paper() {
  const decoder = new TextDecoder();
  return {
    text: "",
    writes: 0,
    writeSync(bytes: Uint8Array) {
      const taken = bytes.subarray(0, 1000);
      this.text += decoder.decode(taken, { stream: true });
      this.writes++;
      return taken.length;
    },
  };
}

const TIME = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z";

Deno.test("Log writes a line for each conversation and a summary", () => {
  const out = paper();
  {
    using log = new Log("text", out);
    log.conversation(REPORT);
    log.conversation({
      ...REPORT,
      remoteAddr: { transport: "tcp", hostname: "::1", port: 5001 },
      outcome: "failed",
      lastWordLost: true,
      error: new Error("two\nlines \x1b[31m"),
    });
    log.trouble(new Error("Too many open files"));
    log.summary();
  }
  const lines = out.text.split("\n");
  assertMatch(
    lines[0] ?? "",
    RegExp(`^${TIME} 127.0.0.1:5000 end, 24 bytes in, 10 out, 1.3 ms$`),
  );
  assertMatch(
    lines[1] ?? "",
    RegExp(
      `^${TIME} \\[::1\\]:5001 failed, .*, last word probably lost, ` +
        "Error: two\\\\x0alines \\\\x1b\\[31m$",
    ),
  );
  assertMatch(lines[2] ?? "", RegExp(`^${TIME} Error: Too many open files$`));
  assertMatch(
    lines[3] ?? "",
    RegExp(
      `^${TIME} 2 conversations \\(end 1, failed 1\\), ` +
        "48 bytes in, 20 out, 1 last words probably lost$",
    ),
  );
  assertEquals(lines.length, 5);
});

Deno.test("Log writes JSON, one object a line", () => {
  const out = paper();
  {
    using log = new Log("json", out);
    log.conversation({ ...REPORT, outcome: "failed", error: "why\n" });
    log.summary();
  }
  const [line, summary] = out.text.trimEnd().split("\n").map((line) =>
    JSON.parse(line)
  );
  assertMatch(line.time, RegExp(TIME));
  assertEquals(line, {
    time: line.time,
    peer: "127.0.0.1:5000",
    outcome: "failed",
    bytesIn: 24,
    bytesOut: 10,
    milliseconds: 1.3,
    lastWordLost: false,
    error: "why\n",
  });
  assertEquals(summary, {
    time: summary.time,
    conversations: { failed: 1 },
    bytesIn: 24,
    bytesOut: 10,
    lastWordsLost: 0,
  });
});

Deno.test("Log gathers lines, and loses none", () => {
  const out = paper();
  {
    using log = new Log("text", out);
    for (let i = 0; i < 2000; i++) log.conversation(REPORT);
  }
  assertEquals(out.text.split("\n").length, 2001);
  // Each write takes 1000 bytes of lines that are about 80 bytes long.
  assertEquals(out.writes < 200, true, `${out.writes} writes`);
});

Deno.test("Log counts even when nobody reads it", () => {
  using log = new Log("text", null);
  log.conversation(REPORT);
  log.summary();
});
