/**
 * What the user of the client script sees of its conversations.
 *
 * @module
 */
import { ConversationError, type Reply } from "./answer.ts";
import { EXIT, printable, UsageError, writeOut } from "./cli.ts";
import { InputError } from "./input.ts";

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
    "try --half-close after (or the reply was empty)",
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

/** What the user sees, and the exit status it comes to. */
export class Printer {
  /** The worst so far. */
  status: number = EXIT.ok;
  readonly #quiet: boolean;
  readonly #hints = new Set<string>();

  constructor(quiet: boolean) {
    this.#quiet = quiet;
  }

  /** A line, unless quiet. */
  say(line: string): void {
    if (!this.#quiet) writeOut(`${line}\n`);
  }

  /** The reply, and what it means for the exit status. */
  reply({ data, lastWord }: Reply): void {
    this.#print(data);
    if (lastWord === null) return;
    this.status = Math.max(this.status, EXIT.error);
    this.#hint(LAST_WORD_HINTS.get(lastWord));
  }

  /** What a conversation failed with, if it does. */
  async tell(hold: () => Promise<void>): Promise<void> {
    try {
      await hold();
    } catch (error) {
      if (error instanceof InputError) throw new UsageError(error.message);
      if (!(error instanceof ConversationError)) throw error;
      this.#print(error.received);
      console.error(printable(error.message));
      this.status = EXIT.failed;
      this.#hint(
        error.cause instanceof Deno.errors.ConnectionRefused
          ? "is a server running there?"
          : FAILURE_HINTS.get(error.reason),
      );
    }
  }

  /** Each hint once, behind all else. */
  hint(): void {
    for (const hint of this.#hints) console.error(`hint: ${hint}`);
  }

  #hint(hint: string | undefined): void {
    if (hint !== undefined) this.#hints.add(hint);
  }

  /** Outside of a terminal, and with --quiet, exactly these bytes. */
  #print(data: Uint8Array): void {
    if (this.#quiet) return writeOut(data);
    if (data.length === 0) return;
    const forTerminal = Deno.stdout.isTerminal();
    writeOut(forTerminal ? printable(new TextDecoder().decode(data)) : data);
    writeOut("\n");
  }
}
