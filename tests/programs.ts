/**
 * Programs of a test: processes, the scripts among them, and their output.
 *
 * A program that is still running when its test has ended, or has run out of
 * time, is killed.
 *
 * @module
 */
import { concat } from "@std/bytes";

/** A program that was asked to stop is killed after this time, in ms. */
const STOP_GRACE_MS = 5_000;

/** A foreign program is tried on this many ports before the test fails. */
const MAX_PORTS = 5;

/** All programs that run. The tests of a file run one after the other. */
const running = new Set<Program>();

// After a timeout, too: the runner itself does not end what a test started.
Deno.test.afterEach(async () => {
  await Promise.all([...running].map((program) => program.stop("SIGKILL")));
});

/** What a program left. */
export interface Outcome {
  /** The exit status. */
  readonly code: number;
  /** Standard output, as text. */
  readonly stdout: string;
  /** Standard output, as bytes. */
  readonly stdoutBytes: Uint8Array;
  /** Standard error, as text. */
  readonly stderr: string;
}

/** What to give a program. */
export interface ProgramOptions {
  /** All of its standard input. @default {nothing} */
  stdin?: string | Uint8Array;
  /** Variables to add to the environment. */
  env?: Record<string, string>;
}

/** A running program. Disposing of it stops it. */
export class Program implements AsyncDisposable {
  /** The command line. */
  readonly name: string;
  /** Resolves when the program has ended and all of its output was read. */
  readonly finished: Promise<Outcome>;
  readonly #process: Deno.ChildProcess;
  readonly #stdout: Output;
  readonly #stderr: Output;

  /** Starts the program. */
  constructor(
    command: string,
    args: readonly string[],
    { stdin, env = {} }: ProgramOptions = {},
  ) {
    this.name = [command, ...args].join(" ");
    this.#process = new Deno.Command(command, {
      args: [...args],
      env: { NO_COLOR: "1", ...env },
      stdin: stdin === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    running.add(this);
    this.#stdout = new Output(this.#process.stdout);
    this.#stderr = new Output(this.#process.stderr);
    this.finished = this.#finish(stdin);
  }

  /** The process id. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Standard error so far. */
  get stderr(): string {
    return this.#stderr.text();
  }

  /** Standard output so far. */
  get stdout(): string {
    return this.#stdout.text();
  }

  /**
   * Waits until the output matches.
   *
   * @throws {Error} If the program ends before.
   */
  async says(
    pattern: RegExp,
    where: "stdout" | "stderr" = "stdout",
  ): Promise<RegExpMatchArray> {
    const output = where === "stdout" ? this.#stdout : this.#stderr;
    const match = await output.match(pattern);
    if (match !== null) return match;
    const { code, stdout, stderr } = await this.finished;
    throw new Error(
      `${this.name} did not print ${pattern} on ${where}: ` +
        `it ended with ${code}\n${stdout}${stderr}`,
    );
  }

  /** Sends a signal, unless the program has ended. */
  kill(signal: Deno.Signal): void {
    try {
      this.#process.kill(signal);
    } catch (error) {
      const hasEnded = error instanceof TypeError ||
        error instanceof Deno.errors.NotFound;
      if (!hasEnded) throw error;
    }
  }

  /** Ends the program by a signal and, 5 s later, by SIGKILL. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<Outcome> {
    this.kill(signal);
    const grace = setTimeout(() => this.kill("SIGKILL"), STOP_GRACE_MS);
    try {
      return await this.finished;
    } finally {
      clearTimeout(grace);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #finish(stdin: string | Uint8Array | undefined): Promise<Outcome> {
    const [{ code }] = await Promise.all([
      this.#process.status,
      this.#stdout.finished,
      this.#stderr.finished,
      stdin === undefined ? undefined : this.#feed(stdin),
    ]);
    running.delete(this);
    return {
      code,
      stdout: this.stdout,
      stdoutBytes: this.#stdout.bytes(),
      stderr: this.stderr,
    };
  }

  async #feed(stdin: string | Uint8Array): Promise<void> {
    const bytes = typeof stdin === "string"
      ? new TextEncoder().encode(stdin)
      : stdin;
    const writer = this.#process.stdin.getWriter();
    try {
      await writer.write(bytes);
      await writer.close();
    } catch {
      // A program need not read all of its input: it may end before.
    }
  }
}

/** The output of a program, as far as it was printed. */
class Output {
  readonly finished: Promise<void>;
  readonly #chunks: Uint8Array[] = [];
  #ended = false;
  #more = Promise.withResolvers<void>();

  constructor(stream: ReadableStream<Uint8Array>) {
    this.finished = this.#collect(stream);
  }

  bytes(): Uint8Array {
    return concat(this.#chunks);
  }

  text(): string {
    return new TextDecoder().decode(this.bytes());
  }

  async match(pattern: RegExp): Promise<RegExpMatchArray | null> {
    for (;;) {
      const match = this.text().match(pattern);
      if (match !== null || this.#ended) return match;
      await this.#more.promise;
    }
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const chunk of stream) {
      this.#chunks.push(chunk);
      this.#notify();
    }
    this.#ended = true;
    this.#notify();
  }

  #notify(): void {
    this.#more.resolve();
    this.#more = Promise.withResolvers<void>();
  }
}

/** Runs a program to its end. */
export async function runProgram(
  command: string,
  args: readonly string[],
  options?: ProgramOptions,
): Promise<Outcome> {
  await using program = new Program(command, args, options);
  return await program.finished;
}

/** A program that listens on a port of 127.0.0.1. */
export type Listening = Program & { readonly port: number };

/**
 * Starts a program that has to be given its port, and that ends when another
 * program has taken the port in the meantime: then tries the next.
 *
 * @param start Starts it on this port.
 * @param pattern What it prints on standard error when it listens.
 */
export async function startOnSomePort(
  start: (port: number) => Program,
  pattern: RegExp,
): Promise<Listening> {
  for (let count = 1;; count++) {
    const port = recentlyFreePort();
    const program = start(port);
    try {
      await program.says(pattern, "stderr");
      return Object.assign(program, { port });
    } catch (error) {
      if (count === MAX_PORTS) throw error;
    }
  }
}

/** A port of 127.0.0.1 that was free a moment ago: no more is known of it. */
function recentlyFreePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
