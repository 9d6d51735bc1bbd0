/**
 * The texts of `client.ts --check`: the lines of the table, and the verdict.
 *
 * @module
 */
import widthOf from "string-width";
import type {
  CheckedConversation,
  ConversationName,
  Loss,
  Obstacle,
  PathReport,
} from "../check/check.ts";
import { nameOf } from "../client/address.ts";
import { bytesOf, timeOf } from "./amounts.ts";
import { printable } from "./output.ts";

/** What a path does that loses replies, and what to do about it. */
const LOSSES: Record<Loss, { does: string; setting: string }> = {
  "half-close": {
    does: "takes a half-close for a close",
    setting: "let it pass the half-close on (nginx: proxy_half_close on; " +
      "Node: allowHalfOpen: true; HAProxy: no option nolinger)",
  },
  "time limit": {
    does: "ends a half-closed connection too soon",
    setting: "give it more time (socat: -t; HAProxy: timeout client-fin and " +
      "timeout server-fin)",
  },
  "end of file": {
    does: "keeps the server's end of file back",
    setting: "use a reply marker on both sides (--reply-marker)",
  },
  "reset": {
    does: "resets the connection after the reply",
    setting: "let it close in order (HAProxy: no option nolinger)",
  },
  "upload": {
    does: "drops what the server replies in the middle of an upload",
    setting: "keep messages below the server's limit (--max-bytes)",
  },
};

/** The verdict on a path as a sentence, with what to do about it. */
export function verdictOf(report: PathReport): string {
  const { finding, obstacle, conversations } = report;
  if (finding === "lost") return lostVerdict(report);
  if (obstacle !== undefined) {
    return `could not tell: ${obstacleText(obstacle)}`;
  }
  if (finding === "unknown") return "could not tell: no reply to compare with";
  const unknown = conversations.filter(({ finding }) => finding === "unknown")
    .map(({ name }) => name);
  const but = unknown.length === 0 ? "" : `; unknown: ${unknown.join(", ")}`;
  return `this path keeps the last word${but}`;
}

/**
 * What a check did not test, in a sentence; undefined where it could not tell
 * anything.
 */
export function untestedOf(
  { finding, longestPauseMs }: PathReport,
): string | undefined {
  if (finding === "unknown") return undefined;
  const limits = longestPauseMs === 0
    ? "time limits"
    : `time limits longer than ${timeOf(longestPauseMs)} (--pause)`;
  return `not tested: ${limits}, connections that are idle between messages, ` +
    "and what the path does under load";
}

function lostVerdict({ losses, conversations }: PathReport): string {
  const does = losses.map((loss) => LOSSES[loss].does).join(", and ");
  const settings = losses.map((loss) => LOSSES[loss].setting);
  const advice = [...halfCloseAdvice(conversations, losses), ...settings];
  return `this path loses the last word: it ${does}; ${advice.join(", or ")}`;
}

/** Where nothing is half-closed before the reply, it may come through. */
function halfCloseAdvice(
  [after]: readonly CheckedConversation[],
  losses: readonly Loss[],
): string[] {
  const isHelped = losses.includes("half-close") ||
    losses.includes("time limit");
  if (!isHelped || after === undefined) return [];
  const advice = "half-close after the reply (--half-close after)";
  // The reply came, and no end of file: something else has to end it.
  const withMarker = ", with a reply marker (--reply-marker)";
  return [after.finding === "kept" ? advice : advice + withMarker];
}

function obstacleText(obstacle: Obstacle): string {
  switch (obstacle.reason) {
    case "not connected":
      return obstacle.message;
    case "connect timed out":
      return `Cannot connect to ${nameOf(obstacle.address)}: ` +
        `nothing for ${timeOf(obstacle.timeoutMs)}`;
    case "other marker":
      return `the server replies ERROR:${obstacle.error}!: ` +
        "both sides need the same --marker";
    case "busy":
      return `the server replies ERROR:${obstacle.error}!`;
    case "endless reply":
      return "the reply has no end";
    case "TLS":
      return "the server speaks TLS: --tls";
    case "keep-alive":
      return "the server keeps the connection open: give its --reply-marker";
    case "silence":
      return "the server sends nothing: both sides need the same --marker, " +
        "or it needs a longer --timeout";
    case "no reply":
      return "no reply comes, even with a half-close after it";
  }
}

/** The widths of the columns before the finding. */
const WIDTHS = [19, 11, 18, 24] as const;

/** The heading of the table. */
export function heading(): string {
  return columns(["conversation", "sent", "came back", "ended in"]);
}

/** The beginning of a line, printed before the conversation. */
export function lineStart(name: ConversationName): string {
  return name.padEnd(WIDTHS[0]);
}

/** The rest of the line, printed after the conversation. */
export function lineRest(conversation: CheckedConversation): string {
  const { bytesSent, ending, remark, durationMs, finding } = conversation;
  const ended = `${remark ?? ending}, ${timeOf(durationMs)}`;
  const cells = ["", bytesOf(bytesSent), cameBack(conversation), ended];
  return columns(cells).slice(WIDTHS[0]) +
    (finding === "lost" ? "LOST" : finding);
}

function cameBack({ error, bytesReceived }: CheckedConversation): string {
  if (error !== null) return printable(`ERROR:${error}!`);
  return bytesReceived === 0 ? "nothing" : bytesOf(bytesReceived);
}

/** Each cell as wide as its column, the last space of which stays free. */
function columns(cells: readonly string[]): string {
  return cells.map((cell, index) => fit(cell, WIDTHS[index] ?? 0)).join("");
}

function fit(text: string, width: number): string {
  let shown = text;
  while (widthOf(shown) > width - 1) {
    shown = `${[...shown].slice(0, -2).join("")}…`;
  }
  return shown + " ".repeat(width - widthOf(shown));
}
