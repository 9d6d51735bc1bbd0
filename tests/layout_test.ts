import { assert, assertEquals } from "@std/assert";
import config from "../deno.json" with { type: "json" };
import { importsOf, isUnderLaw, violationsOf } from "./import_law.ts";
import { layoutFaultsOf } from "./layout.ts";
import { needsRead, needsRun } from "./options.ts";
import { runProgram } from "./programs.ts";
import { pathOf, PROJECT } from "./scripts.ts";
import { temporaryDirectory } from "./temporary.ts";

/** What is not part of the project: see .gitignore. */
const IGNORED = [".git", "coverage", "node_modules"];

/** The texts of all files of the project, by their paths. */
function projectFiles(folder = ""): Map<string, string> {
  const files = new Map<string, string>();
  for (const { name, isDirectory } of Deno.readDirSync(pathOf(folder))) {
    if (IGNORED.includes(name)) continue;
    const path = folder + name;
    if (isDirectory) {
      for (const [each, text] of projectFiles(`${path}/`)) {
        files.set(each, text);
      }
    } else {
      files.set(path, Deno.readTextFileSync(pathOf(path)));
    }
  }
  return files;
}

Deno.test(needsRead("layout: imports keep the law"), () => {
  const files = [...projectFiles()].filter(([path]) =>
    /\.[jt]s$/.test(path) && isUnderLaw(path)
  );
  assert(files.length > 40, `only ${files.length} modules`);
  assertEquals(violationsOf(new Map(files)), []);
});

Deno.test(needsRead("layout: folders are flat, files are short"), () => {
  assertEquals(layoutFaultsOf(projectFiles()), []);
});

/** A module in the output of `deno info --json`. */
interface ModuleInfo {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly code?: { readonly specifier?: string };
    readonly type?: { readonly specifier?: string };
  }[];
}

/** The modules that importing this one loads, types included. */
async function loadedBy(module: string): Promise<Set<string>> {
  const args = ["info", "--json", pathOf(module)];
  const { code, stdout, stderr } = await runProgram(Deno.execPath(), args);
  assertEquals(code, 0, stderr);
  const { modules }: { modules: ModuleInfo[] } = JSON.parse(stdout);
  const byName = new Map(modules.map((each) => [each.specifier, each]));
  // Not all modules of the output: `types` in deno.json adds some to each.
  const loaded = new Set([new URL(module, PROJECT).href]);
  for (const specifier of loaded) {
    for (const { code, type } of byName.get(specifier)?.dependencies ?? []) {
      if (code?.specifier !== undefined) loaded.add(code.specifier);
      if (type?.specifier !== undefined) loaded.add(type.specifier);
    }
  }
  return loaded;
}

Deno.test(needsRun("layout: the library loads nothing of cli/"), async () => {
  const cli = new URL("cli/", PROJECT).href;
  for (const module of ["mod.ts", "server.ts", "client.ts", "recv_end.ts"]) {
    const loaded = [...await loadedBy(module)];
    assert(loaded.includes(new URL("framing/marker.ts", PROJECT).href), module);
    const excess = loaded.filter((specifier) =>
      specifier.startsWith(cli) || /^npm:.*\/cli\//.test(specifier)
    );
    assertEquals(excess, [], module);
    const nodes = loaded.filter((specifier) => specifier.startsWith("node:"));
    // Not node:net or node:tls, and nothing that loads them.
    assertEquals(nodes.filter((name) => name !== "node:timers"), [], module);
  }
  const script = [...await loadedBy("cli/server_script.ts")];
  assert(script.some((specifier) => specifier.startsWith(cli)));
});

Deno.test(
  needsRun("layout: mod.ts needs two names in an import map"),
  async () => {
    await using directory = await temporaryDirectory();
    const imports = {
      "@recv-end/recv-end": new URL("mod.ts", PROJECT).href,
      "@std/bytes": config.imports["@std/bytes"],
    };
    const map = `${directory.path}/deno.json`;
    await Deno.writeTextFile(map, JSON.stringify({ imports }));
    const script = `${directory.path}/main.ts`;
    const source = `import { recvEnd } from "@recv-end/recv-end";
const { data } = await recvEnd(new Blob(["a;"]).stream(), ";");
console.log(new TextDecoder().decode(data));`;
    await Deno.writeTextFile(script, source);
    const args = ["run", "--quiet", `--config=${map}`, script];
    const { stdout, stderr } = await runProgram(Deno.execPath(), args);
    assertEquals({ stdout, stderr }, { stdout: "a\n", stderr: "" });
  },
);

