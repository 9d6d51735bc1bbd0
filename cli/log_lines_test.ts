import { assertEquals } from "@std/assert";
import type { ConversationReport } from "../server/report.ts";
import { toErrorLine, toJson, toLine, toNote, toSummary } from "./log_lines.ts";
import { addTally, emptyTally } from "./tally.ts";

/** What a client, or a handler that repeats it, may get into the log. */
const HOSTILE = "\x1b[31mred\r\n2030 forged line";
const ESCAPED = "\\x1b[31mred\\x0d\\x0a2030 forged line";

const REPORT: ConversationReport = {
  remoteAddr: { transport: "tcp", hostname: "::1", port: 5000 },
  outcome: HOSTILE,
  messages: 1,
  bytesIn: 24,
  bytesOut: 10,
  durationMs: 1.25,
  replyLost: true,
  error: new Error(HOSTILE),
};

/** A line without its time. */
const untimed = (line: string) => line.replace(/^\S+Z /, "");

Deno.test("toLine() escapes what a client has chosen", () => {
  assertEquals(
    untimed(toLine(REPORT)),
    `[::1]:5000 ${ESCAPED}, 24 bytes in, 10 out, 1.3 ms, ` +
      `reply probably lost, Error: ${ESCAPED}`,
  );
});

Deno.test("toJson() writes one line, with the text unchanged in it", () => {
  const line = toJson(REPORT);
  assertEquals(line.includes("\n"), false);
  const { outcome, error, peer } = JSON.parse(line);
  assertEquals([outcome, error], [HOSTILE, `Error: ${HOSTILE}`]);
  assertEquals(peer, "[::1]:5000");
});

Deno.test("toErrorLine() and toNote() escape their text", () => {
  assertEquals(untimed(toErrorLine("text", HOSTILE)), ESCAPED);
  const { remoteAddr } = REPORT;
  assertEquals(
    untimed(toErrorLine("text", new TypeError(HOSTILE), remoteAddr)),
    `[::1]:5000 TypeError: ${ESCAPED}`,
  );
  assertEquals(untimed(toNote("text", HOSTILE)), ESCAPED);
});

Deno.test("toSummary() escapes outcomes, and adds them up", () => {
  const tally = emptyTally();
  for (const outcome of ["ok", HOSTILE, "ok"]) {
    const conversations = { [outcome]: 1 };
    addTally(tally, { conversations, bytesIn: 2, bytesOut: 3, repliesLost: 1 });
  }
  assertEquals(
    untimed(toSummary("text", tally)),
    `3 conversations (ok 2, ${ESCAPED} 1), 6 bytes in, 9 out, ` +
      "3 replies probably lost",
  );
});
