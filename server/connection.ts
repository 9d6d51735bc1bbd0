/**
 * The server's side of one connection: read messages, reply, linger, close.
 *
 * @module
 */
import type { Decoder } from "../framing/framing.ts";
import { ReadBuffer } from "../framing/read_buffer.ts";
import type { Decoded } from "../framing/received.ts";
import { type Checked, Deadline } from "./deadline.ts";
import type { ConversationReport } from "./report.ts";
import { type ResolvedOptions, Responder } from "./responder.ts";
import { Interruption } from "./interruption.ts";
import { Transport } from "./transport.ts";

/** Options that hold for every connection of a server, checked and complete. */
export interface ConnectionOptions extends ResolvedOptions {
  /** Connections that wait for the client's end of file, the oldest first. */
  readonly lingering: Set<ServerConnection>;
}

/** What reading a message resulted in. Its `reason` tells which. */
type ReadResult = Decoded | Interruption;

const EMPTY = new Uint8Array(0);

/**
 * The end of a connection between two messages: no word of ours, because a
 * client would take it for the reply to its next request.
 */
const SILENCE = new Interruption("");

/** Messages that are answered before other connections get their turn. */
const MESSAGES_PER_TURN = 64;

/** One connection. It owns the socket and closes it. */
export class ServerConnection implements Checked {
  readonly #options: ConnectionOptions;
  readonly #buffer: ReadBuffer;
  readonly #deadline: Deadline;
  readonly #transport: Transport;
  readonly #responder: Responder;
  readonly #startedMs: number;
  readonly #startTick: number;
  #isProbed = false;
  #decoder: Decoder | undefined;
  /** Bytes after the last message that was decoded. */
  #rest: Uint8Array = EMPTY;
  /** The bytes of an incomplete message that were read with another one. */
  #restBytes = 0;
  /** The deadline is one of reading, which an error reply answers. */
  #isReading = false;
  /** Between two messages. */
  #isIdle = false;
  /** The client was refused unread, or nothing was said: it lingers briefly. */
  #lingersBriefly = false;
  /** The server shuts down: messages that have arrived are answered. */
  #isFinishing = false;
  /**
   * The code of the error reply for messages that are not answered any more;
   * empty while all are.
   */
  #lastCode = "";
  #messages = 0;
  /** The bytes received that a decoder was given. */
  #decodedBytes = 0;
  #lingeringSinceMs = Infinity;

  constructor(conn: Deno.Conn, options: ConnectionOptions) {
    const { pool, timer, messageFraming, maxBytes, phases } = options;
    this.#options = options;
    this.#startedMs = options.clock.now();
    this.#startTick = timer.ticks;
    const usefulBytes = maxBytes + messageFraming.overheadBytes;
    this.#buffer = new ReadBuffer(pool, usefulBytes);
    this.#deadline = new Deadline(timer);
    this.#transport = new Transport(conn, this.#buffer, this.#deadline, phases);
    this.#responder = new Responder(options, this.#transport, this.#buffer);
  }