Deno.test("importsOf() finds every way to import", () => {
  const source = `// import "./comment.ts";
/**
 * import { a } from "./comment.ts";
 */
import { a } from "./named.ts";
import {
  type B,
  c,
} from "../server/lines.ts";
import type { D } from "./types.ts";
import "./effect.ts";
import config from "../deno.json" with { type: "json" };
export { e } from "./exported.ts";
export * from "./all.ts";
export type { F } from "./exported_types.ts";
import { g } from "@std/bytes";
const h = await import("../cli/dynamic.ts");
type I = import("./inline_type.ts").I;
const worker = new Worker(new URL("./worker.ts", import.meta.url)); // "./no.ts"
const j = import.meta.resolve("./resolved.ts");
const text = "a ./text.ts that is no path";
`;
  const imports = importsOf("framing/x.ts", source);
  const targets = (isStatic: boolean) =>
    imports.filter((imported) => imported.isStatic === isStatic)
      .map(({ target }) => target).toSorted();
  assertEquals(targets(true), [
    "@std/bytes",
    "deno.json",
    "framing/all.ts",
    "framing/effect.ts",
    "framing/exported.ts",
    "framing/exported_types.ts",
    "framing/named.ts",
    "framing/types.ts",
    "server/lines.ts",
  ]);
  assertEquals(targets(false), [
    "cli/dynamic.ts",
    "framing/inline_type.ts",
    "framing/resolved.ts",
    "framing/worker.ts",
  ]);
});

Deno.test.each([
  ["framing/a.ts", `import { b } from "../server/b.ts";`, "server/b.ts"],
  ["framing/a.ts", `import { b } from "../recv_end.ts";`, "recv_end.ts"],
  ["framing/a.ts", `import { b } from "@std/cli";`, "@std/cli"],
  ["client/a.ts", `import type { B } from "../server/b.ts";`, "server/b.ts"],
  ["client/a.ts", `export { b } from "../client.ts";`, "client.ts"],
  ["server/a.ts", `export * from "../client/b.ts";`, "client/b.ts"],
  ["server/a.ts", `await import("../cli/b.ts");`, "cli/b.ts"],
  ["recv_end.ts", `import { b } from "./server/b.ts";`, "server/b.ts"],
  ["server.ts", `import { b } from "./client.ts";`, "client.ts"],
  ["server.ts", `import "./cli/server_script.ts";`, "cli/server_script.ts"],
  ["server.ts", `import("./cli/client_script.ts");`, "cli/client_script.ts"],
  ["client.ts", `import config from "./deno.json";`, "deno.json"],
  ["mod.ts", `export { b } from "./cli/b.ts";`, "cli/b.ts"],
  ["mod.ts", `export { b } from "./check/b.ts";`, "check/b.ts"],
  ["check/a.ts", `import { b } from "../cli/b.ts";`, "cli/b.ts"],
  ["check/a.ts", `import { b } from "../server/b.ts";`, "server/b.ts"],
  ["check/a.ts", `import b from "string-width";`, "string-width"],
  ["cli/a.ts", `import { b } from "../tests/b.ts";`, "tests/b.ts"],
  ["cli/a.ts", `import { b } from "../demo.ts";`, "demo.ts"],
  ["page/a.ts", `import { b } from "../cli/b.ts";`, "cli/b.ts"],
  ["page/a.js", `import { b } from "../check/b.ts";`, "check/b.ts"],
  ["check/a.ts", `import { b } from "../page/b.js";`, "page/b.js"],
])("violationsOf() finds a broken law: %s: %s", (path, source, target) => {
  assertEquals(violationsOf(new Map([[path, source]])), [
    `${path} imports ${target}`,
  ]);
});

Deno.test.each([
  ["framing/a.ts", `import { b } from "./b.ts";`],
  ["server/a.ts", `import { b } from "../framing/b.ts";`],
  ["client/a.ts", `import { b } from "@std/bytes";`],
  ["server.ts", `import(import.meta.resolve("./cli/server_script.ts"));`],
  ["mod.ts", `export type { B } from "./server/b.ts";`],
  ["check/a.ts", `import { b } from "../client.ts";`],
  ["cli/a.ts", `import { parseArgs } from "@std/cli/parse-args";`],
  ["cli/a.ts", `import { b } from "../check/b.ts";`],
  ["cli/a.ts", `import { b } from "../page/b.js";`],
  ["page/a.js", `import { b } from "./b.js";`],
  ["page/a.ts", `import { b } from "../server.ts";`],
])("violationsOf() allows what the law allows: %s: %s", (path, source) => {
  assertEquals(violationsOf(new Map([[path, source]])), []);
});

Deno.test("layoutFaultsOf() finds a folder in a flat folder", () => {
  const files = ["framing/a.ts", "bench/peers/a.ts", "server/more/a.ts"];
  assertEquals(layoutFaultsOf(new Map(files.map((path) => [path, ""]))), [
    "server/more/a.ts is in a folder of a flat folder",
  ]);
});

Deno.test("layoutFaultsOf() finds a long module", () => {
  const lines = (count: number) => "line\n".repeat(count);
  const files = {
    ...{ "a.ts": lines(350), "b.ts": lines(351) },
    ...{ "c.js": lines(351), "d.md": lines(400) },
  };
  assertEquals(layoutFaultsOf(new Map(Object.entries(files))), [
    "b.ts has more than 350 lines",
    "c.js has more than 350 lines",
  ]);
});

Deno.test("layoutFaultsOf() finds a crowded top level", () => {
  const paths = (count: number) =>
    Array.from({ length: count }, (_, i) => `${i}/a.ts`);
  const files = (count: number): [string, string][] =>
    [...paths(count), "0/b.ts"].map((path) => [path, ""]);
  assertEquals(layoutFaultsOf(new Map(files(25))), []);
  assertEquals(layoutFaultsOf(new Map(files(26))), [
    "the top level has 26 entries",
  ]);
});
