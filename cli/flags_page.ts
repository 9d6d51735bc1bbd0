/**
 * The tables of flags in docs/cli.md. As a script, writes them anew after a
 * flag has changed: `deno run --allow-read --allow-write cli/flags_page.ts`.
 *
 * @module
 */
import type { Flag } from "./flag_table.ts";
import {
  CLIENT_SCRIPT,
  DEMO_SCRIPT,
  type Script,
  SERVER_SCRIPT,
} from "./help.ts";

/** The page that has the tables. */
export const FLAGS_PAGE = new URL("../docs/cli.md", import.meta.url);

/**
 * Returns the page with its tables of flags as they have to be. A table stands
 * between two comments, `<!-- flags of server.ts -->` and `<!-- end -->`.
 *
 * @throws {Error} If the comments of a script are missing.
 */
export function withFlagTables(page: string): string {
  return [SERVER_SCRIPT, CLIENT_SCRIPT, DEMO_SCRIPT].reduce((page, script) => {
    const begin = `<!-- flags of ${script.file} -->\n`;
    const start = page.indexOf(begin);
    const end = page.indexOf("<!-- end -->", start);
    if (start === -1 || end === -1) {
      throw new Error(`Cannot find the place for the flags of ${script.file}`);
    }
    return page.slice(0, start) + begin + "\n" + flagTable(script) + "\n" +
      page.slice(end);
  }, page);
}

/** Returns the Markdown table of a script's flags, as `deno fmt` leaves it. */
export function flagTable({ flags, functionName }: Script): string {
  const rows = [
    [
      ...["flag", "what it does", "default"],
      ...functionName === undefined ? [] : [`option of \`${functionName}()\``],
    ],
    ...Object.entries(flags).map(([name, flag]) => [
      code(`--${name}${flag.value === undefined ? "" : ` ${flag.value}`}`),
      meaningOf(flag),
      defaultOf(flag),
      ...functionName === undefined ? [] : [code(flag.option ?? "")],
    ]),
  ].map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = rows[0]!.map((_, column) =>
    Math.max(...rows.map((row) => row[column]!.length))
  );
  const toLine = (row: readonly string[]) =>
    `| ${
      row.map((cell, index) => cell.padEnd(widths[index]!)).join(" | ")
    } |\n`;
  const [heading, ...body] = rows.map(toLine);
  return heading + toLine(widths.map((width) => "-".repeat(width))) +
    body.join("");
}

/** What a flag does, and which other flags it needs and excludes. */
function meaningOf(flag: Flag): string {
  const { help, needs = [], excludes = [], excludesWhen } = flag;
  const clause = excludesWhen === undefined ? "" : ` ${excludesWhen.clause}`;
  const rules = [
    ...(needs.length === 0 ? [] : [`needs --${needs.join(" or --")}`]),
    ...(excludes.length === 0
      ? []
      : [`excludes --${excludes.join(", --")}${clause}`]),
  ];
  return codeFlags([help, ...rules].join("; "));
}

function code(text: string): string {
  return text === "" ? "" : `\`${text}\``;
}

/** Sets the names of flags in code spans. */
function codeFlags(text: string): string {
  return text.replace(/--[a-z-]+/g, code);
}

/** Sets values in code spans. */
function defaultOf({ default: shown = "" }: Flag): string {
  // One word is a value; of a phrase, the flags and the markers are.
  return /^[\w.]*$/.test(shown)
    ? code(shown)
    : codeFlags(shown).replace(/[A-Z]+ WRONG MARKER/g, code);
}

if (import.meta.main) {
  const page = Deno.readTextFileSync(FLAGS_PAGE);
  Deno.writeTextFileSync(FLAGS_PAGE, withFlagTables(page));
}