  /**
   * Runs the connection from the first byte to the close.
   *
   * @param refusal The code of an error reply that is sent without reading.
   */
  async run(refusal?: string): Promise<ConversationReport> {
    const transport = this.#transport;
    if (refusal !== undefined) {
      this.#lingersBriefly = true;
      this.#lingeringSinceMs = this.#startedMs;
    }
    try {
      const result = refusal === undefined
        ? await this.#answerAllButLast()
        : new Interruption(refusal);
      // Discarding starts as soon as the outcome is known, beside the handler
      // and the writing: a client that writes everything before it reads would
      // otherwise deadlock with the server.
      transport.drain();
      const isSilent = !(await this.#answerLast(result));
      if (isSilent) this.#lingersBriefly = true;
      await transport.flush();
      this.#buffer.finish();
      await this.#linger(refusal !== "busy");
      // Without the client's end of file, nobody knows whether it has read. A
      // message that came after a close in silence gets no reply.
      const isUnanswered = isSilent
        ? transport.bytesIn > this.#decodedBytes
        : !transport.isEndOfFile;
      if (isUnanswered) transport.replyLost = true;
    } catch (error) {
      if (transport.isGone(error)) {
        if (this.#responder.hasBegun) transport.replyLost = true;
        this.#responder.outcome ||= transport.isClosed
          ? "aborted"
          : this.#lost(error);
      } else {
        this.#responder.outcome = "failed";
        this.#responder.error = error;
      }
    } finally {
      this.#buffer.finish();
      await transport.end();
    }
    return this.#report();
  }

  /** Ends a reading, writing or lingering phase that takes too long. */
  check(ticks: number, isShort: boolean): void {
    if (
      !this.#isProbed &&
      ticks - this.#startTick >= this.#options.keepAliveTicks
    ) {
      this.#isProbed = true;
      this.#transport.keepAlive();
    }
    if (!this.#deadline.hasPassed(ticks, isShort || this.#lingersBriefly)) {
      return;
    }
    if (this.#isReading) {
      this.#lastCode ||= "timed out";
      return this.#transport.interrupt("timed out");
    }
    // The code of an error reply tells more than that it stalled.
    const { outcome } = this.#responder;
    if ((outcome === "" || outcome === "ok") && !this.#transport.isLingering) {
      this.#responder.outcome = "stalled";
    }
    this.#transport.close();
  }

  /** Answers the messages that have arrived, and ends. */
  finishSoon(): void {
    this.#isFinishing = true;
    if (this.#isReading && this.#isIdle) {
      this.#deadline.start(this.#options.phases.lastRead);
    }
  }

  /** Sends an error reply instead of a reply, unless a reply has begun. */
  interrupt(errorCode: string): void {
    this.#lastCode ||= errorCode;
    // A message may have arrived that a busy event loop has not delivered yet.
    if (this.#isReading && this.#isIdle) {
      return this.#deadline.start(this.#options.phases.lastRead);
    }
    if (!this.#responder.hasBegun) this.#transport.interrupt(errorCode);
  }

  /** The time that the connection has been lingering, or refused, in ms. */
  lingeringMs(nowMs: number): number {
    return nowMs - this.#lingeringSinceMs;
  }

  /** Closes at once, whatever is pending. */
  abort(): void {
    this.#transport.close();
  }

  /** Answers messages as long as another may follow. */
  async #answerAllButLast(): Promise<ReadResult> {
    let result: ReadResult = await this.#readMessage();
    const { keepAlive } = this.#options;
    for (let count = 1; result.reason === "end" && keepAlive; count++) {
      const replying = this.#reply(result);
      if (replying !== undefined) await replying;
      if (count % MESSAGES_PER_TURN === 0 || this.#transport.isQueueFull) {
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

  /** After an interruption: whether anything has arrived that is not answered. */
  async #whatIsLeft(): Promise<ReadResult> {
    if (this.#restBytes > 0) return new Interruption(this.#lastCode);
    this.#transport.takeInterruption();
    this.#isReading = this.#isIdle = true;
    this.#deadline.start(this.#options.phases.lastRead);
    const chunk = await this.#transport.read();
    this.#isReading = this.#isIdle = false;
    this.#deadline.stop();
    return chunk instanceof Uint8Array
      ? new Interruption(this.#lastCode)
      : SILENCE;
  }

  /** Answers the last message. Returns whether there was anything to say. */
  async #answerLast(result: ReadResult): Promise<boolean> {
    if (result.reason === "end") {
      await this.#reply(result);
      return true;
    }
    // With keep-alive, an end of file between two messages ends in silence.
    const isGoodbye = "isEmpty" in result && result.isEmpty &&
      this.#options.keepAlive;
    if (isGoodbye || result === SILENCE) return false;
    // Nobody reads the message any more, unless a handler was interrupted.
    this.#buffer.finish();
    this.#responder.sendError(result.errorCode);
    return true;
  }

  /** Answers a message. See {@linkcode Responder.reply}. */
  #reply(message: Decoded): Promise<void> | undefined {
    this.#messages++;
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
    this.#isIdle = keepAlive && this.#restBytes === 0;
    if (!this.#isIdle) this.#deadline.start(phases.reading);
    else if (this.#isFinishing) this.#deadline.start(phases.lastRead);
    else this.#deadline.start(phases.idle);
    // One promise, and no async function: each of many silent connections
    // waits here, and a suspended function takes half a kB.
    return new Promise((resolve, reject) => this.#readOn(resolve, reject));
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
      // A first request may still get a reply, if only that we are busy.
      const mayAnswer = chunk.errorCode === "busy" && this.#messages === 0;
      return this.#isIdle && !mayAnswer ? SILENCE : chunk;
    }
    const { messageFraming, maxBytes, phases } = this.#options;
    this.#decoder ??= messageFraming.decoder(maxBytes);
    if (chunk === null) return this.#decoder.end();
    this.#decodedBytes += chunk.length;
    const result = this.#decoder.push(chunk);
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

  /**
   * Waits for the client's end of file.
   *
   * @param hasPlace Whether another connection may need this one's place.
   */
  async #linger(hasPlace: boolean): Promise<void> {
    const { clock, lingering } = this.#options;
    if (this.#lingeringSinceMs === Infinity) {
      this.#lingeringSinceMs = clock.now();
    }
    if (hasPlace) lingering.add(this);
    try {
      await this.#transport.linger();
    } finally {
      lingering.delete(this);
    }
  }

  /** How the client broke the connection. */
  #lost(error: unknown): string {
    const isTruncated = error instanceof Deno.errors.UnexpectedEof;
    if (!isTruncated && !(error instanceof Deno.errors.InvalidData)) {
      return "reset";
    }
    this.#responder.error = error;
    return isTruncated ? "truncated" : "not TLS";
  }

  #report(): ConversationReport {
    const { remoteAddr, bytesIn, bytesOut, replyLost } = this.#transport;
    const { outcome, error } = this.#responder;
    return {
      remoteAddr,
      outcome: outcome || "ok",
      messages: this.#messages,
      bytesIn,
      bytesOut,
      durationMs: this.#options.clock.now() - this.#startedMs,
      replyLost,
      ...(error !== undefined && { error }),
    };
  }
}
