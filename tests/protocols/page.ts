/**
 * The table of protocols in docs/protocols.md.
 *
 * @module
 */
import { rowsOf } from "../markdown.ts";
import { PROJECT } from "../scripts.ts";
import { PROTOCOLS } from "./all.ts";
import { type Client, type Protocol, versionOf } from "./protocol.ts";

/** The page that has the table. */
export const PROTOCOLS_PAGE = new URL("docs/protocols.md", PROJECT);

/** The comments around the table. */
const BEGIN = "<!-- written by tests/protocols_test.ts -->\n";
const END = "<!-- end -->";

const HEADING = [
  "protocol",
  "example",
  "lines",
  "form and options",
  "real programs that were run",
];

/** The versions of the programs that were run, by client. */
export type Versions = ReadonlyMap<Client, string>;

/** The versions of these clients. */
export async function versionsOf(
  clients: Iterable<Client>,
): Promise<Versions> {
  const versions = new Map<Client, string>();
  for (const client of clients) versions.set(client, await versionOf(client));
  return versions;
}

/** The rows of the table, without versions. */
export async function protocolRows(): Promise<string[][]> {
  return await Promise.all(
    PROTOCOLS.map((protocol) => rowOf(protocol, new Map())),
  );
}

/** The rows of the page, without the versions that it names. */
export function rowsOnPage(page: string): string[][] {
  return rowsOf(page, HEADING[0]!).map((row) =>
    row.map((cell, column) =>
      column < HEADING.length - 1 ? cell : cell.replace(/` [^`,]+(?=,|$)/g, "`")
    )
  );
}

/** The page with its table written anew. `deno fmt` has to align it. */
export async function withProtocols(
  page: string,
  versions: Versions,
): Promise<string> {
  const start = page.indexOf(BEGIN);
  const end = page.indexOf(END, start);
  if (start === -1 || end === -1) {
    throw new Error("Cannot find the place for the table of protocols");
  }
  const rows = await Promise.all(
    PROTOCOLS.map((protocol) => rowOf(protocol, versions)),
  );
  const table = [HEADING, HEADING.map(() => "---"), ...rows]
    .map((row) => `| ${row.join(" | ")} |\n`).join("");
  return `${page.slice(0, start)}${BEGIN}\n${table}\n${page.slice(end)}`;
}

async function rowOf(
  { name, example, clients }: Protocol,
  versions: Versions,
): Promise<string[]> {
  const path = `examples/${example}`;
  const url = new URL(path, PROJECT);
  const lines = (await Deno.readTextFile(url)).trimEnd().split("\n").length;
  const programs = clients.map((client) => {
    const version = versions.get(client);
    return `\`${client.name}\`${version === undefined ? "" : ` ${version}`}`;
  });
  return [
    name,
    `[${example}](../${path})`,
    `${lines}`,
    await formOf(url),
    programs.join(", "),
  ];
}

/** How an example is made: handler or `converse`, and with which options. */
async function formOf(module: URL): Promise<string> {
  const { default: options } = await import(module.href);
  if (options === undefined) return "`Reader`";
  const names = Object.keys(options)
    .filter((name) => !["port", "handler", "converse"].includes(name));
  const form = "handler" in options ? "handler" : "`converse`";
  return `${form}: ${names.map((name) => `\`${name}\``).join(", ")}`;
}
