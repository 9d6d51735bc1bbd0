import { assertEquals, assertStringIncludes } from "@std/assert";
import type {
  CheckedConversation,
  Finding,
  PathReport,
} from "../check/check.ts";
import { untestedOf, verdictOf } from "./check_text.ts";

/** A report with a loss that a later half-close helps against. */
function reportOf(
  after: Finding,
  report: Partial<PathReport> = {},
): PathReport {
  const conversation: CheckedConversation = {
    name: "half-close after",
    finding: after,
    bytesSent: 1,
    bytesReceived: 1,
    error: null,
    ending: "end of file",
    durationMs: 1,
  };
  return {
    finding: "lost",
    losses: ["half-close"],
    longestPauseMs: 0,
    conversations: [conversation],
    ...report,
  };
}

Deno.test("verdictOf() advises a reply marker where no end of file comes", () => {
  const later = "half-close after the reply (--half-close after)";
  const marker = ", with a reply marker (--reply-marker)";
  assertStringIncludes(verdictOf(reportOf("kept")), `; ${later}, or let it`);
  assertStringIncludes(verdictOf(reportOf("unknown")), `; ${later}${marker},`);
});

Deno.test("verdictOf() names all losses", () => {
  const report = reportOf("kept", { losses: ["time limit", "upload"] });
  assertStringIncludes(
    verdictOf(report),
    "it ends a half-closed connection too soon, and drops what the server " +
      "replies in the middle of an upload; ",
  );
});

Deno.test("untestedOf() names the pause, where there was one", () => {
  const longer = untestedOf(reportOf("kept", { longestPauseMs: 3000 }));
  assertStringIncludes(longer!, "time limits longer than 3.0 s (--pause), ");
  assertStringIncludes(untestedOf(reportOf("kept"))!, "tested: time limits, ");
  const unknown = reportOf("kept", { finding: "unknown", losses: [] });
  assertEquals(untestedOf(unknown), undefined);
});
