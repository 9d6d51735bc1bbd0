/**
 * What a path check found, as data. `cli/check_text.ts` has it in words.
 *
 * @module
 */
import type { Finding, Loss, Remark } from "./finding.ts";
import type { Obstacle } from "./obstacle.ts";
import type { Ending } from "./probe.ts";

/** The conversations of a check, in their order. */
export type ConversationName =
  /** A small message; the client half-closes after the reply. */
  | "half-close after"
  /** A small message; the client half-closes before the reply. */
  | "half-close before"
  /** A message without an end marker, and then the half-close. */
  | "no end marker"
  /** A large reply to a client that has half-closed and pauses. */
  | "slow reader"
  /** A message above the server's limit, refused while it is sent. */
  | "early refusal";

/** One conversation of a check, and what it shows. */
export interface CheckedConversation {
  /** Which conversation. */
  readonly name: ConversationName;
  /** Whether the reply came through. */
  readonly finding: Finding;
  /** What lost the reply; undefined where it was not lost. */
  readonly loss?: Loss | undefined;
  /** Why, where `ending` does not show it. */
  readonly remark?: Remark | undefined;
  /** How many bytes were sent. */
  readonly bytesSent: number;
  /** How many bytes of a reply came back. */
  readonly bytesReceived: number;
  /** The code of the error reply; null where another reply came, or none. */
  readonly error: string | null;
  /** How the reply ended. */
  readonly ending: Ending;
  /** How long it took, without the pause of the slow reader, in ms. */
  readonly durationMs: number;
}

/** What a check found about a path. */
export interface PathReport {
  /** Whether the path keeps replies, all in all. */
  readonly finding: Finding;
  /** What the path does that loses replies, each once; empty if nothing. */
  readonly losses: readonly Loss[];
  /**
   * The longest time for which a half-closed connection was left in silence, in
   * ms: the pause of the slow reader. Longer time limits of the path were not
   * tested. 0 if there was no such pause.
   */
  readonly longestPauseMs: number;
  /** Why not all conversations were run; undefined if they were. */
  readonly obstacle?: Obstacle | undefined;
  /** The conversations that were run, in their order. */
  readonly conversations: readonly CheckedConversation[];
}

/**
 * The report on these conversations.
 *
 * @param pauseMs The pause of the slow reader, in ms.
 */
export function toReport(
  conversations: readonly CheckedConversation[],
  pauseMs: number,
  obstacle?: Obstacle,
): PathReport {
  const losses = lossesOf(conversations);
  const finding = findingOf(conversations, losses, obstacle);
  const slowReader = find(conversations, "slow reader")?.finding ?? "unknown";
  const longestPauseMs = slowReader === "unknown" ? 0 : pauseMs;
  return { finding, losses, longestPauseMs, obstacle, conversations };
}

function findingOf(
  conversations: readonly CheckedConversation[],
  losses: readonly Loss[],
  obstacle: Obstacle | undefined,
): Finding {
  if (losses.length > 0) return "lost";
  if (obstacle !== undefined) return "unknown";
  const before = find(conversations, "half-close before");
  return before?.finding === "unknown" ? "unknown" : "kept";
}

function lossesOf(conversations: readonly CheckedConversation[]): Loss[] {
  // Where an immediate reply comes through and one that takes time does not,
  // the cause is not the half-close, but the time.
  const isTimed = find(conversations, "no end marker")?.finding === "kept";
  const losses = conversations.flatMap(({ loss = [] }) =>
    loss === "half-close" && isTimed ? "time limit" : loss
  );
  return [...new Set(losses)];
}

function find(
  conversations: readonly CheckedConversation[],
  name: ConversationName,
): CheckedConversation | undefined {
  return conversations.find((conversation) => conversation.name === name);
}
