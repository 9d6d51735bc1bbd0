/**
 * `client.ts --keep-alive` with standard input: each part of it is a message,
 * and each reply is printed as it comes. On a terminal, a conversation by hand.
 *
 * @module
 */
import { openConnection } from "../client.ts";
import type { ResolvedOptions } from "../client/options.ts";
import { ConversationError, reasonOf } from "../client/reply.ts";
import { ReplySource } from "../client/reply_source.ts";
import { TimeLimit } from "../client/time_limit.ts";
import { ClientTransport } from "../client/transport.ts";
import { systemClock } from "../framing/clock.ts";
import { type Part, partsOf } from "./parts.ts";
import type { Printer } from "./printer.ts";

/** How long the client waits for more, after its half-close, in ms. */
const LINGER_MS = 5000;

/** Settings of a conversation. */
export interface ConversationSettings {
  /** Address, framings and limits. */
  readonly options: ResolvedOptions;
  /** The longest time for the conversation, in ms; 0 is no limit. */
  readonly timeout: number;
  /** Whether a person types the messages, one in each line. */
  readonly isTyped: boolean;
}

/**
 * Sends the parts of standard input, prints what the server sends, and returns
 * when one of them has ended.
 *
 * Messages and replies are independent: what comes first, unasked or in several
 * parts is printed as well. At the end of the input the client half-closes, once
 * as many replies as messages have come, and reads on to the end of file.
 *
 * @throws {ConversationError} If the connection fails, or a reply is missing.
 * @throws {InputError} If the input cannot be sent.
 */
export async function converse(
  settings: ConversationSettings,
  printer: Printer,
): Promise<void> {
  const { options, timeout } = settings;
  using limit = new TimeLimit(systemClock, timeout, undefined);
  let outputError: { error: unknown } | undefined;
  try {
    const conn = await openConnection(options.address, limit.signal);
    const transport = new ClientTransport(conn, {
      onEvent: (event) => printer.event(event),
      onCallbackError: (error) => outputError ??= { error },
    }, systemClock);
    await new Conversation(transport, settings, printer).run(limit.signal);
  } catch (error) {
    throw outputError === undefined ? limit.reasonOf(error) : outputError.error;
  }
}

class Conversation {
  readonly #transport: ClientTransport;
  readonly #settings: ConversationSettings;
  readonly #printer: Printer;
  readonly #replies: ReplySource;
  /** Ends the reading of the input. */
  readonly #stop = new AbortController();
  #messages = 0;
  #answers = 0;
  #isInputOver = false;
  #isHalfClosed = false;
  #lingerTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    transport: ClientTransport,
    settings: ConversationSettings,
    printer: Printer,
  ) {
    const { replyFraming, maxReplyBytes } = settings.options;
    this.#transport = transport;
    this.#settings = settings;
    this.#printer = printer;
    this.#replies = new ReplySource(
      transport,
      replyFraming,
      maxReplyBytes,
      systemClock,
    );
  }

  async run(signal: AbortSignal): Promise<void> {
    const close = () => this.#transport.close();
    signal.addEventListener("abort", close);
    this.#transport.report({ type: "connected" });
    this.#printer.line("connected");
    if (this.#settings.isTyped) {
      this.#printer.line("each line is a message; Ctrl-D ends the input");
    }
    const sending = this.#sendInput();
    const reading = this.#printReplies();
    try {
      await Promise.race([reading, sending.then(() => reading)]);
    } finally {
      signal.removeEventListener("abort", close);
      clearTimeout(this.#lingerTimer);
      this.#stop.abort();
      this.#transport.close();
      // What still fails follows from the close.
      await Promise.allSettled([sending, reading]);
    }
  }

  /** Sends each part of the input. After a failed write, reading reports it. */
  async #sendInput(): Promise<void> {
    const { options: { messageFraming }, isTyped } = this.#settings;
    const { signal } = this.#stop;
    const parts = partsOf(Deno.stdin, messageFraming, { isTyped, signal });
    for await (const part of parts) {
      if (!await this.#sendPart(part)) return;
    }
    this.#isInputOver = true;
    await this.#halfCloseIfDone();
  }

  /** Returns whether more can be sent. */
  async #sendPart({ bytes, ends }: Part): Promise<boolean> {
    // Counted before the replies can come.
    this.#messages += ends.length;
    try {
      await this.#transport.write(bytes);
    } catch {
      return false;
    }
    for (const byteLength of ends) {
      this.#transport.report({ type: "sent", byteLength });
      if (this.#settings.isTyped) continue;
      const unit = byteLength === 1 ? "byte" : "bytes";
      this.#printer.line(`sent ${byteLength} ${unit}`);
    }
    return true;
  }

  /** Prints all replies up to the end of file. */
  async #printReplies(): Promise<void> {
    while (await this.#hasReply()) {
      this.#printer.reply(await this.#replies.read());
      this.#answers++;
      await this.#halfCloseIfDone();
    }
    if (this.#isHalfClosed) return;
    const missing = this.#messages - this.#answers;
    if (missing > 0) {
      const message = "No reply: the server closed the connection before " +
        `${missing} of ${this.#messages} replies`;
      throw new ConversationError("no reply", message);
    }
    this.#printer.line("the server closed the connection");
  }

  /** Waits for the first byte of a reply. Returns false at the end of file. */
  async #hasReply(): Promise<boolean> {
    try {
      while (this.#replies.peek() === undefined) {
        await this.#replies.readAhead();
      }
      return this.#replies.peek() !== null;
    } catch (error) {
      // The time after the half-close is over.
      if (this.#isHalfClosed && this.#transport.isClosed) return false;
      const message = `The connection broke: ${reasonOf(error)}`;
      const options = { cause: error };
      throw new ConversationError("truncated", message, undefined, options);
    }
  }

  async #halfCloseIfDone(): Promise<void> {
    if (!this.#isInputOver || this.#answers < this.#messages) return;
    clearTimeout(this.#lingerTimer);
    this.#lingerTimer = setTimeout(() => this.#transport.close(), LINGER_MS);
    if (this.#isHalfClosed) return;
    this.#isHalfClosed = true;
    await this.#transport.closeWrite();
    this.#printer.line("shutdown");
  }
}
