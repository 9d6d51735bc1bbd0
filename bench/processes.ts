/**
 * Child processes: pinned to a core, allowed many open files, and ended with
 * the benchmark.
 *
 * @module
 */
import { allowedCores } from "./proc.ts";
import type { Contestant } from "./servers.ts";

/** The child processes that run; no other process is ever killed. */
const running = new Set<Deno.ChildProcess>();

let stopped = false;

/** Kills all child processes; from then on none can be started. */
export function stopAll(): void {
  stopped = true;
  for (const child of running) kill(child);
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // The process has ended already.
  }
}

/**
 * The core of the server and that of the load; or the reason why they share
 * one.
 */
export function chooseCores(): [server: number, load: number] | string {
  if (Deno.build.os !== "linux") return "this is not Linux";
  const [server, load] = allowedCores();
  if (server === undefined || load === undefined) return "there is one core";
  try {
    new Deno.Command("taskset", { args: ["--version"] }).outputSync();
  } catch {
    return "taskset is not installed";
  }
  return [server, load];
}

const cores = chooseCores();

/** Whether {@linkcode stopAll} was called. */
export function isStopped(): boolean {
  return stopped;
}

/** Where a process runs: on the core of its part, or on all cores. */
export type Place = "server" | "load" | "all cores";

/** Starts a program. The id of the process is that of the program itself. */
function start(place: Place, command: readonly string[]): Deno.ChildProcess {
  if (stopped) throw new Error("Stopped");
  const isPinned = typeof cores !== "string" && place !== "all cores";
  const core = isPinned ? cores[place === "server" ? 0 : 1] : 0;
  const pin = isPinned ? ["taskset", "-c", `${core}`] : [];
  // As many open files as are allowed, for thousands of connections.
  const script = 'ulimit -n "$(ulimit -Hn)"; exec "$@"';
  const child = new Deno.Command("sh", {
    args: ["-c", script, "sh", ...pin, ...command],
    env: isPinned ? { GOMAXPROCS: "1" } : {},
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  running.add(child);
  child.status.then(() => running.delete(child));
  return child;
}

/** A server that listens. Disposing of it ends the process. */
export class RunningServer implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;

  private constructor(child: Deno.ChildProcess, readonly port: number) {
    this.#child = child;
  }

  /** Starts a server on a free port; resolves when it listens. */
  static async start(
    { name, command }: Contestant,
    place: Place = "server",
  ): Promise<RunningServer> {
    const child = start(place, [...command, "0"]);
    const lines = child.stdout.pipeThrough(new TextDecoderStream());
    let printed = "";
    for await (const text of lines) {
      printed += text;
      const port = /^started on (\d+)\n/.exec(printed)?.[1];
      if (port !== undefined) return new RunningServer(child, Number(port));
    }
    throw new Error(`${name} did not start`);
  }

  /** The id of the process. */
  get pid(): number {
    return this.#child.pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    kill(this.#child);
    await this.#child.status;
  }
}

/** Runs a module of the benchmark as the load; returns its output. */
export async function runLoad(
  path: string,
  order: unknown,
  place: Place = "load",
): Promise<string> {
  const command = [Deno.execPath(), "run", "-A", path, JSON.stringify(order)];
  const { success, stdout } = await start(place, command).output();
  if (!success) throw new Error("The load failed");
  return new TextDecoder().decode(stdout);
}

/** Runs a program as the load; returns its output. */
export async function runProgram(command: readonly string[]): Promise<string> {
  const { success, stdout } = await start("load", command).output();
  if (!success) throw new Error(`${command[0]} failed`);
  return new TextDecoder().decode(stdout);
}
