/**
 * Running programs, the ports and the files of paths.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { type OpenPath, openPath } from "./path.ts";

/** The time between SIGTERM and SIGKILL. */
const STOP_TIMEOUT_MS = 3_000;

/** The time for a program to print that it listens. */
const START_TIMEOUT_MS = 10_000;

const running = new Set<Running>();

/** Kills all programs that run. */
export function killAll(): void {
  for (const program of running) program.kill("SIGKILL");
}

/** A running program, with all processes that it starts. */
export class Running implements AsyncDisposable {
  readonly #name: string;
  readonly #process: Deno.ChildProcess;
  readonly #finished: Promise<unknown>;
  #output = "";
  #ended = false;
  #more = Promise.withResolvers<void>();

  /** Starts a program in a process group: some start processes themselves. */
  constructor(command: string, args: readonly string[]) {
    this.#name = [command, ...args].join(" ");
    this.#process = new Deno.Command(command, {
      args: [...args],
      detached: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    running.add(this);
    this.#finished = this.#finish();
  }

  /** Waits until the program has printed this, on either output. */
  async prints(pattern: RegExp): Promise<RegExpMatchArray> {
    const timer = setTimeout(() => this.kill("SIGKILL"), START_TIMEOUT_MS);
    try {
      for (;;) {
        const match = this.#output.match(pattern);
        if (match !== null) return match;
        if (this.#ended) break;
        await this.#more.promise;
      }
    } finally {
      clearTimeout(timer);
    }
    throw new Error(`${this.#name} never printed ${pattern}:\n${this.#output}`);
  }

  /** Sends a signal to the program and to all that it started. */
  kill(signal: Deno.Signal): void {
    try {
      Deno.kill(-this.#process.pid, signal);
    } catch (error) {
      // All processes have ended already.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGTERM");
    const timer = setTimeout(() => this.kill("SIGKILL"), STOP_TIMEOUT_MS);
    try {
      await this.#finished;
    } finally {
      clearTimeout(timer);
    }
  }

  async #finish(): Promise<void> {
    const { stdout, stderr, status } = this.#process;
    await Promise.all([this.#collect(stdout), this.#collect(stderr), status]);
    running.delete(this);
    this.#ended = true;
    this.#notify();
  }

  async #collect(output: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of output) {
      this.#output += decoder.decode(chunk, { stream: true });
      this.#notify();
    }
  }

  #notify(): void {
    this.#more.resolve();
    this.#more = Promise.withResolvers<void>();
  }
}

/** The path of a file in this folder. */
export function fileOf(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** Starts a script that prints the port that it listens on. */
export async function startScript(
  command: string,
  ...args: string[]
): Promise<OpenPath> {
  await using resources = new AsyncDisposableStack();
  const script = resources.use(new Running(command, args));
  const [, port] = await script.prints(/^(\d+)\n/m);
  return openPath(Number(port), resources);
}

/** Linux gives outgoing connections higher ports than these. */
const PORTS = { first: 20_000, last: 29_999 };

/**
 * A free port of 127.0.0.1, for programs that cannot choose one themselves. No
 * outgoing connection can be given that port before the program listens.
 */
export function freePort(): number {
  const count = PORTS.last - PORTS.first + 1;
  for (;;) {
    // In no order: another process would follow it, and take the same port
    // before the program listens.
    const port = PORTS.first + Math.floor(Math.random() * count);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

/** A temporary folder. Disposing of it removes it. */
export class Folder implements AsyncDisposable {
  private constructor(readonly path: string) {}

  /** Makes a folder. */
  static async make(): Promise<Folder> {
    return new Folder(await Deno.makeTempDir({ prefix: "recv_end_path_" }));
  }

  /** Writes a file that only this user can read; returns its path. */
  async write(name: string, text: string): Promise<string> {
    const file = `${this.path}/${name}`;
    await Deno.writeTextFile(file, text, { mode: 0o600 });
    return file;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** Runs a program to its end; returns both of its outputs. */
export async function run(
  command: string,
  ...args: string[]
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  const output = decoder.decode(stdout) + decoder.decode(stderr);
  if (success) return output;
  throw new Error(`${[command, ...args].join(" ")} failed:\n${output}`);
}
