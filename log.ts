/**
 * What the operator sees of the conversations.
 *
 * @module
 */
import type { ConversationReport } from "./conversation.ts";
import { printable } from "./cli.ts";

/** Lines wait this long for others, in ms, to be written together. */
const GATHER = 50;

/** Lines are written at once when they are this many characters together. */
const FULL = 64 * 1024;

/**
 * Lines on their way to the operator, many in one write.
 *
 * They are written synchronously: when nobody reads them, the server waits,
 * as nginx does; no line is dropped and none piles up.
 */
export class Log {
  readonly #format: "text" | "json";
  readonly #out: { writeSync(bytes: Uint8Array): number } | null;
  readonly #outcomes = new Map<string, number>();
  #bytesIn = 0;
  #bytesOut = 0;
  #lost = 0;
  #lines = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param format Lines for people, or one JSON object a line.
   * @param out Where they go; null for nowhere.
   */
  constructor(
    format: "text" | "json",
    out: { writeSync(bytes: Uint8Array): number } | null,
  ) {
    this.#format = format;
    this.#out = out;
  }

  /** A line about one conversation. */
  conversation(report: ConversationReport): void {
    const { outcome } = report;
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
    this.#bytesIn += report.bytesIn;
    this.#bytesOut += report.bytesOut;
    if (report.lastWordLost) this.#lost++;
    if (this.#out === null) return;
    this.#line(this.#format === "json" ? toJson(report) : toLine(report));
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
    const conversations = Object.fromEntries(this.#outcomes);
    const [bytesIn, bytesOut, lastWordsLost] = [
      this.#bytesIn,
      this.#bytesOut,
      this.#lost,
    ];
    const total = [...this.#outcomes.values()].reduce((a, b) => a + b, 0);
    const each = [...this.#outcomes].map(([outcome, count]) =>
      `${printable(outcome)} ${count}`
    );
    this.#line(
      this.#format === "json"
        ? JSON.stringify({
          time,
          conversations,
          bytesIn,
          bytesOut,
          lastWordsLost,
        })
        : `${time} ${total} conversations` +
          (total > 0 ? ` (${each.join(", ")})` : "") +
          `, ${bytesIn} bytes in, ${bytesOut} out, ` +
          `${lastWordsLost} last words probably lost`,
    );
  }

  /** Writes what was gathered. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    let unwritten = new TextEncoder().encode(this.#lines);
    this.#lines = "";
    while (unwritten.length > 0) {
      unwritten = unwritten.subarray(this.#out!.writeSync(unwritten));
    }
  }

  /** Writes what was gathered; no timer is left. */
  [Symbol.dispose](): void {
    this.flush();
  }

  #line(text: string): void {
    if (this.#out === null) return;
    this.#lines += text + "\n";
    if (this.#lines.length >= FULL) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), GATHER);
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
