/**
 * The server's log: a line for each conversation, and totals.
 *
 * @module
 */
import type { ConversationReport } from "../server/report.ts";
import {
  type LogFormat,
  type Tally,
  toErrorLine,
  toJson,
  toLine,
  toNote,
  toSummary,
} from "./log_lines.ts";

/** Lines wait this long for others, to be written together. */
const GATHER_MS = 50;

/** Lines are written at once when they have this many characters together. */
const FLUSH_CHARS = 64 * 1024;

/** Lines that would wait beside more characters than these are dropped. */
const MAX_PENDING_CHARS = 8 * 1024 * 1024;

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
 * No caller waits for a write. While the output accepts nothing, lines are
 * kept up to a limit and dropped beyond it; a line then says how many are
 * missing. When the output fails, further lines are dropped without a word.
 */
export class Log {
  /** Totals of all conversations, logged or not. */
  readonly tally: Tally = {
    conversations: {},
    bytesIn: 0,
    bytesOut: 0,
    repliesLost: 0,
  };
  readonly #format: LogFormat;
  #output: LogOutput | null;
  #pending = "";
  /** Number of lines dropped since the last line that was kept. */
  #dropped = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> | undefined;

  /**
   * Creates a log.
   *
   * @param format Format of its lines.
   * @param output Where lines are written; null to write none, and only count.
   */
  constructor(format: LogFormat, output: LogOutput | null) {
    this.#format = format;
    this.#output = output;
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
    this.#line(this.#format === "json" ? toJson(report) : toLine(report));
  }

  /** Adds the totals of another log, without a line. */
  add(tally: Tally): void {
    const { conversations } = this.tally;
    for (const [outcome, count] of Object.entries(tally.conversations)) {
      conversations[outcome] = (conversations[outcome] ?? 0) + count;
    }
    this.tally.bytesIn += tally.bytesIn;
    this.tally.bytesOut += tally.bytesOut;
    this.tally.repliesLost += tally.repliesLost;
  }

  /** Writes lines that another log has formatted; each ends in a line break. */
  append(lines: string): void {
    if (this.#output === null) return;
    if (this.#pending.length > MAX_PENDING_CHARS) {
      this.#dropped++;
      return;
    }
    if (this.#dropped > 0) {
      const dropped = `${this.#dropped} lines are missing here`;
      this.#dropped = 0;
      this.error(dropped);
    }
    this.#pending += lines;
    if (this.#pending.length >= FLUSH_CHARS) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), GATHER_MS);
  }

  /** Writes a line about the server. */
  note(note: string): void {
    this.#line(toNote(this.#format, note));
  }

  /** Writes the line of an error that belongs to no conversation. */
  error(error: unknown): void {
    this.#line(toErrorLine(this.#format, error));
  }

  /** Writes the line of the totals. */
  summary(): void {
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
    while (this.#pending !== "" && this.#output !== null) {
      let unwritten = new TextEncoder().encode(this.#pending);
      this.#pending = "";
      while (unwritten.length > 0) {
        try {
          unwritten = unwritten.subarray(await this.#output.write(unwritten));
        } catch (error) {
          if (error instanceof Deno.errors.WouldBlock) {
            await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
            continue;
          }
          // The output is gone, but the server goes on.
          this.#output = null;
          return;
        }
      }
    }
  }
}
