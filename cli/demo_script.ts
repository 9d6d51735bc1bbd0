/**
 * demo.ts with flags: serves the page, or runs one of its scenes.
 *
 * @module
 */
import config from "../deno.json" with { type: "json" };
import { servePage } from "../page/page_server.ts";
import { runScene, UnknownSceneError } from "../page/run_scene.ts";
import { SCENES } from "../page/scenes.js";
import { storyOf, type Trace, verdictOf } from "../page/trace.js";
import { DEMO_FLAGS } from "./demo_flags.ts";
import { kindsOf, readFlags } from "./flag_table.ts";
import { parseFlags, UsageError } from "./flags.ts";
import { DEMO_SCRIPT, helpText } from "./help.ts";
import { printable, printError, writeOut } from "./output.ts";
import { EXIT, runMain } from "./run.ts";

/** Runs the demo with the arguments of the process. */
export async function run(): Promise<void> {
  await runMain(main);
}

/**
 * Serves the page, or runs a scene.
 *
 * @param args Arguments of the command line.
 * @returns The exit status.
 * @throws {UsageError} If the command line is wrong.
 */
async function main(args: string[]): Promise<number> {
  const given = parseFlags(args, kindsOf(DEMO_FLAGS));
  if (given.help) return writeOut(helpText(DEMO_SCRIPT)), EXIT.ok;
  if (given.version) return writeOut(`${config.version}\n`), EXIT.ok;
  const { page = false, port = 0, scene } = readFlags(given, DEMO_FLAGS);
  if (scene !== undefined) return await showScene(scene);
  if (!page) throw new UsageError("the demo takes --page or --scene");
  return await showPage(port);
}

async function showPage(port: number): Promise<number> {
  let server;
  try {
    server = servePage(port);
  } catch (error) {
    printError(printable(`Cannot serve the page: ${(error as Error).message}`));
    return EXIT.error;
  }
  writeOut(`the page is at ${server.url} (Ctrl+C ends it)\n`);
  await server.finished;
  return EXIT.ok;
}

async function showScene(wanted: string): Promise<number> {
  if (wanted === "") {
    for (const { id, title, choices } of SCENES) {
      writeOut(`${title}\n`);
      for (const choice of choices) {
        writeOut(`  ${`${id}:${choice.id}`.padEnd(24)}${choice.label}\n`);
      }
    }
    return EXIT.ok;
  }
  const [id = "", choice = ""] = wanted.split(":");
  try {
    for (const trace of await runScene(id, choice)) writeOut(textOf(trace));
  } catch (error) {
    if (!(error instanceof UnknownSceneError)) throw error;
    throw new UsageError(
      `--scene ${printable(wanted)} is unknown: --scene lists them`,
    );
  }
  return EXIT.ok;
}

/** A trace as text: a line for each step. */
function textOf(trace: Trace): string {
  const lines = storyOf(trace).steps.map(({ ms, long }) =>
    `${ms.toFixed(1).padStart(8)}  ${printable(long)}`
  );
  return `${trace.title}\n\n      ms\n${lines.join("\n")}\n\n` +
    `${printable(verdictOf(trace))}\n\n`;
}
