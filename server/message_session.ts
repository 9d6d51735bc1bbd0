/**
 * Messages and replies: has each message answered.
 *
 * @module
 */
import type { ReadBuffer } from "../framing/read_buffer.ts";
import type { Decoded } from "../framing/received.ts";
import type { Deadline } from "./deadline.ts";
import { Interruption, type Waiter } from "./interruption.ts";
import { MessageReader, type ReadResult, SILENCE } from "./message_reader.ts";
import { type ResolvedOptions, Responder } from "./responder.ts";
import type { Ending, Session } from "./session.ts";
import type { Transport } from "./transport.ts";

/** The end of a connection after the reply that a handler has made the last. */
const ANSWERED = new Interruption("");

/** Messages that are answered before other connections get their turn. */
const MESSAGES_PER_TURN = 64;

/** The session of a handler. */
export class MessageSession implements Session, Waiter<Decoded> {
  readonly #options: ResolvedOptions;
  readonly #transport: Transport;
  readonly #buffer: ReadBuffer;
  readonly #reader: MessageReader;
  readonly #responder: Responder;
  #resolveLast: (result: ReadResult) => void = () => {};
  #rejectLast: (reason: unknown) => void = () => {};

  constructor(
    options: ResolvedOptions,
    transport: Transport,
    buffer: ReadBuffer,
    deadline: Deadline,
  ) {
    this.#options = options;
    this.#transport = transport;
    this.#buffer = buffer;
    this.#reader = new MessageReader(
      options,
      transport,
      buffer,
      deadline,
      this,
    );
    this.#responder = new Responder(options, transport, buffer);
  }

  get messages(): number {
    return this.#reader.messages;
  }

  get outcome(): string {
    return this.#responder.outcome;
  }

  set outcome(outcome: string) {
    this.#responder.outcome = outcome;
  }

  get error(): unknown {
    return this.#responder.error;
  }

  set error(error: unknown) {
    this.#responder.error = error;
  }

  get hasBegun(): boolean {
    return this.#responder.hasBegun;
  }

  get hasUnread(): boolean {
    return this.#reader.hasUnread;
  }

  run(refusal?: string): Promise<Ending> {
    const last = refusal === undefined
      ? this.#answerAllButLast()
      : Promise.resolve(new Interruption(refusal));
    return last.then((result) => this.#end(result));
  }

  endReading(errorCode: string): boolean {
    return this.#reader.endReading(errorCode);
  }

  finishSoon(): void {
    this.#reader.finishSoon();
  }

  interrupt(errorCode: string): void {
    const isAwaited = this.#reader.refuse(errorCode);
    if (isAwaited || this.#responder.hasBegun) return;
    this.#transport.interrupt(errorCode);
  }

  /**
   * Greets, and answers all messages but the last: without keep-alive, that is
   * the first. Resolves to the last, or to the reason why there is none.
   */
  #answerAllButLast(): Promise<ReadResult> {
    const { greeting } = this.#options;
    return new Promise((resolve, reject) => {
      this.#resolveLast = resolve;
      this.#rejectLast = reject;
      if (greeting.length === 0) return this.#reader.read();
      this.#transport.write(greeting).then(() => this.#reader.read(), reject);
    });
  }

  /** Called by the reader: a message has arrived, or none will. */
  resolve(result: ReadResult): void {
    if (!this.#options.keepAlive) return this.#resolveLast(result);
    this.#answerArrived(result).then((last) => {
      if (last !== undefined) this.#resolveLast(last);
    }, this.#rejectLast);
  }

  /** Called by the reader: the peer is gone. */
  reject(reason: unknown): void {
    this.#rejectLast(reason);
  }

  /**
   * Answers a message, and those that have arrived with it, and reads on.
   * Resolves to the last one instead, if no other may follow it.
   */
  async #answerArrived(result: ReadResult): Promise<ReadResult | undefined> {
    for (let count = 1; this.#mayGoOn(result); count++) {
      const replying = this.#reply(result);
      if (replying !== undefined) {
        if (this.#reader.refusalCode !== "") this.#interruptSoon();
        await replying;
      }
      if (this.#responder.isLast) return ANSWERED;
      const isLongTurn = count % MESSAGES_PER_TURN === 0 &&
        this.#reader.hasRest;
      if (isLongTurn || this.#transport.queued.isFull) {
        await this.#transport.flush();
        const { clock } = this.#options;
        await new Promise<void>((resolve) => clock.setImmediate(resolve));
      }
      const next = this.#reader.decodeRest();
      if (next === undefined) {
        await this.#transport.flush();
        if (this.#reader.refusalCode !== "") return this.#reader.whatIsLeft();
        this.#responder.reset();
        this.#reader.readNext();
        return undefined;
      }
      // Interrupted: what is not answered any more gets an error reply.
      const { refusalCode } = this.#reader;
      if (refusalCode !== "") return new Interruption(refusalCode);
      result = next;
    }
    return result;
  }

  /**
   * Interrupts the handler of a message that came after the interruption: what
   * it does not answer in this turn of the event loop gets an error reply.
   */
  #interruptSoon(): void {
    const { clock } = this.#options;
    clock.setImmediate(() => this.interrupt(this.#reader.refusalCode));
  }

  /** Whether the result is a message, or one that is skipped. */
  #mayGoOn(result: ReadResult): result is Decoded {
    return result.reason === "end" ||
      result.reason === "limit" && this.#options.skipsTooLarge;
  }

  /** Answers the last message, or tells why there is none. */
  #end(last: ReadResult): Ending | Promise<Ending> {
    // Discarding starts as soon as the outcome is known, beside the handler
    // and the writing: a client that writes everything before it reads would
    // otherwise deadlock with the server.
    this.#transport.drain();
    const replying = this.#answerLast(last);
    // Most handlers answer at once, and most conversations are short: a promise
    // for each step would be most of what it costs.
    if (replying instanceof Promise) return replying.then(() => this.#ended());
    if (replying !== SILENCE) return this.#ended();
    return this.#reader.mayReplyBeOnItsWay() ? "silence" : "idle";
  }

  #ended(): Ending {
    this.#transport.isEndOfFileCancel = false;
    return "reply";
  }

  /** Returns a promise to wait for, or that there was nothing to say. */
  #answerLast(last: ReadResult): Promise<void> | typeof SILENCE | undefined {
    if (last === ANSWERED) return undefined;
    if (last.reason === "end") {
      const { isEndOfFileCancel } = this.#options;
      this.#transport.isEndOfFileCancel = isEndOfFileCancel;
      return this.#reply(last);
    }
    // With keep-alive, an end of file between two messages ends in silence.
    const isGoodbye = "isEmpty" in last && last.isEmpty &&
      this.#options.keepAlive;
    if (isGoodbye || last === SILENCE) return SILENCE;
    // Nobody reads the message any more, unless a handler was interrupted.
    this.#buffer.finish();
    this.#responder.sendError(last.errorCode);
    return undefined;
  }

  /**
   * Answers a message (see {@linkcode Responder.reply}), or tells that it is too
   * large, and skips the rest of it.
   */
  #reply(message: Decoded): Promise<void> | undefined {
    if (message.reason === "limit") {
      this.#responder.reset();
      this.#responder.sendError(message.errorCode);
      this.#reader.skip();
      return undefined;
    }
    this.#reader.take(message);
    return this.#responder.reply(message);
  }
}
