/**
 * The programs of the paths, while they run.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { type OpenPath, openPath } from "./path.ts";

/** A program that was asked to stop has so many ms before it is killed. */
const PATIENCE = 3_000;

/** A program has so many ms to say that it listens. */
const STARTING = 10_000;

const running = new Set<Running>();

/** Kills all programs that still run. */
export function killAll(): void {
  for (const program of running) program.kill("SIGKILL");
}

/** A running program, with all that it starts itself. */
export class Running implements AsyncDisposable {
  readonly #name: string;
  readonly #process: Deno.ChildProcess;
  readonly #finished: Promise<unknown>;
  #said = "";
  #ended = false;
  #more = Promise.withResolvers<void>();

  /** Starts it in a group of its own: some start a process a conversation. */
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

  /** Waits until it has printed this, on either output. */
  async says(pattern: RegExp): Promise<RegExpMatchArray> {
    const patience = setTimeout(() => this.kill("SIGKILL"), STARTING);
    try {
      for (;;) {
        const match = this.#said.match(pattern);
        if (match !== null) return match;
        if (this.#ended) break;
        await this.#more.promise;
      }
    } finally {
      clearTimeout(patience);
    }
    throw new Error(`${this.#name} never said ${pattern}:\n${this.#said}`);
  }

  /** Sends a signal to it and all that it started. */
  kill(signal: Deno.Signal): void {
    try {
      Deno.kill(-this.#process.pid, signal);
    } catch (error) {
      // All of them have ended already.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGTERM");
    const patience = setTimeout(() => this.kill("SIGKILL"), PATIENCE);
    try {
      await this.#finished;
    } finally {
      clearTimeout(patience);
    }
  }

  async #finish(): Promise<void> {
    const { stdout, stderr, status } = this.#process;
    await Promise.all([this.#collect(stdout), this.#collect(stderr), status]);
    running.delete(this);
    this.#ended = true;
    this.#tell();
  }

  async #collect(output: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of output) {
      this.#said += decoder.decode(chunk, { stream: true });
      this.#tell();
    }
  }

  #tell(): void {
    this.#more.resolve();
    this.#more = Promise.withResolvers<void>();
  }
}

/** Where a script beside this file is. */
export function fileOf(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** Starts a script that prints the port it listens on, and nothing before. */
export async function startScript(
  command: string,
  ...args: string[]
): Promise<OpenPath> {
  await using resources = new AsyncDisposableStack();
  const script = resources.use(new Running(command, args));
  const [, port] = await script.says(/^(\d+)\n/m);
  return openPath(Number(port), resources);
}

/** Kernels give outgoing connections higher ports than these. */
const PORTS = { first: 20_000, last: 29_999 };

let nextPort = PORTS.first + Date.now() % (PORTS.last - PORTS.first);

/**
 * A port of 127.0.0.1 that nobody listens on. For programs that cannot take a
 * free one themselves: so it is one that no outgoing connection may be given
 * before they take it.
 */
export function freePort(): number {
  for (;;) {
    const port = nextPort;
    nextPort = port < PORTS.last ? port + 1 : PORTS.first;
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

/** A new folder for the files of a program; disposing of it removes it. */
export class Folder implements AsyncDisposable {
  private constructor(readonly path: string) {}

  /** Makes it. */
  static async make(): Promise<Folder> {
    return new Folder(await Deno.makeTempDir({ prefix: "recv_end_path_" }));
  }

  /** Writes a file that only we may read; returns its absolute path. */
  async write(name: string, text: string): Promise<string> {
    const file = `${this.path}/${name}`;
    await Deno.writeTextFile(file, text, { mode: 0o600 });
    return file;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** Runs a program to its end; returns what it printed on both outputs. */
export async function run(
  command: string,
  ...args: string[]
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  const said = decoder.decode(stdout) + decoder.decode(stderr);
  if (success) return said;
  throw new Error(`${[command, ...args].join(" ")} failed:\n${said}`);
}
