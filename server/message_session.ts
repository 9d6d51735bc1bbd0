/**
 * Messages and replies: reads each message to its end, and has it answered.
 *
 * @module
 */
import type { Decoder } from "../framing/framing.ts";
import type { ReadBuffer } from "../framing/read_buffer.ts";
import type { Decoded } from "../framing/received.ts";
import type { Deadline, PhaseLimits } from "./deadline.ts";
import { Interruption } from "./interruption.ts";
import { awaitingLimits } from "./phases.ts";
import { type ResolvedOptions, Responder } from "./responder.ts";
import type { Ending, Session } from "./session.ts";
import type { Transport } from "./transport.ts";

/** What reading a message resulted in. Its `reason` tells which. */
type ReadResult = Decoded | Interruption;

const EMPTY = new Uint8Array(0);

/**
 * The end of a connection between two messages: no word of ours, because a
 * client would take it for the reply to its next request.
 */
const SILENCE = new Interruption("");

/** The end of a connection after the reply that a handler has made the last. */
const ANSWERED = new Interruption("");

/** Messages that are answered before other connections get their turn. */
const MESSAGES_PER_TURN = 64;

/** The session of a handler. */
export class MessageSession implements Session {
  messages = 0;
  readonly #options: ResolvedOptions;
  readonly #transport: Transport;
  readonly #buffer: ReadBuffer;
  readonly #deadline: Deadline;
  readonly #responder: Responder;
  #decoder: Decoder | undefined;
  /** Bytes after the last message that was decoded. */
  #rest: Uint8Array = EMPTY;
  /** The bytes of an incomplete message that were read with another one. */
  #restBytes = 0;
  /** The deadline is one of reading, which an error reply answers. */
  #isReading = false;
  /** Between two messages. */
  #isIdle = false;
  /** When the kernel had accepted the last reply before that. */
  #idleSinceTick = 0;
  /** The rest of a message is discarded that was too large. */
  #isSkipping = false;
  /** The server shuts down: messages that have arrived are answered. */
  #isFinishing = false;
  /**
   * The code of the error reply for messages that are not answered any more;
   * empty while all are.
   */
  #lastCode = "";
  /** The bytes received that a decoder was given. */
  #decodedBytes = 0;

  constructor(
    options: ResolvedOptions,
    transport: Transport,
    buffer: ReadBuffer,
    deadline: Deadline,
  ) {
    this.#options = options;
    this.#transport = transport;
    this.#buffer = buffer;
    this.#deadline = deadline;
    this.#responder = new Responder(options, transport, buffer);
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
    return this.#transport.bytesIn > this.#decodedBytes;
  }

  async run(refusal?: string): Promise<Ending> {
    const { greeting } = this.#options;
    if (refusal === undefined && greeting.length > 0) {
      await this.#transport.write(greeting);
    }
    const result = refusal !== undefined
      ? new Interruption(refusal)
      : this.#options.keepAlive
      ? await this.#answerAllButLast()
      : await this.#readMessage();
    // Discarding starts as soon as the outcome is known, beside the handler
    // and the writing: a client that writes everything before it reads would
    // otherwise deadlock with the server.
    this.#transport.drain();
    const replying = this.#answerLast(result);
    // Most handlers answer at once, and most conversations are short: a promise
    // for each step would be most of what it costs.
    if (replying instanceof Promise) await replying;
    this.#transport.isEndOfFileCancel = false;
    if (replying !== SILENCE) return "reply";
    return this.#mayBeOnItsWay() ? "silence" : "idle";
  }

