/**
 * The server's log: a line for each conversation, and totals.
 *
 * @module
 */
import { NOT_ALLOWED } from "../server/admission.ts";
import type { ConversationReport } from "../server/report.ts";
import { LineQuota } from "./line_quota.ts";
import {
  type LogFormat,
  toErrorLine,
  toJson,
  toLine,
  toNote,
  toSummary,
} from "./log_lines.ts";
import { addTally, emptyTally, type Tally } from "./tally.ts";

/** Lines wait this long for others, to be written together. */
const GATHER_MS = 50;

/** Lines are written at once when they have this many characters together. */
const FLUSH_CHARS = 64 * 1024;

/** Lines that would wait beside more characters than these are dropped. */
const MAX_PENDING_CHARS = 8 * 1024 * 1024;

/**
 * Clients that are not allowed can come as fast as they can connect. In each
 * thread, this many in a second have a line.
 */
const MAX_NOT_ALLOWED_PER_SECOND = 10;

/** The pause before another attempt to write, after a write that failed. */
const RETRY_MS = 1000;

/** The longest time that `close()` waits for the output. */
const CLOSE_TIMEOUT_MS = 2000;

/** Where lines are written: `Deno.stderr`, for example. */
export interface LogOutput {
  /** Writes some of the bytes, and resolves to their number. */
  write(bytes: Uint8Array): Promise<number>;
}

/**
 * Gathers lines and writes many at a time.
 *
 * No caller waits for a write. While the output accepts nothing, and while it
 * fails (a full disk, for example), lines are kept up to a limit and dropped
 * beyond it; a line then says how many are missing. When the reader of a pipe
 * is gone, further lines are dropped without a word.
 */
export class Log {
  /** Totals of all conversations, logged or not. */
  readonly tally: Tally = emptyTally();
  readonly #format: LogFormat;
  #output: LogOutput | null;
  readonly #retryMs: number;
  readonly #notAllowed = new LineQuota(MAX_NOT_ALLOWED_PER_SECOND);
  #pending = "";
  /** Number of lines dropped after those that are pending. */
  #dropped = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> | undefined;

  /**
   * Creates a log.
   *
   * @param format Format of its lines.
   * @param output Where lines are written; null to write none, and only count.
   * @param retryMs The pause after a write that failed, in ms.
   */
  constructor(
    format: LogFormat,
    output: LogOutput | null,
    retryMs: number = RETRY_MS,
  ) {
    this.#format = format;
    this.#output = output;
    this.#retryMs = retryMs;
  }

  /** Counts a conversation, and writes its line. */
  conversation(report: ConversationReport): void {
    const { outcome, bytesIn, bytesOut, replyLost } = report;
    this.add({
      conversations: { [outcome]: 1 },
      bytesIn,
      bytesOut,
      repliesLost: replyLost ? 1 : 0,
    });
    if (this.#output === null) return;
    if (outcome === NOT_ALLOWED) {
      if (!this.#notAllowed.take()) return;
      this.#noteUnlisted();
    }
    this.#line(this.#format === "json" ? toJson(report) : toLine(report));
  }

  /** Adds the totals of another log, without a line. */
  add(tally: Tally): void {
    addTally(this.tally, tally);
  }

  /** Writes lines that another log has formatted; each ends in a line break. */
  append(lines: string): void {
    if (this.#output === null) return;
    if (this.#pending.length > MAX_PENDING_CHARS) {
      this.#dropped += countLines(lines);
      return;
    }
    this.#pending += lines;
    if (this.#pending.length >= FLUSH_CHARS) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), GATHER_MS);
  }

  /** Writes a line about the server. */
  note(note: string): void {
    this.#line(toNote(this.#format, note));
  }

  /**
   * Writes the line of an error.
   *
   * @param peer Address of the client whose message a handler failed on;
   * undefined for an error that belongs to no conversation.
   */
  error(error: unknown, peer?: Deno.Addr): void {
    this.#line(toErrorLine(this.#format, error, peer));
  }

  /** Writes the line of the totals. */
  summary(): void {
    this.#noteUnlisted();
    this.#line(toSummary(this.#format, this.tally));
  }

  /**
   * Writes what is pending, for 2 s at most, and stops the timer.
   *
   * @returns Whether everything was written.
   */
  async close(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
    await Promise.race([this.#flush(), promise]);
    clearTimeout(timer);
    return this.#writing === undefined;
  }

  #noteUnlisted(): void {
    const count = this.#notAllowed.takeUnlisted();
    if (count === 0) return;
    this.note(`${count} connections that were not allowed are not listed`);
  }

  #line(text: string): void {
    this.append(`${text}\n`);
  }

  #flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    return this.#writing ??= this.#writePending().finally(() => {
      this.#writing = undefined;
    });
  }

  async #writePending(): Promise<void> {
    for (;;) {
      let unwritten = new TextEncoder().encode(this.#takePending());
      if (unwritten.length === 0) return;
      while (unwritten.length > 0) {
        if (this.#output === null) return;
        try {
          unwritten = unwritten.subarray(await this.#output.write(unwritten));
        } catch (error) {
          // The reader is gone for good, but the server goes on.
          if (error instanceof Deno.errors.BrokenPipe) this.#output = null;
          else await this.#pauseAfter(error);
        }
      }
    }
  }

  /** Returns the lines that are pending, and a line for those dropped after. */
  #takePending(): string {
    let lines = this.#pending;
    if (this.#dropped > 0) {
      const missing = `${this.#dropped} lines are missing here`;
      lines += `${toErrorLine(this.#format, missing)}\n`;
    }
    this.#pending = "";
    this.#dropped = 0;
    return lines;
  }

  async #pauseAfter(error: unknown): Promise<void> {
    // A full pipe has a reader, which makes space soon; a full disk may not.
    const isFullPipe = error instanceof Deno.errors.WouldBlock;
    const pauseMs = isFullPipe ? GATHER_MS : this.#retryMs;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
    count++;
  }
  return count;
}
