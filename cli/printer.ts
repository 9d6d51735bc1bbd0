/**
 * What the user of the client script sees of its conversations.
 *
 * @module
 */
import { ConversationError, type Reply, type SendEvent } from "./answer.ts";
import {
  EXIT,
  printable,
  report,
  UsageError,
  writeErr,
  writeOut,
} from "./cli.ts";
import { InputError } from "./input.ts";
import { JsonTimeline, Timeline, type Watcher } from "./timeline.ts";

const SAME_MARKER = "both sides need the same --marker";

/** What to try after a last word, on standard error. */
const LAST_WORD_HINTS = new Map([
  ["no end", `the server did not find its end marker: ${SAME_MARKER}`],
  ["timed out", `a server that finds no end marker waits: ${SAME_MARKER}`],
  ["bad count", "the server wants netstrings: --framing count"],
]);

/** What to try after a failure, on standard error. */
const FAILURE_HINTS = new Map([
  [
    "no last word",
    "something on the path may take a half-close for a close: " +
    "try --half-close after, or --check (or the reply was empty)",
  ],
  [
    "cut",
    "the server or something on the path broke the connection: " +
    "look at its log; a --reply-marker on both sides tells whole from cut",
  ],
  [
    "timed out",
    "raise --timeout; or the path keeps the reply back: " +
    "try --half-close after",
  ],
  ["too large", "raise --max-bytes"],
  ["bad count", "the server needs --framing count as well"],
]);

/** How much the user wants to see. */
export interface PrinterOptions {
  /** The replies alone, exactly their bytes. */
  readonly quiet: boolean;
  /** A time line instead of lines. */
  readonly trace: "text" | "json" | undefined;
}

/** What the user sees, and the exit status it comes to. */
export class Printer {
  /** The worst so far. */
  status: number = EXIT.ok;
  readonly #options: PrinterOptions;
  readonly #watcher: Watcher | undefined;
  readonly #hints = new Set<string>();

  private constructor(options: PrinterOptions, watcher: Watcher | undefined) {
    this.#options = options;
    this.#watcher = watcher;
  }

  /** A printer; on a terminal, with a line of progress. */
  static async open(options: PrinterOptions): Promise<Printer> {
    return new Printer(options, await watcherFor(options));
  }

  /** A line, if the user wants lines. */
  say(line: string): void {
    const { quiet, trace } = this.#options;
    if (quiet || trace !== undefined) return;
    this.#watcher?.makeRoom();
    writeOut(`${line}\n`);
  }

  /** A step of the conversation. */
  watch(event: SendEvent): void {
    this.#watcher?.event(event);
  }

  /** The reply, and what it means for the exit status. */
  reply({ data, lastWord }: Reply): void {
    this.#print(data);
    if (lastWord === null) return;
    this.status = Math.max(this.status, EXIT.error);
    this.#hint(LAST_WORD_HINTS.get(lastWord));
  }

  /**
   * Shows a conversation from its beginning to its end, and its failure.
   *
   * @param to The address, for people.
   * @param size How many bytes its message has, where that is known.
   */
  async tell<Told>(
    to: string,
    size: number | undefined,
    hold: () => Promise<Told>,
  ): Promise<Told | undefined> {
    this.#watcher?.begin(to, size);
    try {
      const told = await hold();
      this.#watcher?.end();
      return told;
    } catch (error) {
      this.#watcher?.end(
        error instanceof ConversationError ? error : undefined,
      );
      this.#fail(error);
      return undefined;
    }
  }

  /** Each hint once, behind all else. */
  hint(): void {
    if (this.#options.trace === "json") return;
    for (const hint of this.#hints) report(`hint: ${hint}`);
  }

  #fail(error: unknown): void {
    if (error instanceof InputError) throw new UsageError(error.message);
    if (!(error instanceof ConversationError)) throw error;
    this.#print(error.received);
    // A program finds it among the events.
    if (this.#options.trace !== "json") report(printable(error.message));
    this.status = EXIT.failed;
    this.#hint(
      error.cause instanceof Deno.errors.ConnectionRefused
        ? "is a server running there?"
        : FAILURE_HINTS.get(error.reason),
    );
  }

  #hint(hint: string | undefined): void {
    if (hint !== undefined) this.#hints.add(hint);
  }

  /** Outside of a terminal, and with --quiet, exactly these bytes. */
  #print(data: Uint8Array): void {
    this.#watcher?.makeRoom();
    if (this.#options.quiet) return writeOut(data);
    if (data.length === 0) return;
    const forTerminal = Deno.stdout.isTerminal();
    writeOut(forTerminal ? printable(new TextDecoder().decode(data)) : data);
    writeOut("\n");
  }
}

async function watcherFor(
  { quiet, trace }: PrinterOptions,
): Promise<Watcher | undefined> {
  const color = Deno.stderr.isTerminal();
  if (trace === "text") return new Timeline({ write: writeErr, color });
  if (trace === "json") return new JsonTimeline(writeErr);
  if (quiet || !Deno.stderr.isTerminal()) return undefined;
  const { Progress } = await import("./progress.ts");
  return new Progress();
}