  endReading(errorCode: string): boolean {
    if (!this.#isReading) return false;
    this.#lastCode ||= errorCode;
    this.#transport.interrupt(errorCode);
    return true;
  }

  finishSoon(): void {
    this.#isFinishing = true;
    if (this.#isReading && this.#isIdle) {
      this.#deadline.start(this.#options.phases.lastRead);
    }
  }

  interrupt(errorCode: string): void {
    this.#lastCode ||= errorCode;
    // A message may have arrived that a busy event loop has not delivered yet.
    if (this.#isReading && this.#isIdle) {
      return this.#deadline.start(this.#options.phases.lastRead);
    }
    if (!this.#responder.hasBegun) this.#transport.interrupt(errorCode);
  }

  /** Answers messages as long as another may follow. */
  async #answerAllButLast(): Promise<ReadResult> {
    let result: ReadResult = await this.#readMessage();
    for (let count = 1; this.#mayGoOn(result); count++) {
      const replying = this.#reply(result);
      if (replying !== undefined) {
        if (this.#lastCode !== "") this.#interruptSoon();
        await replying;
      }
      if (this.#responder.isLast) return ANSWERED;
      const isLongTurn = count % MESSAGES_PER_TURN === 0 &&
        this.#rest.length > 0;
      if (isLongTurn || this.#transport.queued.isFull) {
        await this.#transport.flush();
        const { clock } = this.#options;
        await new Promise<void>((resolve) => clock.setImmediate(resolve));
      }
      const next = this.#decodeRest();
      if (next !== undefined) {
        // Interrupted: what is not answered any more gets an error reply.
        if (this.#lastCode !== "") return new Interruption(this.#lastCode);
        result = next;
        continue;
      }
      await this.#transport.flush();
      if (this.#lastCode !== "") return await this.#whatIsLeft();
      this.#buffer.nextMessage(this.#restBytes);
      result = await this.#readMessage();
    }
    return result;
  }

  /**
   * Interrupts the handler of a message that came after the interruption: what
   * it does not answer in this turn of the event loop gets an error reply.
   */
  #interruptSoon(): void {
    this.#options.clock.setImmediate(() => this.interrupt(this.#lastCode));
  }

  /** Whether the result is a message, or one that is skipped. */
  #mayGoOn(result: ReadResult): result is Decoded {
    return result.reason === "end" ||
      result.reason === "limit" && this.#options.skipsTooLarge;
  }

  /** After an interruption: whether anything has arrived that is not answered. */
  async #whatIsLeft(): Promise<ReadResult> {
    if (this.#restBytes > 0) return new Interruption(this.#lastCode);
    this.#transport.takeInterruption();
    this.#isReading = true;
    this.#beginIdle(this.#options.phases.lastRead);
    const chunk = await this.#transport.read();
    this.#isReading = this.#isIdle = false;
    this.#deadline.stop();
    return chunk instanceof Uint8Array
      ? new Interruption(this.#lastCode)
      : SILENCE;
  }

  /**
   * Answers the last message, or tells why there is none. Returns a promise to
   * wait for, or that there was nothing to say.
   */
  #answerLast(
    result: ReadResult,
  ): Promise<void> | typeof SILENCE | undefined {
    if (result === ANSWERED) return undefined;
    if (result.reason === "end") {
      const { isEndOfFileCancel } = this.#options;
      this.#transport.isEndOfFileCancel = isEndOfFileCancel;
      return this.#reply(result);
    }
    // With keep-alive, an end of file between two messages ends in silence.
    const isGoodbye = "isEmpty" in result && result.isEmpty &&
      this.#options.keepAlive;
    if (isGoodbye || result === SILENCE) return SILENCE;
    // Nobody reads the message any more, unless a handler was interrupted.
    this.#buffer.finish();
    this.#responder.sendError(result.errorCode);
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
      const skipped = this.#decoder!.skip!();
      this.#isSkipping = skipped === undefined;
      this.#rest = skipped?.rest ?? EMPTY;
      return undefined;
    }
    this.messages++;
    this.#rest = message.rest;
    return this.#responder.reply(message);
  }

  /** Decodes the next message, if it has been read with the one before. */
  #decodeRest(): Decoded | undefined {
    this.#restBytes = this.#rest.length;
    if (this.#restBytes === 0) return undefined;
    const result = this.#decoder!.push(this.#rest);
    this.#rest = EMPTY;
    return result;
  }

  /** Reads to the end of a message, or to the reason why there is none. */
  #readMessage(): Promise<ReadResult> {
    const { keepAlive, phases } = this.#options;
    this.#responder.reset();
    this.#isReading = true;
    if (!keepAlive || this.#restBytes > 0 || this.#isSkipping) {
      this.#deadline.start(phases.reading);
    } else {
      this.#beginIdle(awaitingLimits(phases, this.#isFinishing));
    }
    // One promise, and no async function: each of many silent connections
    // waits here, and a suspended function takes half a kB.
    return new Promise((resolve, reject) => this.#readOn(resolve, reject));
  }

  #beginIdle(limits: PhaseLimits): void {
    this.#isIdle = true;
    this.#idleSinceTick = this.#options.timer.ticks;
    this.#deadline.start(limits);
  }

  /** Whether the last reply is so recent that an outage may delay it still. */
  #mayBeOnItsWay(): boolean {
    const { timer, phases: { lingering, lastRead } } = this.#options;
    // A shutdown may wait for another message twice, however short the limit on
    // lingering is.
    const recentTicks = Math.max(
      lingering.patientIdleTicks - 1,
      2 * lastRead.idleTicks,
    );
    return this.messages > 0 &&
      timer.ticks - this.#idleSinceTick <= recentTicks;
  }

  #readOn(
    resolve: (result: ReadResult) => void,
    reject: (reason: unknown) => void,
  ): void {
    this.#transport.read().then((chunk) => {
      const result = this.#decode(chunk);
      if (result === undefined) return this.#readOn(resolve, reject);
      this.#isReading = this.#isIdle = false;
      this.#deadline.stop();
      resolve(result);
    }, reject);
  }

  #decode(chunk: Uint8Array | null | Interruption): ReadResult | undefined {
    if (chunk instanceof Interruption) {
      // The message that is skipped has its error reply.
      if (this.#isSkipping) return SILENCE;
      // A first request may still get a reply, if only that we are busy.
      const mayAnswer = chunk.errorCode === "busy" && this.messages === 0;
      return this.#isIdle && !mayAnswer ? SILENCE : chunk;
    }
    const { messageFraming, maxBytes, phases } = this.#options;
    this.#decoder ??= messageFraming.decoder(maxBytes);
    if (chunk === null) return this.#decoder.end();
    this.#decodedBytes += chunk.length;
    const unread = this.#isSkipping ? this.#skip(chunk) : chunk;
    if (unread.length === 0) return undefined;
    const result = this.#decoder.push(unread);
    if (result === undefined && this.#isIdle && this.#lastCode !== "") {
      return new Interruption(this.#lastCode);
    }
    if (result === undefined && this.#isIdle) {
      // The first bytes of a message: its time limit starts.
      this.#isIdle = false;
      this.#deadline.start(phases.reading);
    }
    return result;
  }

  /** Discards a chunk of a message that was too large. Returns what follows it. */
  #skip(chunk: Uint8Array): Uint8Array {
    const end = this.#decoder!.push(chunk);
    const unread = end?.rest ?? EMPTY;
    this.#buffer.nextMessage(unread.length);
    if (end !== undefined) {
      this.#isSkipping = false;
      const { phases } = this.#options;
      this.#beginIdle(awaitingLimits(phases, this.#isFinishing));
    }
    return unread;
  }
}
