/**
 * Measures all paths and writes `docs/paths.md`: `deno task paths`.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { reasonOf } from "../client/reply.ts";
import { PATHS } from "./all.ts";
import { measure, type Measured } from "./measure.ts";
import { cellsOf, notInstalled, pageOf, titleOf } from "./page.ts";
import { missingPackages, type Path, programFile } from "./path.ts";
import { killAll, run } from "./running.ts";

/** The number of paths measured at once: two cores have time for two. */
const CONCURRENCY = 2;

const PAGE = new URL("../docs/paths.md", import.meta.url);

async function main(): Promise<number> {
  // The order of the page, whatever path is done first.
  const results = new Map<Path, Measured | null>(
    PATHS.map((path) => [path, null]),
  );
  const waiting = [...PATHS];
  const failed: string[] = [];
  let isStopped = false;
  // A second SIGINT ends the process at once.
  Deno.addSignalListener("SIGINT", function stop() {
    Deno.removeSignalListener("SIGINT", stop);
    isStopped = true;
    killAll();
  });
  const measureAll = async () => {
    for (;;) {
      const path = waiting.shift();
      if (path === undefined || isStopped) return;
      try {
        const measured = await measureOne(path);
        results.set(path, measured);
        if (!isStopped) console.error(lineOf(path, measured));
      } catch (error) {
        failed.push(path.id);
        console.error(`${titleOf(path)}: ${reasonOf(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, measureAll));
  if (isStopped || failed.length > 0) {
    const why = isStopped ? "stopped" : `failed: ${failed.join(", ")}`;
    console.error(`The page is not written; ${why}`);
    return 1;
  }
  const page = pageOf(results, await versions());
  await Deno.mkdir(new URL(".", PAGE), { recursive: true });
  await Deno.writeTextFile(PAGE, page);
  await run(Deno.execPath(), "fmt", "--quiet", fileURLToPath(PAGE));
  return 0;
}

async function measureOne(path: Path): Promise<Measured | null> {
  return missingPackages(path).length > 0 ? null : await measure(path);
}

function lineOf(path: Path, measured: Measured | null): string {
  const cells = measured === null ? [notInstalled(path)] : cellsOf(measured);
  return `${titleOf(path)}: ${cells.join(" | ")}`;
}

/** The system, and the versions of all programs. */
async function versions(): Promise<string[]> {
  const all = [await system(), `Deno ${Deno.version.deno}`];
  const tools = new Map(PATHS.map((path) => [path.version?.name, path]));
  for (const path of tools.values()) {
    if (path.version === undefined || missingPackages(path).length > 0) {
      continue;
    }
    const { name, program, flag, pattern } = path.version;
    const version = pattern.exec(await run(programFile(program), flag))?.[1];
    if (version === undefined) throw new Error(`${name} prints no version`);
    all.push(`${name} ${version}`);
  }
  return all;
}

async function system(): Promise<string> {
  const release = await Deno.readTextFile("/etc/os-release");
  const name = /^PRETTY_NAME="(.+)"$/m.exec(release)?.[1] ??
    "an unknown system";
  const kernel = /^\d+\.\d+/.exec(Deno.osRelease())?.[0];
  return `${name} with Linux ${kernel}`;
}

if (import.meta.main) Deno.exitCode = await main();
