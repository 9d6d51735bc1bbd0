/**
 * What a check found of a path, in words.
 *
 * @module
 */
import widthOf from "string-width";
import { timeOf } from "./amounts.ts";
import type { Finding, Loss } from "./finding.ts";

/** One conversation of a check, and what was found. The texts are for people. */
export interface Checked {
  /** Which it was. */
  readonly name:
    | "half-close after"
    | "half-close before"
    | "no end marker"
    | "slow reader"
    | "early refusal";
  /** What it shows. */
  readonly finding: Finding;
  /** How the last word was lost, where it was. */
  readonly loss?: Loss | undefined;
  /** How much was sent. */
  readonly sent: string;
  /** What came back. */
  readonly cameBack: string;
  /** How it ended. */
  readonly ending: string;
  /** How long it took, in ms, without the pause of the slow reader. */
  readonly milliseconds: number;
}

/** What was found of a path. */
export interface PathReport {
  /** All in all. */
  readonly finding: Finding;
  /** The same in a sentence, with what to do about it. */
  readonly verdict: string;
  /** What it is made of. */
  readonly conversations: readonly Checked[];
}

/** What a path does, and what to do about it. */
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
    does: "resets the connection behind the reply",
    setting: "let it close in order (HAProxy: no option nolinger)",
  },
  "upload": {
    does: "drops what the server says in the middle of an upload",
    setting: "keep messages below the server's limit (--max-bytes)",
  },
};

/**
 * The verdict on these conversations.
 *
 * @param unfit Why they were not held to the end, if they were not.
 */
export function toVerdict(
  conversations: readonly Checked[],
  unfit?: string,
): PathReport {
  const of = (finding: Finding) =>
    conversations.filter((checked) => checked.finding === finding);
  const report = (finding: Finding, verdict: string): PathReport => ({
    finding,
    verdict,
    conversations,
  });
  const losses = lossesOf(conversations);
  if (losses.length > 0) {
    return report("lost", lostVerdict(conversations, losses));
  }
  if (unfit !== undefined) return report("unknown", `could not tell: ${unfit}`);
  const untold = of("unknown").map(({ name }) => name);
  if (untold.includes("half-close before")) {
    return report("unknown", "could not tell: no reply to compare with");
  }
  const but = untold.length === 0 ? "" : `; not told: ${untold.join(", ")}`;
  return report("kept", `this path keeps the last word${but}`);
}

/** What the path does, each once. */
function lossesOf(conversations: readonly Checked[]): Loss[] {
  const find = (name: Checked["name"]) =>
    conversations.find((checked) => checked.name === name);
  // A word that is said at once comes through where a reply that takes time
  // does not: so it is not the half-close, but the time.
  const isTimed = find("no end marker")?.finding === "kept";
  const losses = conversations.flatMap(({ loss = [] }) =>
    loss === "half-close" && isTimed ? "time limit" : loss
  );
  return [...new Set(losses)];
}

function lostVerdict(
  conversations: readonly Checked[],
  losses: readonly Loss[],
): string {
  const does = losses.map((loss) => LOSSES[loss].does).join(", and ");
  const settings = losses.map((loss) => LOSSES[loss].setting);
  const advice = [...afterAdvice(conversations, losses), ...settings];
  return `this path loses the last word: it ${does}; ` +
    advice.join(", or ");
}

/** Where nothing is half-closed before the reply, it may come through. */
function afterAdvice(
  conversations: readonly Checked[],
  losses: readonly Loss[],
): string[] {
  const isHelped = losses.includes("half-close") ||
    losses.includes("time limit");
  const [after] = conversations;
  if (!isHelped || after === undefined) return [];
  const advice = "half-close after the reply (--half-close after)";
  // The reply came, and no end of file: something else has to end it.
  const withMarker = ", with a reply marker (--reply-marker)";
  return [after.finding === "kept" ? advice : advice + withMarker];
}

const COLUMNS = [19, 11, 18, 24] as const;

/** The heading of the lines. */
export function heading(): string {
  return columns(["conversation", "sent", "came back", "ended in"]);
}

/** The beginning of a line, before the conversation. */
export function beginningOf(name: Checked["name"]): string {
  return name.padEnd(COLUMNS[0]);
}

/** The rest of it, behind the conversation. */
export function restOf(checked: Checked): string {
  const { sent, cameBack, ending, milliseconds, finding } = checked;
  const ended = `${ending}, ${timeOf(milliseconds)}`;
  const [beginning] = COLUMNS;
  return columns(["", sent, cameBack, ended]).slice(beginning) +
    (finding === "lost" ? "LOST" : finding);
}

/** Each cell as wide as its column, the last space of which stays free. */
function columns(cells: readonly string[]): string {
  return cells.map((cell, index) => fit(cell, COLUMNS[index] ?? 0)).join("");
}

function fit(text: string, width: number): string {
  let shown = text;
  while (widthOf(shown) > width - 1) {
    shown = `${[...shown].slice(0, -2).join("")}…`;
  }
  return shown + " ".repeat(width - widthOf(shown));
}
