/**
 * What the operator sees of the conversations.
 *
 * @module
 */
import type { ConversationReport } from "./conversation.ts";
import { printable } from "./cli.ts";

/** Lines wait this long for others, in ms, to be written together. */
const GATHER = 50;

/** So many characters may wait to be written. */
const MOST = 8 * 1024 * 1024;

/** At the end, so many ms are left for writing. */
const PATIENCE = 2000;

/** Lines are written at once when they are this many characters together. */
const FULL = 64 * 1024;

/** What conversations came to. */
export interface Tally {
  /** How many there were, by their outcome. */
  conversations: Record<string, number>;
  /** The bytes that came. */
  bytesIn: number;
  /** The bytes of replies that were sent. */
  bytesOut: number;
  /** The last words that were probably lost. */
  lastWordsLost: number;
}

/** Where lines go: `Deno.stderr`, say. */
export interface LogOutput {
  /** Writes some of the bytes and resolves to how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/**
 * Lines on their way to the operator, many in one write.
 *
 * Nobody waits for them to be written. Where nobody reads them, so many are
 * kept and then no more; a line says how many are missing.
 */
export class Log {
  /** What all conversations came to. */
  readonly tally: Tally = {
    conversations: {},
    bytesIn: 0,
    bytesOut: 0,
    lastWordsLost: 0,
  };
  readonly #format: "text" | "json";
  #out: LogOutput | null;
  #lines = "";
  /** Lines that were dropped since the last that was not. */
  #missing = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> | undefined;

  /**
   * @param format Lines for people, or one JSON object a line.
   * @param out Where they go; null for nowhere.
   */
  constructor(format: "text" | "json", out: LogOutput | null) {
    this.#format = format;
    this.#out = out;
  }

  /** A line about one conversation. */
  conversation(report: ConversationReport): void {
    const { tally } = this;
    const { outcome } = report;
    tally.conversations[outcome] = (tally.conversations[outcome] ?? 0) + 1;
    tally.bytesIn += report.bytesIn;
    tally.bytesOut += report.bytesOut;
    if (report.lastWordLost) tally.lastWordsLost++;
    if (this.#out === null) return;
    this.#line(this.#format === "json" ? toJson(report) : toLine(report));
  }

  /** Counts what another has tallied, without a line. */
  add(tally: Tally): void {
    const { conversations } = this.tally;
    for (const [outcome, count] of Object.entries(tally.conversations)) {
      conversations[outcome] = (conversations[outcome] ?? 0) + count;
    }
    this.tally.bytesIn += tally.bytesIn;
    this.tally.bytesOut += tally.bytesOut;
    this.tally.lastWordsLost += tally.lastWordsLost;
  }

  /** Lines that another has made. */
  lines(text: string): void {
    this.#gather(text);
  }

  /** A line about the server itself. */
  note(note: string): void {
    const time = new Date().toISOString();
    this.#line(
      this.#format === "json"
        ? JSON.stringify({ time, note })
        : `${time} ${printable(note)}`,
    );
  }

  /** A line about what went wrong outside of all conversations. */
  trouble(error: unknown): void {
    const time = new Date().toISOString();
    const message = messageOf(error);
    this.#line(
      this.#format === "json"
        ? JSON.stringify({ time, error: message })
        : `${time} ${printable(message)}`,
    );
  }

  /** The last line: what all conversations came to. */
  summary(): void {
    const time = new Date().toISOString();
    if (this.#format === "json") {
      return this.#line(JSON.stringify({ time, ...this.tally }));
    }
    const { conversations, bytesIn, bytesOut, lastWordsLost } = this.tally;
    const counts = Object.values(conversations);
    const total = counts.reduce((sum, count) => sum + count, 0);
    const each = Object.entries(conversations)
      .map(([outcome, count]) => `${printable(outcome)} ${count}`);
    this.#line(
      `${time} ${total} conversations` +
        (total > 0 ? ` (${each.join(", ")})` : "") +
        `, ${bytesIn} bytes in, ${bytesOut} out, ` +
        `${lastWordsLost} last words probably lost`,
    );
  }

  /**
   * Writes what was gathered; no timer is left.
   *
   * @returns Whether all was written within `PATIENCE`.
   */
  async close(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const patience = setTimeout(resolve, PATIENCE);
    await Promise.race([this.#flush(), promise]);
    clearTimeout(patience);
    return this.#writing === undefined;
  }

  #line(text: string): void {
    this.#gather(text + "\n");
  }

  #gather(lines: string): void {
    if (this.#out === null) return;
    if (this.#lines.length > MOST) {
      this.#missing++;
      return;
    }
    if (this.#missing > 0) {
      const missing = `${this.#missing} lines are missing here`;
      this.#missing = 0;
      this.trouble(missing);
    }
    this.#lines += lines;
    if (this.#lines.length >= FULL) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), GATHER);
  }

  #flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    return this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  async #writeAll(): Promise<void> {
    while (this.#lines !== "" && this.#out !== null) {
      let unwritten = new TextEncoder().encode(this.#lines);
      this.#lines = "";
      while (unwritten.length > 0) {
        try {
          unwritten = unwritten.subarray(await this.#out.write(unwritten));
        } catch (error) {
          if (error instanceof Deno.errors.WouldBlock) {
            await new Promise((resolve) => setTimeout(resolve, GATHER));
            continue;
          }
          // Nobody reads any more; the conversations go on without.
          this.#out = null;
          return;
        }
      }
    }
  }
}

/** One conversation as a line for people. */
export function toLine(report: ConversationReport): string {
  const { outcome, bytesIn, bytesOut, milliseconds } = report;
  return `${new Date().toISOString()} ${peerName(report.remoteAddr)} ` +
    `${printable(outcome)}, ${bytesIn} bytes in, ${bytesOut} out, ` +
    `${milliseconds.toFixed(1)} ms` +
    (report.lastWordLost ? ", last word probably lost" : "") +
    ("error" in report ? `, ${printable(messageOf(report.error))}` : "");
}

/** One conversation as a line for programs. */
export function toJson(report: ConversationReport): string {
  const { remoteAddr, milliseconds, error: _error, ...same } = report;
  return JSON.stringify({
    time: new Date().toISOString(),
    peer: peerName(remoteAddr),
    ...same,
    milliseconds: Math.round(milliseconds * 10) / 10,
    ...("error" in report && { error: messageOf(report.error) }),
  });
}

/** The other end's address, as people write it. */
function peerName(addr: Deno.Addr): string {
  if (!("hostname" in addr)) return "unix";
  const { hostname, port } = addr;
  return hostname.includes(":")
    ? `[${hostname}]:${port}`
    : `${hostname}:${port}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error
    ? `${error.name}: ${error.message}`
    : String(error);
}
