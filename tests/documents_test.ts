// README.md and docs/ are true: what they name exists, and what they show is
// what the programs print.

import { assert, assertEquals } from "@std/assert";
import config from "../deno.json" with { type: "json" };
import { toJson, toLine } from "../cli/log_lines.ts";
import { Log } from "../cli/log.ts";
import {
  Metrics,
  nameOfOutcome,
  newCounters,
  totalsOf,
} from "../cli/metrics.ts";
import { toPrometheus, toStatus } from "../cli/metrics_text.ts";
import * as library from "../mod.ts";
import {
  anchorsOf,
  blocksOf,
  commandNamesOf,
  linksOf,
  namesOf,
  rowsOf,
  sectionOf,
  spansOf,
} from "./markdown.ts";
import { needsRead, needsRun } from "./options.ts";
import { PROJECT, runDemo } from "./scripts.ts";

function read(name: string): string {
  return Deno.readTextFileSync(new URL(name, PROJECT));
}

function exists(name: string, base: URL = PROJECT): boolean {
  try {
    Deno.statSync(new URL(name, base));
    return true;
  } catch {
    return false;
  }
}

/** The documents for users: their names and their texts. */
function documents(): [string, string][] {
  const pages = [...Deno.readDirSync(new URL("docs/", PROJECT))]
    .map(({ name }) => `docs/${name}`).filter((name) => name.endsWith(".md"));
  return ["README.md", ...pages].map((name) => [name, read(name)]);
}

/** The modules of a folder, without tests. */
function modulesOf(folder: string): string[] {
  return [...Deno.readDirSync(new URL(folder, PROJECT))]
    .map(({ name }) => name)
    .filter((name) => /\.[jt]s$/.test(name) && !name.endsWith("_test.ts"));
}

const FOLDERS = [
  ...["framing/", "server/", "client/", "check/", "page/", "cli/"],
];

Deno.test(needsRead("documents: links lead to files and headings"), () => {
  for (const [name, text] of documents()) {
    const base = new URL(name, PROJECT);
    for (const link of linksOf(text)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [file = "", anchor] = link.split("#");
      assert(file === "" || exists(file, base), `${name}: ${link}`);
      if (anchor === undefined) continue;
      const target = file === "" ? base : new URL(file, base);
      const anchors = anchorsOf(Deno.readTextFileSync(target));
      assert(anchors.includes(anchor), `${name}: ${link}`);
    }
  }
});

Deno.test(needsRead("documents: commands name tasks and files"), () => {
  for (const [name, text] of documents()) {
    const { tasks, files } = commandNamesOf(text);
    for (const task of tasks) {
      assert(Object.hasOwn(config.tasks, task), `${name}: deno task ${task}`);
    }
    for (const file of files) assert(exists(file), `${name}: ${file}`);
  }
});

Deno.test(needsRead("documents: code spans name files that exist"), () => {
  const folders = [...FOLDERS, "tests/", "examples/", "docs/", "deploy/"];
  const all = [...folders, "bench/", "paths/"];
  for (const [name, text] of documents()) {
    for (const span of spansOf(text)) {
      const isFile = /^[\w./-]+$/.test(span) &&
        all.some((folder) => span.startsWith(folder));
      assert(!isFile || exists(span), `${name}: ${span}`);
    }
  }
});

