/**
 * The text of the page `docs/paths.md`.
 *
 * @module
 */
import type { ConversationName } from "../check/check.ts";
import {
  CONVERSATIONS,
  type Found,
  found,
  foundAll,
  type Measured,
  PAUSE_MS,
  REPLY_DELAY_MS,
} from "./measure.ts";
import { missingPackages, type Path } from "./path.ts";

/** The measurement of each path; null where it is not installed. */
export type Results = ReadonlyMap<Path, Measured | null>;

/** The title of a path in Markdown: the program and its setting. */
export function titleOf({ program, setting }: Path): string {
  return `${program}, ${setting}`;
}

/** The words for the findings. */
const WORDS: Record<Found, string> = {
  "kept": "kept",
  "lost": "LOST",
  "unknown": "unknown",
  "by chance": "by chance",
};

/** The cells of a path's row in the table, without the title. */
export function cellsOf(measured: Measured): string[] {
  const word = (quick: Found, slow: Found) =>
    quick === slow ? WORDS[quick] : `${WORDS[quick]}; slow: ${WORDS[slow]}`;
  return [
    WORDS[foundAll(measured, "quick")],
    WORDS[foundAll(measured, "slow")],
    ...CONVERSATIONS.map((name) =>
      word(found(measured, "quick", name), found(measured, "slow", name))
    ),
  ];
}

/** The page in Markdown. */
export function pageOf(results: Results, versions: readonly string[]): string {
  return [
    introduction(versions),
    table(results),
    legend(),
    ...explanations(results),
    absent(results),
  ].join("\n\n") + "\n";
}

function introduction(versions: readonly string[]): string {
  return `# What paths do to a half-close

<!-- Written by \`deno task paths\`: change paths/, and run it. -->

A proxy, a tunnel or another program between a client and a server may treat a
half-close as a close, and then the reply is lost. \`client.ts --check\` runs five
conversations over such a path, and reports whether the path keeps the reply.
This page has the results for programs that are commonly used between a client
and a server.

\`deno task paths\` started each program on one machine, with a quick server,
which replies at once, and with a slow server, which replies after
${seconds(REPLY_DELAY_MS)}. The slow reader paused for ${seconds(PAUSE_MS)}. The
versions: ${versions.join(", ")}.`;
}

const COLUMNS: Record<ConversationName, string> = {
  "half-close after": "after",
  "half-close before": "before",
  "no end marker": "no marker",
  "slow reader": "slow reader",
  "early refusal": "refusal",
};

function table(results: Results): string {
  const heads = ["path", "quick server", "slow server"];
  const columns = [...heads, ...CONVERSATIONS.map((name) => COLUMNS[name])];
  const rows = [...results].map(([path, measured]) => [
    titleOf(path),
    ...measured === null
      ? [notInstalled(path), ...columns.slice(2).map(() => "")]
      : cellsOf(measured),
  ]);
  const ruler = columns.map(() => "---");
  return [columns, ruler, ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

function legend(): string {
  return `The columns:

- **quick server**, **slow server**: the verdict of \`--check\` with that server.
- **after**: the client half-closes after the reply.
- **before**: the client half-closes before the reply.
- **no marker**: the client sends no end marker and half-closes. The reply is
  \`ERROR:no end!\`.
- **slow reader**: a large reply to a client that has half-closed and pauses.
- **refusal**: the reply \`ERROR:too large!\` in the middle of an upload.

The findings:

- **kept**: the complete reply arrived.
- **LOST**: the reply was truncated, or did not arrive at all.
- **by chance**: the reply was kept in some runs and lost in others.
- **unknown**: the check has no result, because the reply arrived without an end
  of file, or because there was no reply to compare with.
- **slow:** the finding with the slow server, if it differs.

With \`--half-close after\` the reply arrived over every path of the table. But
then the server detects a missing marker only when its time limit passes.`;
}

/** A section for each program, with a paragraph for each setting. */
function explanations(results: Results): string[] {
  const programs = Map.groupBy(results.keys(), ({ program }) => program);
  return [...programs].map(([program, paths]) => {
    const settings = paths.map((path) => explanation(path, results.get(path)));
    return `## ${program}\n\n${settings.join("\n\n")}`;
  });
}

function explanation(path: Path, measured?: Measured | null): string {
  const { setting, means, manual, remedy } = path;
  const isKept = measured && cellsOf(measured).every((cell) => cell === "kept");
  const help = remedy === undefined || isKept ? "" : ` What helps: ${remedy}`;
  return `**${setting}.** ${means} (${manual}.)${help}`;
}

function absent(results: Results): string {
  const paths = [...results].filter(([, measured]) => measured === null);
  if (paths.length === 0) return "All programs were installed and measured.";
  const packages = new Set(paths.flatMap(([path]) => missingPackages(path)));
  const names = [...packages].join(", ");
  return `Not installed, and therefore not measured; Debian packages: ${names}.`;
}

/** The text for a path that is not installed. */
export function notInstalled(path: Path): string {
  return `not installed (Debian: ${missingPackages(path).join(", ")})`;
}

function seconds(ms: number): string {
  return `${ms / 1000} s`;
}
