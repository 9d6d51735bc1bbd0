/**
 * The server of the soak: a process of its own, and the audit of its log.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { openFiles, residentMemory } from "./proc.ts";

/** The limit of the server's file descriptors: fewer than a flood takes. */
const DESCRIPTORS = 256;

/** The largest message, in bytes. */
export const MAX_BYTES = 1024 * 1024;

/** The longest time that the server waits for a byte. */
export const IDLE_TIMEOUT_MS = 1000;

/** With those that get `ERROR:busy!`, more connections than descriptors. */
const FLAGS = [
  "--port=0",
  "--log=json",
  `--max-bytes=${MAX_BYTES}`,
  `--idle-timeout=${IDLE_TIMEOUT_MS / 1000}`,
  "--message-timeout=3",
  "--linger-timeout=1",
  "--max-connections=128",
  "--max-buffered=64MiB",
];

/** Resources that a process uses. */
export interface Usage {
  /** Resident memory, in bytes. */
  readonly memory: number;
  /** The number of file descriptors. */
  readonly descriptors: number;
  /** CPU time since the start, in seconds. */
  readonly cpu: number;
}

/** A running server. Disposing of it kills the process. */
export class ServerProcess implements AsyncDisposable {
  /** The audit of the server's log. */
  readonly log = new LogAudit();
  /** Resolves to the exit status, when all lines of the log were read. */
  readonly exited: Promise<number>;
  /** Whether the process has ended. */
  hasExited = false;
  readonly #child: Deno.ChildProcess;
  readonly #port = Promise.withResolvers<number>();

  /** Starts the server. */
  constructor() {
    const project = new URL("..", import.meta.url);
    const script = new URL("server.ts", project).href;
    this.#child = new Deno.Command("sh", {
      args: [
        "-c",
        `ulimit -n ${DESCRIPTORS}; exec "$@"`,
        "sh",
        Deno.execPath(),
        "run",
        "--quiet",
        "--allow-net=127.0.0.1",
        `--allow-read=${fileURLToPath(project)}`,
        script,
        ...FLAGS,
      ],
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.exited = this.#follow();
  }

  /** Resolves to the server's port, once it listens. */
  get port(): Promise<number> {
    return this.#port.promise;
  }

  /** Current usage; undefined where it is unknown, or the process has ended. */
  usage(): Usage | undefined {
    const { pid } = this.#child;
    try {
      const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
      // After the name, which may contain anything; a tick is 10 ms.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return {
        memory: residentMemory(pid),
        descriptors: openFiles(pid),
        cpu: (Number(fields[11]) + Number(fields[12])) / 100,
      };
    } catch {
      return undefined;
    }
  }

  /** Sends a signal, unless the process has ended. */
  kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // The process has ended already.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.exited;
  }

  async #follow(): Promise<number> {
    const [{ code }] = await Promise.all([
      this.#child.status.finally(() => this.hasExited = true),
      this.#readPort(),
      this.#readLog(),
    ]);
    return code;
  }

  async #readPort(): Promise<void> {
    for await (const line of lines(this.#child.stdout)) {
      this.#port.resolve(Number(/^started on (\d+)$/.exec(line)?.[1]));
    }
    this.#port.reject(new Error("The server did not start"));
  }

  async #readLog(): Promise<void> {
    for await (const line of lines(this.#child.stderr)) this.log.add(line);
  }
}

async function* lines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncIterable<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const complete = (rest + text).split("\n");
    rest = complete.pop()!;
    yield* complete;
  }
  if (rest !== "") yield rest;
}

/** The largest number of unexpected lines that are kept. */
const MAX_UNEXPECTED = 10;

/** Adds up the lines of the log, and compares them with the summary. */
export class LogAudit {
  /** The number of lines about conversations. */
  count = 0;
  /** Lines that the server should never write. */
  readonly unexpected: string[] = [];
  /** Errors outside of conversations, and the number of each. */
  readonly errors = new Map<string, number>();
  /** Outcomes of conversations, and the number of each. */
  readonly outcomes = new Map<string, number>();
  readonly #sums = { bytesIn: 0, bytesOut: 0, repliesLost: 0 };
  #summary: Record<string, unknown> | undefined;

  /** Adds a line of the log. */
  add(line: string): void {
    let entry: Record<string, unknown>;
    try {
      entry = JSON.parse(line);
    } catch {
      return this.#addUnexpected(line);
    }
    // The summary is the last line.
    if (this.#summary !== undefined) return this.#addUnexpected(line);
    if ("conversations" in entry) {
      this.#summary = entry;
    } else if (typeof entry.outcome === "string") {
      this.#conversation(entry.outcome, entry);
      // The default handler never throws.
      if (entry.outcome === "failed") this.#addUnexpected(line);
    } else if (!("note" in entry)) {
      tally(this.errors, String(entry.error));
      // Floods take all descriptors; any other error is a bug.
      if (!/too many open files/i.test(line)) this.#addUnexpected(line);
    }
  }

  /** What is wrong with the log; empty if nothing is. */
  faults(): string[] {
    const faults = this.unexpected.map((line) => `unexpected line: ${line}`);
    const { time: _time, conversations, ...sums } = this.#summary ?? {};
    const summary = canonical({ ...conversations as object, ...sums });
    const lines = canonical({
      ...Object.fromEntries(this.outcomes),
      ...this.#sums,
    });
    if (summary !== lines) {
      faults.push(`the summary has ${summary}, the lines have ${lines}`);
    }
    return faults;
  }

  #conversation(outcome: string, entry: Record<string, unknown>): void {
    this.count++;
    tally(this.outcomes, outcome);
    this.#sums.bytesIn += Number(entry.bytesIn);
    this.#sums.bytesOut += Number(entry.bytesOut);
    if (entry.replyLost) this.#sums.repliesLost++;
  }

  #addUnexpected(line: string): void {
    if (this.unexpected.length < MAX_UNEXPECTED) this.unexpected.push(line);
  }
}

/** Adds to the count of a name. */
export function tally(
  counts: Map<string, number>,
  name: string,
  more = 1,
): void {
  counts.set(name, (counts.get(name) ?? 0) + more);
}

function canonical(counts: object): string {
  return JSON.stringify(Object.entries(counts).sort());
}