Deno.test(needsRead("README.md: has the functions of mod.ts"), () => {
  const named = namesOf(read("README.md"), "function")
    .map((call) => call.replace(/\(.*/, ""));
  const functions = Object.entries(library)
    .filter(([, value]) => typeof value === "function").map(([name]) => name);
  assertEquals(named.toSorted(), functions.toSorted());
});

Deno.test(needsRead("README.md: has the tasks of deno.json"), () => {
  const named = namesOf(read("README.md"), "task")
    .map((task) => task.replace("deno task ", ""));
  assertEquals(named.toSorted(), Object.keys(config.tasks).toSorted());
});

Deno.test(needsRead("README.md: has the first commands on own lines"), () => {
  const lines = blocksOf(read("README.md"))
    .filter(({ info }) => info === "sh").flatMap(({ lines }) => lines);
  for (
    const command of [
      "npx -y deno@2.9.6 task demo",
      "npx -y deno@2.9.6 task test",
      "deno run -A server.ts",
      "deno run -A client.ts --data a1234",
    ]
  ) {
    assert(lines.includes(command), command);
  }
});

Deno.test(needsRead("documents: error codes are in the sources"), () => {
  const source = FOLDERS.flatMap((folder) =>
    modulesOf(folder).map((name) => read(folder + name))
  ).join("\n").replaceAll(/^\s*(\*|\/\/).*$/gm, "");
  const inReadme = namesOf(read("README.md"), "error reply").flatMap((reply) =>
    // Not the handler's own code, nor one with numbers in it.
    /^ERROR:(?!malformed)([a-z ]+)!$/.exec(reply)?.[1] ?? []
  );
  const inLog = namesOf(read("docs/operating.md"), "outcome");
  assert(inReadme.length > 0 && inLog.length > 0);
  for (const code of [...inReadme, ...inLog]) {
    assert(source.includes(`"${code}"`), code);
    // Otherwise the metrics would count it as one that a handler has chosen.
    assertEquals(nameOfOutcome(code), code);
  }
});

Deno.test(needsRead("docs/architecture.md: names every module"), () => {
  const page = read("docs/architecture.md");
  for (const folder of FOLDERS) {
    const section = sectionOf(page, `### ${folder}`);
    const named = namesOf(section, "file");
    const modules = modulesOf(folder);
    assertEquals(named.toSorted(), modules.toSorted(), folder);
  }
});

Deno.test(needsRead("docs/operating.md: has the metrics, and a status"), () => {
  const page = read("docs/operating.md");
  const text = toPrometheus(totalsOf([newCounters()]));
  const metrics = [...text.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name);
  assertEquals(namesOf(page, "metric"), metrics);
  // The line is that of the code: its words are, in their order.
  const words = (line: string) => line.match(/[a-z%]{3,}/g);
  const status = blocksOf(page).flatMap(({ lines }) => lines)
    .filter((line) => line.includes(" connections open, "));
  const counters = newCounters();
  const report = { ...REPORT, durationMs: 4, messages: 1 };
  for (const outcome of ["ok", "no end"]) {
    new Metrics(counters).conversation({ ...report, outcome });
  }
  new Metrics(counters).bufferBytes = 1024;
  const written = toStatus("text", totalsOf([counters]));
  assertEquals(status.map(words), [words(written)]);
});

/** Whether a module defines this function: `name`, or `Class.name`. */
function defines(source: string, name: string): boolean {
  const [method = "", owner] = name.split(".").toReversed();
  const [body = ""] = owner === undefined
    ? [source]
    : RegExp(`^(export )?class ${owner}\\b[^]*?^}`, "m").exec(source) ?? [];
  const start = "^(?:  (?:async )?|(?:export )?(?:async )?function )";
  return RegExp(`${start}${method}(?:<.*>)?\\(`, "m").test(body);
}

Deno.test(needsRead("docs/architecture.md: functions are in the files"), () => {
  const page = read("docs/architecture.md");
  const section = sectionOf(page, "## One message, from accept to close");
  const steps = rowsOf(section, "step").flatMap(([, file = "", names = ""]) =>
    spansOf(names).map((name) => [name, spansOf(file)[0] ?? ""])
  );
  const inText = section.matchAll(/`([\w.#]+\(\))`\s+in\s+`([\w./]+\.ts)`/g);
  const all = [...steps, ...[...inText].map(([, ...pair]) => pair)];
  assert(all.length > steps.length && steps.length > 0);
  for (const [name = "", file = ""] of all) {
    assert(defines(read(file), name.replace("()", "")), `${name} in ${file}`);
  }
});

/** The report of a conversation in the page about the log. */
const REPORT: library.ConversationReport = {
  remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 45354 },
  outcome: "no end",
  messages: 0,
  bytesIn: 24,
  bytesOut: 13,
  replyLost: false,
  durationMs: 11.2,
};

const withoutTime = (line: string) =>
  line.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/, "TIME");

Deno.test(
  needsRead("docs/operating.md: has lines as the log writes them"),
  async () => {
    const tally = {
      conversations: { "no end": 2, ok: 3 },
      bytesIn: 91,
      bytesOut: 46,
      repliesLost: 0,
    };
    const shown = blocksOf(read("docs/operating.md"))
      .flatMap(({ lines }) => lines).map(withoutTime);
    const formats = [["text", toLine], ["json", toJson]] as const;
    for (const [format, toText] of formats) {
      let summary = "";
      const log = new Log(format, {
        write(bytes) {
          summary += new TextDecoder().decode(bytes);
          return Promise.resolve(bytes.length);
        },
      });
      log.add(tally);
      log.summary();
      await log.close();
      for (const line of [toText(REPORT), summary.trimEnd()]) {
        assert(shown.includes(withoutTime(line)), line);
      }
    }
  },
);

/** The times of a demonstration differ from run to run. */
const withoutTimes = (line: string) =>
  line.replaceAll(/ *\d+\.\d(?= {2})/g, " TIME")
    .replace(/waits .*/, "waits TIME");

Deno.test(needsRun("docs/demo.md: has what the demo prints"), async () => {
  const { stdout } = await runDemo();
  const printed = stdout.trim().split("\n").map(withoutTimes);
  const shown = blocksOf(read("docs/demo.md"))
    .filter(({ info }) => info === "text")
    .map(({ lines }) => lines.map(withoutTimes));
  assertEquals(shown, [printed]);
});
