/**
 * Protocols that there are: an example for each, and real programs to use it.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  type Listening,
  type ProgramOptions,
  runProgram,
} from "../programs.ts";
import { pathOf, SERVER_PERMISSIONS, startListening } from "../scripts.ts";

/** A protocol, and the example that speaks it. */
export interface Protocol {
  /** The name that the page uses. */
  readonly name: string;
  /** The file in `examples/`. */
  readonly example: string;
  /** The programs that talk to the example. */
  readonly clients: readonly Client[];
}

/** A real program that talks to an example. */
export interface Client {
  /** The name that the page uses: the program and the flags that matter. */
  readonly name: string;
  /** The programs that have to be installed, by the names of their files. */
  readonly programs: readonly string[];
  /** Where the program comes from: `debian:whois`, `npm:@medplum/hl7@5.0.10`. */
  readonly source: `debian:${string}` | `npm:${string}@${string}`;
  /** Why the program cannot run here, although it is installed. */
  readonly obstacle?: string | undefined;
  /** Starts the example, runs the program, and checks what both got. */
  run(): Promise<void>;
}

/** Serves an example on a port of 127.0.0.1; resolves when it listens. */
export function startExample(file: string, port = 0): Promise<Listening> {
  const permissions = [...SERVER_PERMISSIONS, "--allow-write"];
  const args = [`--port=${port}`, pathOf(`examples/${file}`)];
  return startListening("server.ts", permissions, args);
}

/** Runs a program to its end, which has to be a success. Returns its output. */
export async function run(
  command: string,
  args: readonly string[],
  options?: ProgramOptions,
): Promise<string> {
  const { code, stdout, stderr } = await runProgram(command, args, options);
  assertEquals(code, 0, `${command} ${args.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}

/** Waits until the server's log has these outcomes, one for each connection. */
export async function assertOutcomes(
  server: Listening,
  ...outcomes: string[]
): Promise<void> {
  const lines = outcomes.map((outcome) => ` ${outcome}, \\d+ bytes in.*\\n`);
  await server.says(
    RegExp(`^${lines.map((line) => `.*${line}`).join("")}`),
    "stderr",
  );
}

/** The version of what a client comes from, as the page has it. */
export async function versionOf({ source }: Client): Promise<string> {
  const [, npm] = /^npm:.+@(.+)$/.exec(source) ?? [];
  if (npm !== undefined) return npm;
  const name = source.replace("debian:", "");
  const version = await run("dpkg-query", ["-W", "-f=${Version}", name]);
  // Without Debian's epoch and revision.
  return version.replace(/^\d+:/, "").replace(/-[^-]*$/, "");
}
