/**
 * The page of the paths, `docs/paths.md`.
 *
 * @module
 */
import {
  type Found,
  found,
  foundAll,
  type Measured,
  NAMES,
  PAUSE,
  THINKING,
} from "./measure.ts";
import { missingPackages, type Name, type Path } from "./path.ts";

/** What was found of each path; null where it is not installed. */
export type Results = ReadonlyMap<Path, Measured | null>;

/** A path in Markdown: the program and its setting. */
export function titleOf({ program, setting }: Path): string {
  return `${program}, ${setting}`;
}

/** How the findings are written. */
const WORDS: Record<Found, string> = {
  "kept": "kept",
  "lost": "LOST",
  "unknown": "unknown",
  "by chance": "by chance",
};

/** The cells of a path's row, without the title. */
export function cellsOf(measured: Measured): string[] {
  const word = (quick: Found, slow: Found) =>
    quick === slow ? WORDS[quick] : `${WORDS[quick]}; slow: ${WORDS[slow]}`;
  return [
    WORDS[foundAll(measured, "quick")],
    WORDS[foundAll(measured, "slow")],
    ...NAMES.map((name) =>
      word(found(measured, "quick", name), found(measured, "slow", name))
    ),
  ];
}

/** The page. */
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

A reply can be lost between the server and a client that has half-closed: by a
proxy that takes the half-close for a close. \`client.ts --check\` holds five
conversations through a path, and says whether it keeps the last word. Here is
what it says of programs as they are used between a client and a server.

\`deno task paths\` started each on this machine, before a server that answers at
once and before one that thinks for ${seconds(THINKING)}. The slow reader paused
for ${seconds(PAUSE)}. On ${versions.join(", ")}.`;
}

const COLUMNS: Record<Name, string> = {
  "half-close after": "after",
  "half-close before": "before",
  "no end marker": "no marker",
  "slow reader": "slow reader",
  "early refusal": "refusal",
};

function table(results: Results): string {
  const heads = ["path", "quick server", "slow server"];
  const columns = [...heads, ...NAMES.map((name) => COLUMNS[name])];
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

- **quick server**, **slow server**: the verdict of \`--check\`, with each.
- **after**: the client half-closes after the reply.
- **before**: it half-closes before the reply.
- **no marker**: no end marker comes, and then the half-close. The last word is
  \`ERROR:no end!\`.
- **slow reader**: a large reply, to a client that has half-closed and pauses.
- **refusal**: \`ERROR:too large!\`, said in the middle of an upload.

"slow:" is the slow server, where it makes a difference. "by chance" is what was
found to be kept at one time and lost at another. "unknown" is where the check
cannot tell: a reply came and no end of file, or no reply to compare with.

With \`--half-close after\` the reply came through every path of the table. But
then a server that misses the marker has only its time limit to notice.`;
}

/** A section for each program, with its settings. */
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
  if (paths.length === 0) return "Not installed, and so not measured: none.";
  const packages = new Set(paths.flatMap(([path]) => missingPackages(path)));
  const names = [...packages].join(", ");
  return `Not installed, and so not measured; Debian's packages: ${names}.`;
}

/** What is said of a path that is not there. */
export function notInstalled(path: Path): string {
  return `not installed (Debian: ${missingPackages(path).join(", ")})`;
}

function seconds(milliseconds: number): string {
  return `${milliseconds / 1000} s`;
}
