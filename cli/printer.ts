/**
 * What the client script prints of its conversations.
 *
 * @module
 */
import type { SendEvent } from "../client/events.ts";
import { system } from "../client.ts";
import { ConversationError, type Reply } from "../client/reply.ts";
import type { ClientSystem } from "../client/system.ts";
import { UsageError } from "./flags.ts";
import { hintForErrorReply, hintForFailure, SILENCE_HINT } from "./hints.ts";
import type { PictureFile } from "./values.ts";
import { InputError } from "./input.ts";
import { JsonTimeline } from "./json_timeline.ts";
import {
  printable,
  printError,
  writeErr,
  writeOut,
  writePrintable,
} from "./output.ts";
import { EXIT } from "./run.ts";
import { SilenceWatch } from "./silence.ts";
import { Timeline, type Watcher } from "./timeline.ts";

/** How much is printed. */
export interface PrinterOptions {
  /** Whether exactly the bytes of the replies are printed. */
  readonly quiet: boolean;
  /** A time line or a picture instead of lines; undefined for lines. */
  readonly trace: "text" | "json" | PictureFile | undefined;
  /** Whether the client keeps the connection for several messages. */
  readonly keepAlive: boolean;
  /** Whether a person types messages, whom a progress line would interrupt. */
  readonly isTyped?: boolean;
  /**
   * The time without a byte after which the user gets a hint, in ms; 0 for
   * none.
   */
  readonly silenceMs: number;
}

/** Prints conversations, and collects the exit status. */
export class Printer {
  /** Exit status of the worst conversation. */
  status: number = EXIT.ok;
  /** What the client has to run on. */
  readonly system: ClientSystem;
  readonly #options: PrinterOptions;
  readonly #watcher: Watcher | undefined;
  readonly #hints = new Set<string>();
  readonly #silence: SilenceWatch;

  private constructor(options: PrinterOptions, watcher: Watcher | undefined) {
    this.#options = options;
    this.#watcher = watcher;
    this.system = watcher?.system ?? system;
    this.#silence = new SilenceWatch(options.silenceMs, () => {
      this.#watcher?.breakLine();
      printError(`hint: ${SILENCE_HINT}`);
    });
  }

  /** Creates a printer; on a terminal, it shows the progress of long steps. */
  static async open(options: PrinterOptions): Promise<Printer> {
    return new Printer(options, await openWatcher(options));
  }

  /** Prints a line, unless the replies alone or a time line are wanted. */
  line(line: string): void {
    const { quiet, trace } = this.#options;
    if (quiet || trace !== undefined) return;
    this.#watcher?.breakLine();
    writeOut(`${line}\n`);
  }

  /** Shows a step of the conversation. */
  event(event: SendEvent): void {
    this.#silence.event(event);
    this.#watcher?.event(event);
  }

  /** Prints a reply. */
  reply({ data, error }: Reply): void {
    this.#print(data);
    if (error === null) return;
    this.status = Math.max(this.status, EXIT.error);
    this.#addHint(hintForErrorReply(error));
  }

  /**
   * Shows a conversation from beginning to end, and prints its failure.
   *
   * @param address Address of the server, for people.
   * @param byteLength Number of bytes in the message; undefined if unknown.
   * @param run Runs the conversation.
   * @returns What `run` resolved to; undefined if the conversation failed.
   * @throws {UsageError} If the input could not be read.
   */
  async show<Result>(
    address: string,
    byteLength: number | undefined,
    run: () => Promise<Result>,
  ): Promise<Result | undefined> {
    this.#watcher?.begin(address, byteLength);
    try {
      const result = await run();
      this.#watcher?.end();
      return result;
    } catch (error) {
      this.#watcher?.end(
        error instanceof ConversationError ? error : undefined,
      );
      this.#fail(error);
      return undefined;
    } finally {
      this.#silence.stop();
    }
  }

  /** Prints each hint once. */
  hints(): void {
    if (this.#options.trace === "json") return;
    for (const hint of this.#hints) printError(`hint: ${hint}`);
  }

  #fail(error: unknown): void {
    if (error instanceof InputError) throw new UsageError(error.message);
    if (!(error instanceof ConversationError)) throw error;
    this.#print(error.received);
    // In JSON, the failure is one of the events.
    if (this.#options.trace !== "json") printError(printable(error.message));
    this.status = EXIT.failed;
    this.#addHint(hintForFailure(error, this.#options.keepAlive));
  }

  #addHint(hint: string | undefined): void {
    if (hint !== undefined) this.#hints.add(hint);
  }

  /** Prints exactly the bytes with --quiet; else escapes on a terminal. */
  #print(data: Uint8Array): void {
    this.#watcher?.breakLine();
    if (this.#options.quiet) return writeOut(data);
    if (data.length === 0) return;
    if (Deno.stdout.isTerminal()) writePrintable(data);
    else writeOut(data);
    writeOut("\n");
  }
}

async function openWatcher(
  { quiet, trace, isTyped = false }: PrinterOptions,
): Promise<Watcher | undefined> {
  const color = Deno.stderr.isTerminal();
  if (trace === "text") return new Timeline({ write: writeErr, color });
  if (trace === "json") return new JsonTimeline(writeErr);
  if (trace !== undefined) {
    const { Picture } = await import("./picture.ts");
    return new Picture(trace, quiet);
  }
  if (quiet || isTyped || !Deno.stderr.isTerminal()) return undefined;
  const { Progress } = await import("./progress.ts");
  return new Progress();
}
