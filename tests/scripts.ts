/**
 * The scripts of the project, run as their users run them.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import {
  type Listening,
  type Outcome,
  Program,
  type ProgramOptions,
} from "./programs.ts";

/** The URL of the project's directory. */
export const PROJECT: URL = new URL("../", import.meta.url);

/** The path of a file of the project. */
export function pathOf(name: string): string {
  return fileURLToPath(new URL(name, PROJECT));
}

/** The least that server.ts needs: sockets, and the files of its script part. */
export const SERVER_PERMISSIONS: readonly string[] = [
  "--allow-net=127.0.0.1",
  `--allow-read=${pathOf(".")}`,
];

/** What flags for files and Unix sockets need. */
export const FILE_PERMISSIONS: readonly string[] = [
  "--allow-net",
  "--allow-read",
  "--allow-write",
];

/** Starts a script of the project. */
export function startScript(
  name: string,
  permissions: readonly string[],
  args: readonly string[],
  options?: ProgramOptions,
): Program {
  return new Program(
    Deno.execPath(),
    ["run", "--quiet", ...permissions, pathOf(name), ...args],
    options,
  );
}

/** Starts a script that listens, and resolves when it does. */
export async function startListening(
  name: string,
  permissions: readonly string[],
  args: readonly string[],
  options?: ProgramOptions,
): Promise<Listening> {
  const program = startScript(name, permissions, args, options);
  const [, port] = await program.says(/^started on (.+)\n/);
  return Object.assign(program, { port: Number(port) });
}

/** Starts server.ts, on a free port or `--unix`; resolves when it listens. */
export function startServer(
  args: readonly string[] = [],
  permissions: readonly string[] = SERVER_PERMISSIONS,
): Promise<Listening> {
  const isUnix = args.some((arg) => arg.startsWith("--unix="));
  const flags = isUnix ? args : ["--port=0", ...args];
  return startListening("server.ts", permissions, flags);
}

/** Runs server.ts to its end: for command lines that do not serve. */
export async function runServer(args: readonly string[]): Promise<Outcome> {
  await using server = startScript("server.ts", ["-A"], args);
  return await server.finished;
}

/** Runs client.ts to its end. */
export async function runClient(
  args: readonly string[],
  stdin?: string | Uint8Array,
): Promise<Outcome> {
  await using client = startScript("client.ts", FILE_PERMISSIONS, args, {
    stdin,
  });
  return await client.finished;
}

/** Runs demo.ts to its end. */
export async function runDemo(args: readonly string[] = []): Promise<Outcome> {
  await using demo = startScript("demo.ts", SERVER_PERMISSIONS, args);
  return await demo.finished;
}
