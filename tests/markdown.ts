/**
 * The parts of a Markdown document that tests compare with the project.
 *
 * @module
 */

/** A block of code. */
export interface CodeBlock {
  /** The words after the fence, `sh` or `ts ignore` for example. */
  readonly info: string;
  /** The lines of the block. */
  readonly lines: readonly string[];
}

/** The blocks of code, indented ones included. */
export function blocksOf(text: string): CodeBlock[] {
  const blocks = text.matchAll(/^( *)```(.*)\n([^]*?)^\1```$/gm);
  return [...blocks].map(([, indent = "", info = "", code = ""]) => ({
    info,
    lines: code.split("\n").slice(0, -1).map((line) =>
      line.slice(indent.length)
    ),
  }));
}

/** The document without its blocks of code. */
export function proseOf(text: string): string {
  return text.replaceAll(/^( *)```.*\n[^]*?^\1```$/gm, "");
}

/** The targets of the links and images. */
export function linksOf(text: string): string[] {
  return [...proseOf(text).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => target);
}

/** The anchors of the headings, as GitHub makes them. */
export function anchorsOf(text: string): string[] {
  return [...proseOf(text).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-")
  );
}

/** The code spans. */
export function spansOf(text: string): string[] {
  return [...proseOf(text).matchAll(/`([^`\n]+)`/g)]
    .map(([, code = ""]) => code);
}

/** The rows below a heading cell, each as its cells; throws if none. */
export function rowsOf(text: string, heading: string): string[][] {
  const lines = text.split("\n");
  const start = lines.findIndex((line) => cellsOf(line)[0] === heading);
  if (start === -1) throw new Error(`no table of: ${heading}`);
  const end = lines.findIndex((line, i) => i > start && !line.startsWith("|"));
  return lines.slice(start + 2, end === -1 ? undefined : end).map(cellsOf);
}

function cellsOf(line: string): string[] {
  if (!line.startsWith("|")) return [];
  // A bar inside a cell is escaped.
  return line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim());
}

/** The first code span of the first cell of each row. */
export function namesOf(text: string, heading: string): string[] {
  return rowsOf(text, heading).map(([cell = ""]) => spansOf(cell)[0] ?? "");
}

/** The section below a heading, up to the next one of any level. */
export function sectionOf(text: string, heading: string): string {
  const start = text.indexOf(`\n${heading}\n`);
  if (start === -1) throw new Error(`no heading: ${heading}`);
  const from = start + heading.length + 2;
  const end = text.slice(from).search(/^#+ /m);
  return end === -1 ? text.slice(from) : text.slice(from, from + end);
}

/** What the commands of a document need: tasks and files, by their names. */
export function commandNamesOf(
  text: string,
): { tasks: string[]; files: string[] } {
  const blocks = blocksOf(text).filter(({ info }) => info === "sh")
    .flatMap(({ lines }) => lines);
  const commands = [...blocks, ...spansOf(text)]
    .filter((command) => /(^|\s)deno(@\S+)?\s/.test(command));
  return {
    tasks: commands.flatMap((command) =>
      /\bdeno(?:@\S+)? task ([a-z]\S*)/.exec(command)?.[1] ?? []
    ),
    files: commands.flatMap((command) =>
      command.match(/(?<=\s)[\w./]+\.ts(?=\s|$)/g) ?? []
    ),
  };
}
