import { assertEquals } from "@std/assert";
import type { ConversationReport } from "./conversation.ts";
import config from "./deno.json" with { type: "json" };
import { Log, toJson, toLine } from "./log.ts";
import { runDemo, runProgram } from "./testing.ts";

const HERE = new URL(".", import.meta.url);

const READ = { name: "read", path: HERE } as const;
const RUN = { name: "run" } as const;

/** A test of README.md; ignored where it may not look. */
function readmeTest(
  name: string,
  body: (readme: string) => void | Promise<void>,
  permissions: readonly Deno.PermissionDescriptor[] = [READ],
): void {
  const denied = permissions.filter((permission) =>
    Deno.permissions.querySync(permission).state !== "granted"
  );
  const needs = denied.map(({ name }) => `--allow-${name}`).join(" ");
  const ignore = denied.length > 0;
  Deno.test({
    name: `README.md ${name}` + (ignore ? ` [ignored: needs ${needs}]` : ""),
    ignore,
    fn: () => body(readText("README.md")),
  });
}

function readText(name: string): string {
  return Deno.readTextFileSync(new URL(name, HERE));
}

/** The first cells of the table whose heading begins with this cell. */
function firstCells(readme: string, heading: string): string[] {
  const lines = readme.split("\n");
  const start = lines.findIndex((line) =>
    RegExp(`^\\| ${heading} +\\|`).test(line)
  );
  const end = lines.indexOf("", start);
  return lines.slice(start + 2, end).map((line) => line.split(" | ", 1)[0]!);
}

/** The first names in code spans of the first cells of this table. */
function names(readme: string, heading: string): string[] {
  return firstCells(readme, heading).map((cell) =>
    /`([^`]+)`/.exec(cell)?.[1] ?? ""
  );
}

/** The lines of the block of code that begins with this line. */
function block(readme: string, first: string): string[] {
  const lines = readme.split("\n");
  const start = lines.findIndex((line, index) =>
    line === first && lines[index - 1] === "```text"
  );
  return lines.slice(start, lines.indexOf("```", start));
}

/** The rooms of the directory: no tests, no documents. */
function rooms(): string[] {
  return [...Deno.readDirSync(HERE)].map(({ name }) => name)
    .filter((name) => name.endsWith(".ts") && !name.endsWith("_test.ts"))
    .sort();
}

readmeTest("names every room, and no other", (readme) => {
  const named = names(readme, "file");
  const directories = named.filter((name) => name.endsWith("/"));
  for (const name of directories) Deno.statSync(new URL(name, HERE));
  const files = named.filter((name) => !directories.includes(name));
  assertEquals(files.sort(), rooms());
});

readmeTest("has each room above those that it knows", (readme) => {
  const named = names(readme, "file");
  const known = rooms().flatMap((room) =>
    [...readText(room).matchAll(/^.*? from "\.\/(\w+\.ts)"/gm)]
      // An example in a comment is no import.
      .filter(([line]) => !line.trimStart().startsWith("*"))
      .map(([, other = ""]): [string, string] => [room, other])
  );
  const upwards = known.filter(([room, other]) =>
    named.indexOf(room) >= named.indexOf(other)
  );
  assertEquals(upwards, []);
});

readmeTest("lists the tasks", (readme) => {
  const named = names(readme, "task").map((name) =>
    name.replace("deno task ", "")
  );
  assertEquals(named.sort(), Object.keys(config.tasks).sort());
});

readmeTest("has the table of peers that docs/peers.md explains", (readme) => {
  const table = (text: string) => {
    const lines = text.split("\n");
    const start = lines.findIndex((line) => line.startsWith("| peer "));
    return lines.slice(start, lines.indexOf("", start));
  };
  const peers = table(readText("docs/peers.md"));
  assertEquals(table(readme), peers);
  assertEquals(peers.length, 13);
});

readmeTest("has no link to a file that is not there", (readme) => {
  const links = [...readme.matchAll(/\]\(([^)#]+)[^)]*\)/g)]
    .map(([, link = ""]) => link);
  for (const link of links) Deno.statSync(new URL(link, HERE));
  assertEquals(links.length > 3, true);
});

readmeTest("has the commands of a newcomer on lines of their own", (readme) => {
  const lines = readme.split("\n");
  const commands = [
    "npx -y deno@2.9.6 task demo",
    "npx -y deno@2.9.6 task test",
    "deno run -A server.ts",
    "deno run -A client.ts --data a1234",
  ];
  assertEquals(commands.filter((command) => !lines.includes(command)), []);
});

readmeTest("has the flags of both scripts", async (readme) => {
  for (const script of ["server.ts", "client.ts"]) {
    const { href } = new URL(script, HERE);
    const args = ["run", "--quiet", href, "--help"];
    const { stdout } = await runProgram(Deno.execPath(), args);
    const [, options = ""] = /^Options:\n(.*?)\n\n/ms.exec(stdout) ?? [];
    const flags = options.split("\n").map((line) => line.slice(2));
    assertEquals(block(readme, flags[0]!), flags);
  }
}, [READ, RUN]);

/** The times of a time line are not the same twice. */
const withoutTimes = (line: string) =>
  line.replace(/ *\d+\.\d(?= {2})/g, " TIME")
    .replace(/waits .*/, "waits TIME");

readmeTest("has what the demo prints", async (readme) => {
  const { stdout } = await runDemo();
  const [first = "", ...rest] = stdout.trim().split("\n").map(withoutTimes);
  assertEquals(
    block(readme, first).map(withoutTimes),
    [first, ...rest],
  );
}, [READ, RUN, { name: "net", host: "127.0.0.1" }]);

/** Nor are those of the log. */
const withoutTime = (line: string) =>
  line.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/, "TIME");

readmeTest("has lines as the log writes them", async (readme) => {
  const report: ConversationReport = {
    remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 45354 },
    outcome: "no end",
    messages: 0,
    bytesIn: 24,
    bytesOut: 13,
    lastWordLost: false,
    milliseconds: 11.2,
  };
  for (
    const [format, toText] of [["text", toLine], ["json", toJson]] as const
  ) {
    let written = "";
    const log = new Log(format, {
      write(bytes) {
        written += new TextDecoder().decode(bytes);
        return Promise.resolve(bytes.length);
      },
    });
    log.add({
      conversations: { "no end": 2, end: 3 },
      bytesIn: 91,
      bytesOut: 46,
      lastWordsLost: 0,
    });
    log.summary();
    await log.close();
    const lines = [toText(report), written.trimEnd()].map(withoutTime);
    const shown = readme.split("\n").map(withoutTime);
    assertEquals(lines.filter((line) => !shown.includes(line)), []);
  }
});

readmeTest("has last words and outcomes that there are", (readme) => {
  const source = rooms().flatMap((room) => readText(room).split("\n"))
    .filter((line) => !/^\s*(\*|\/\/)/.test(line)).join("\n");
  // Not a handler's own word, nor what has numbers in it.
  const words = names(readme, "last word").flatMap((word) =>
    /^ERROR:([a-z ]+)!$/.exec(word)?.[1] ?? []
  );
  const all = [...words, ...names(readme, "outcome")];
  assertEquals(all.length, 14);
  assertEquals(all.filter((word) => !source.includes(`"${word}"`)), []);
});
