/**
 * The messages of one connection, read to their ends.
 *
 * @module
 */
import type { Decoder } from "../framing/framing.ts";
import type { ReadBuffer } from "../framing/read_buffer.ts";
import type { Decoded } from "../framing/received.ts";
import type { Deadline, PhaseLimits } from "./deadline.ts";
import { Interruption, type Waiter } from "./interruption.ts";
import { awaitingLimits } from "./phases.ts";
import type { ResolvedOptions } from "./responder.ts";
import type { Transport } from "./transport.ts";

/** What reading a message resulted in. Its `reason` tells which. */
export type ReadResult = Decoded | Interruption;

const EMPTY = new Uint8Array(0);

/**
 * The end of a connection between two messages: no word of ours, because a
 * client would take it for the reply to its next request.
 */
export const SILENCE = new Interruption("");

/** Reads messages, one after another, under the time limits of reading. */
export class MessageReader implements Waiter<Uint8Array | null> {
  /** The number of messages that were taken. */
  messages = 0;
  /**
   * The code of the error reply for messages that are not answered any more;
   * empty while all are.
   */
  refusalCode = "";
  readonly #options: ResolvedOptions;
  readonly #transport: Transport;
  readonly #buffer: ReadBuffer;
  readonly #deadline: Deadline;
  readonly #waiter: Waiter<Decoded>;
  #decoder: Decoder | undefined;
  /** The bytes after the last message that was decoded: here, from a place on. */
  #restIn: Uint8Array = EMPTY;
  #restStart = 0;
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
  /** The bytes received that a decoder was given. */
  #decodedBytes = 0;

  /** @param waiter Is told the result of each `read()`. */
  constructor(
    options: ResolvedOptions,
    transport: Transport,
    buffer: ReadBuffer,
    deadline: Deadline,
    waiter: Waiter<Decoded>,
  ) {
    this.#options = options;
    this.#transport = transport;
    this.#buffer = buffer;
    this.#deadline = deadline;
    this.#waiter = waiter;
  }

  /** Whether bytes were received that nobody looked at. */
  get hasUnread(): boolean {
    return this.#transport.bytesIn > this.#decodedBytes;
  }

  /** Whether more was read with the message that was taken. */
  get hasRest(): boolean {
    return this.#restStart < this.#restIn.length;
  }

  /**
   * Reads to the end of a message, or to the reason why there is none.
   *
   * The waiter is told without a promise: each of many silent connections waits
   * here, and a promise and a suspended function would take half a kB.
   */
  read(): void {
    const { keepAlive, phases } = this.#options;
    this.#isReading = true;
    if (!keepAlive || this.#restBytes > 0 || this.#isSkipping) {
      this.#deadline.start(phases.reading);
    } else {
      this.#beginIdle(awaitingLimits(phases, this.#isFinishing));
    }
    this.#transport.readTo(this);
  }

  /** Reads the next message, when the reply to the one before was sent. */
  readNext(): void {
    this.#buffer.nextMessage(this.#restBytes);
    this.read();
  }

  /** Takes a message that will be answered, and keeps what follows it. */
  take(message: Decoded): void {
    this.messages++;
    this.#restIn = message.restIn;
    this.#restStart = message.restStart;
  }

  /** Skips the rest of a message that is too large. */
  skip(): void {
    const skipped = this.#decoder!.skip!();
    this.#isSkipping = skipped === undefined;
    this.#restIn = skipped?.rest ?? EMPTY;
    this.#restStart = 0;
  }

  /** Decodes the next message, if it has been read with the one before. */
  decodeRest(): Decoded | undefined {
    const restIn = this.#restIn;
    this.#restBytes = restIn.length - this.#restStart;
    if (this.#restBytes === 0) return undefined;
    const result = this.#decoder!.push(restIn, this.#restStart);
    this.#restIn = EMPTY;
    this.#restStart = 0;
    return result;
  }

  /** After an interruption: whether anything has arrived that is not answered. */
  async whatIsLeft(): Promise<ReadResult> {
    if (this.#restBytes > 0) return new Interruption(this.refusalCode);
    this.#transport.forgetInterruption();
    this.#isReading = true;
    this.#beginIdle(this.#options.phases.lastRead);
    const chunk = await this.#transport.read();
    this.#endReading();
    return chunk instanceof Uint8Array
      ? new Interruption(this.refusalCode)
      : SILENCE;
  }

  /** See {@linkcode Session.endReading}. */
  endReading(errorCode: string): boolean {
    if (!this.#isReading) return false;
    this.refusalCode ||= errorCode;
    this.#transport.interrupt(errorCode);
    return true;
  }

  /** Answers the messages that have arrived, and ends. */
  finishSoon(): void {
    this.#isFinishing = true;
    this.#awaitBriefly();
  }

  /**
   * Has messages refused from now on. Returns whether one is still awaited: it
   * may have arrived, and a busy event loop has not delivered it yet.
   */
  refuse(errorCode: string): boolean {
    this.refusalCode ||= errorCode;
    return this.#awaitBriefly();
  }

  /** Called by the transport: a chunk has arrived, or none will. */
  resolve(chunk: Uint8Array | null | Interruption): void {
    try {
      const result = this.#decode(chunk);
      if (result === undefined) return this.#transport.readTo(this);
      this.#endReading();
      this.#waiter.resolve(result);
    } catch (error) {
      this.reject(error);
    }
  }

  /** Called by the transport: the peer is gone. */
  reject(reason: unknown): void {
    this.#waiter.reject(reason);
  }

  /** Whether the last reply is so recent that an outage may delay it still. */
  mayReplyBeOnItsWay(): boolean {
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

  /** Has little patience with a message that is awaited. Returns whether one is. */
  #awaitBriefly(): boolean {
    const isAwaited = this.#isReading && this.#isIdle;
    if (isAwaited) this.#deadline.start(this.#options.phases.lastRead);
    return isAwaited;
  }

  #endReading(): void {
    this.#isReading = this.#isIdle = false;
    this.#deadline.stop();
  }

  #beginIdle(limits: PhaseLimits): void {
    this.#isIdle = true;
    this.#idleSinceTick = this.#options.timer.ticks;
    this.#deadline.start(limits);
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
    if (result === undefined && this.#isIdle && this.refusalCode !== "") {
      return new Interruption(this.refusalCode);
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
