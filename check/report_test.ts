import { assertEquals } from "@std/assert";
import type { Finding, Loss } from "./finding.ts";
import {
  type CheckedConversation,
  type ConversationName,
  toReport,
} from "./report.ts";

const NAMES: ConversationName[] = [
  ...["half-close after", "half-close before", "no end marker"] as const,
  ...["slow reader", "early refusal"] as const,
];

/** Conversations in their order: what each has lost, else its finding. */
function conversationsOf(
  ...results: ("kept" | "unknown" | Loss)[]
): CheckedConversation[] {
  return results.map((result, index) => {
    const isLoss = result !== "kept" && result !== "unknown";
    return {
      name: NAMES[index]!,
      finding: isLoss ? "lost" : result as Finding,
      ...(isLoss && { loss: result }),
      bytesSent: 1,
      bytesReceived: 1,
      error: null,
      ending: "end of file",
      durationMs: 1,
    };
  });
}

Deno.test.each<{
  name: string;
  results: ("kept" | "unknown" | Loss)[];
  finding: Finding;
  losses: Loss[];
  longestPauseMs: number;
}>([
  {
    name: "nothing is lost",
    results: ["kept", "kept", "kept", "kept", "kept"],
    finding: "kept",
    losses: [],
    longestPauseMs: 3000,
  },
  {
    name: "a half-close is taken for a close",
    results: ["kept", "half-close", "half-close", "half-close", "kept"],
    finding: "lost",
    losses: ["half-close"],
    longestPauseMs: 3000,
  },
  {
    name: "only a reply that takes time is lost",
    results: ["kept", "half-close", "kept", "time limit", "kept"],
    finding: "lost",
    losses: ["time limit"],
    longestPauseMs: 3000,
  },
  {
    name: "replies are lost in two manners",
    results: ["unknown", "end of file", "end of file", "unknown", "upload"],
    finding: "lost",
    losses: ["end of file", "upload"],
    longestPauseMs: 0,
  },
  {
    name: "there is no reply to compare with",
    results: ["kept", "unknown", "unknown", "unknown", "unknown"],
    finding: "unknown",
    losses: [],
    longestPauseMs: 0,
  },
  {
    name: "the server sends no large reply",
    results: ["kept", "kept", "kept", "unknown", "kept"],
    finding: "kept",
    losses: [],
    longestPauseMs: 0,
  },
])("toReport() where $name", (test) => {
  const conversations = conversationsOf(...test.results);
  const { finding, losses, longestPauseMs } = toReport(conversations, 3000);
  assertEquals(finding, test.finding);
  assertEquals<unknown>(losses, test.losses);
  assertEquals(longestPauseMs, test.longestPauseMs);
});

Deno.test("toReport() with an obstacle is unknown", () => {
  const { finding } = toReport([], 3000, { reason: "silence" });
  assertEquals(finding, "unknown");
});
