/**
 * The server under the soak: a process of its own, and what it says of itself.
 *
 * @module
 */
import { openFiles, residentMemory } from "./proc.ts";

/** How many descriptors it may have: fewer than a flood takes. */
const DESCRIPTORS = 256;

/** How many bytes a message may have. */
export const MAX_BYTES = 1024 * 1024;

/** How long it waits for a byte, in ms. */
export const IDLE_TIMEOUT = 1000;

/** With those who are told that it is busy, more than descriptors allow. */
const FLAGS = [
  "--port=0",
  "--log=json",
  `--max-bytes=${MAX_BYTES}`,
  `--idle-timeout=${IDLE_TIMEOUT / 1000}`,
  "--message-timeout=3",
  "--linger-timeout=1",
  "--max-connections=128",
  "--max-buffered=64MiB",
];

/** What a process needs, as far as anybody tells. */
export interface Needs {
  /** In bytes. */
  readonly memory: number;
  readonly descriptors: number;
  /** In seconds, since it was started. */
  readonly cpu: number;
}

/** A running server. Disposing of it kills it. */
export class ServerProcess implements AsyncDisposable {
  readonly log = new LogAudit();
  /** Its exit status, when it has ended and all its lines were read. */
  readonly exited: Promise<number>;
  hasExited = false;
  readonly #child: Deno.ChildProcess;
  readonly #port = Promise.withResolvers<number>();

  /** Starts it. */
  constructor() {
    const script = new URL("../server.ts", import.meta.url).href;
    this.#child = new Deno.Command("sh", {
      args: [
        "-c",
        `ulimit -n ${DESCRIPTORS}; exec "$@"`,
        "sh",
        Deno.execPath(),
        "run",
        "--quiet",
        "--allow-net=127.0.0.1",
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

  /** Where it listens, once it does. */
  get port(): Promise<number> {
    return this.#port.promise;
  }

  /** What it needs just now; undefined where nobody tells, or it has ended. */
  needs(): Needs | undefined {
    const { pid } = this.#child;
    try {
      const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
      // Behind the name, which may contain anything; a tick is 10 ms.
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

  kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended already.
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
    const whole = (rest + text).split("\n");
    rest = whole.pop()!;
    yield* whole;
  }
  if (rest !== "") yield rest;
}

/** How many lines that should not be there are kept. */
const MOST_STRANGE = 10;

/** Does the sums over the server's log again. */
export class LogAudit {
  /** Lines about conversations. */
  count = 0;
  /** Lines that no server of ours should ever write. */
  readonly strange: string[] = [];
  /** What went wrong outside of conversations, and how often. */
  readonly troubles = new Map<string, number>();
  /** How conversations ended, and how many of them so. */
  readonly outcomes = new Map<string, number>();
  readonly #sums = { bytesIn: 0, bytesOut: 0, lastWordsLost: 0 };
  #summary: Record<string, unknown> | undefined;

  add(line: string): void {
    let entry: Record<string, unknown>;
    try {
      entry = JSON.parse(line);
    } catch {
      return this.#wonder(line);
    }
    // Nothing comes after the summary.
    if (this.#summary !== undefined) return this.#wonder(line);
    if ("conversations" in entry) {
      this.#summary = entry;
    } else if (typeof entry.outcome === "string") {
      this.#conversation(entry.outcome, entry);
      // The default handler never throws.
      if (entry.outcome === "failed") this.#wonder(line);
    } else if (!("note" in entry)) {
      tally(this.troubles, String(entry.error));
      // Floods take all descriptors; all else is a bug.
      if (!/too many open files/i.test(line)) this.#wonder(line);
    }
  }

  /** What is wrong with the log as a whole. */
  faults(): string[] {
    const faults = this.strange.map((line) => `a strange line: ${line}`);
    const { time: _time, conversations, ...sums } = this.#summary ?? {};
    const said = canonical({ ...conversations as object, ...sums });
    const found = canonical({
      ...Object.fromEntries(this.outcomes),
      ...this.#sums,
    });
    if (said !== found) {
      faults.push(`the summary says ${said}, the lines ${found}`);
    }
    return faults;
  }

  #conversation(outcome: string, entry: Record<string, unknown>): void {
    this.count++;
    tally(this.outcomes, outcome);
    this.#sums.bytesIn += Number(entry.bytesIn);
    this.#sums.bytesOut += Number(entry.bytesOut);
    if (entry.lastWordLost) this.#sums.lastWordsLost++;
  }

  #wonder(line: string): void {
    if (this.strange.length < MOST_STRANGE) this.strange.push(line);
  }
}

/** Counts one more of these. */
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
