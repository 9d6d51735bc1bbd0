/**
 * The server's side of one connection: read a message, reply, linger, close.
 *
 * @module
 */
import { encode } from "../framing/encode.ts";
import type { Decoder, Framing } from "../framing/framing.ts";
import { ReadBuffer } from "../framing/read_buffer.ts";
import type { Decoded } from "../framing/received.ts";
import type { BufferPool } from "./buffer_pool.ts";
import { type Checked, Deadline, type DeadlineTimer } from "./deadline.ts";
import {
  ErrorReply,
  type Handler,
  HandlerInfo,
  LazyAbort,
  ReceivedMessage,
  type ReplyBody,
} from "./handler.ts";
import type { ConversationReport } from "./report.ts";
import { Interruption, Transport } from "./transport.ts";

/** Options that hold for every connection of a server, checked and complete. */
export interface ResolvedOptions {
  /** The framing of messages. */
  readonly messageFraming: Framing;
  /** The framing of replies. */
  readonly replyFraming: Framing;
  readonly keepAlive: boolean;
  readonly maxBytes: number;
  readonly idleTimeoutMs: number;
  readonly messageTimeoutMs: number;
  readonly lingerTimeoutMs: number;
  readonly handler: Handler;
  readonly pool: BufferPool;
  readonly timer: DeadlineTimer;
}

/** What reading a message resulted in. Its `reason` tells which. */
type ReadResult = Decoded | Interruption;

const EMPTY = new Uint8Array(0);

/** One connection. It owns the socket and closes it. */
export class ServerConnection implements Checked {
  readonly #options: ResolvedOptions;
  readonly #buffer: ReadBuffer;
  readonly #deadline: Deadline;
  readonly #transport: Transport;
  readonly #startedMs = performance.now();
  #decoder: Decoder | undefined;
  /** Bytes of the next message that were read with the one before. */
  #rest: Uint8Array = EMPTY;
  /** The deadline is one of reading, which an error reply answers. */
  #isReading = false;
  /** Between two messages. */
  #isIdle = false;
  /** No further message will be read. */
  #isLast: boolean;
  #messages = 0;
  /** The bytes sent before the current reply: more are part of the reply. */
  #sentBefore = 0;
  #outcome = "";
  #error: unknown;

  constructor(conn: Deno.Conn, options: ResolvedOptions) {
    const { pool, timer, messageFraming, maxBytes, idleTimeoutMs } = options;
    this.#options = options;
    this.#isLast = !options.keepAlive;
    const usefulBytes = maxBytes + messageFraming.overheadBytes;
    this.#buffer = new ReadBuffer(pool, usefulBytes);
    this.#deadline = new Deadline(timer);
    this.#transport = new Transport(
      conn,
      this.#buffer,
      this.#deadline,
      idleTimeoutMs,
    );
  }

  /**
   * Runs the connection from the first byte to the close.
   *
   * @param refusal The code of an error reply that is sent without reading.
   */
  async run(refusal?: string): Promise<ConversationReport> {
    const transport = this.#transport;
    try {
      let result: ReadResult | undefined = refusal === undefined
        ? await this.#readMessage()
        : new Interruption(refusal);
      while (result?.reason === "end" && !this.#isLast) {
        await this.#reply(result);
        result = this.#isLast ? undefined : await this.#readMessage();
      }
      // Discarding starts as soon as the outcome is known, beside the handler
      // and the writing: a client that writes everything before it reads would
      // otherwise deadlock with the server.
      transport.drain();
      if (result?.reason === "end") await this.#reply(result);
      else if (result !== undefined) await this.#refuse(result);
      this.#buffer.finish();
      await transport.linger(this.#options.lingerTimeoutMs);
    } catch (error) {
      if (transport.isGone(error)) {
        this.#outcome ||= transport.isClosed ? "aborted" : this.#lost(error);
      } else {
        this.#outcome = "failed";
        this.#error = error;
      }
    } finally {
      this.#buffer.finish();
      await transport.end();
    }
    return this.#report();
  }

  /** Ends a reading, writing or lingering phase that takes too long. */
  check(ticks: number): void {
    if (!this.#deadline.hasPassed(ticks)) return;
    if (this.#isReading) this.interrupt("timed out");
    else this.#transport.close();
  }

  /** Makes the current message the last; between two messages, there is none. */
  finishAfterCurrent(errorCode: string): void {
    this.#isLast = true;
    if (this.#isIdle) this.interrupt(errorCode);
  }

  /** Sends an error reply instead of a reply, unless a reply has begun. */
  interrupt(errorCode: string): void {
    this.#isLast = true;
    if (!this.#hasBegun) this.#transport.interrupt(errorCode);
  }

  /** Closes at once, whatever is pending. */
  abort(): void {
    this.#transport.close();
  }

  get #hasBegun(): boolean {
    return this.#transport.bytesOut > this.#sentBefore;
  }

  /** Reads to the end of a message, or to the reason why there is none. */
  #readMessage(): Promise<ReadResult> {
    const { keepAlive, idleTimeoutMs, messageTimeoutMs } = this.#options;
    this.#outcome = "";
    this.#error = undefined;
    this.#sentBefore = this.#transport.bytesOut;
    this.#isReading = true;
    this.#isIdle = keepAlive && this.#rest.length === 0;
    // Between two messages there is none that could take too long.
    const totalMs = this.#isIdle ? 0 : messageTimeoutMs;
    this.#deadline.start(idleTimeoutMs, totalMs);
    // One promise, and no async function: each of many silent connections
    // waits here, and a suspended function takes half a kB.
    return new Promise((resolve, reject) => {
      if (this.#rest.length === 0) this.#readOn(resolve, reject);
      else this.#decode(this.#rest, resolve, reject);
    });
  }

  #readOn(
    resolve: (result: ReadResult) => void,
    reject: (reason: unknown) => void,
  ): void {
    this.#transport.read().then(
      (chunk) => this.#decode(chunk, resolve, reject),
      reject,
    );
  }

  #decode(
    chunk: Uint8Array | null | Interruption,
    resolve: (result: ReadResult) => void,
    reject: (reason: unknown) => void,
  ): void {
    const { messageFraming, maxBytes } = this.#options;
    let result: ReadResult | undefined;
    if (chunk instanceof Interruption) {
      result = chunk;
    } else {
      this.#decoder ??= messageFraming.decoder(maxBytes);
      result = chunk === null ? this.#decoder.end() : this.#decoder.push(chunk);
    }
    if (result === undefined) {
      if (this.#isIdle) this.#startMessage();
      return this.#readOn(resolve, reject);
    }
    this.#isReading = this.#isIdle = false;
    this.#deadline.stop();
    resolve(result);
  }

  /** The first bytes of a message have arrived: its time limit starts. */
  #startMessage(): void {
    const { idleTimeoutMs, messageTimeoutMs } = this.#options;
    this.#isIdle = false;
    this.#deadline.start(idleTimeoutMs, messageTimeoutMs);
  }

  /** Sends the handler's reply to a message, or an error reply instead. */
  async #reply(message: Decoded): Promise<void> {
    const transport = this.#transport;
    this.#messages++;
    this.#rest = message.rest;
    const abort = new LazyAbort();
    transport.onPeerGone(abort);
    try {
      const interruption = await this.#callHandler(message, abort);
      if (interruption !== undefined) {
        abort.abort(new ErrorReply(interruption.errorCode));
        await this.#sendError(interruption.errorCode);
      }
    } catch (error) {
      if (transport.isGone(error)) throw error;
      const isRefusal = error instanceof ErrorReply;
      const code = isRefusal ? error.code : "failed";
      if (!isRefusal) this.#error = error;
      abort.abort(error);
      if (this.#hasBegun) {
        // What has been sent cannot be taken back.
        this.#outcome = code;
        transport.replyLost = true;
        throw transport.markPeerGone(error);
      }
      await this.#sendError(code);
    }
    if (!this.#isLast) this.#buffer.nextMessage(this.#rest.length);
  }

  /** Sends what the handler returns, unless that is interrupted. */
  async #callHandler(
    message: Decoded,
    abort: LazyAbort,
  ): Promise<Interruption | undefined> {
    const { handler, messageFraming } = this.#options;
    const { remoteAddr } = this.#transport;
    const marker = messageFraming.markers[message.markerIndex];
    const info = new HandlerInfo(remoteAddr, marker, abort);
    let body = handler(new ReceivedMessage(message), info);
    if (body instanceof Promise) {
      this.#buffer.holdUntil(body);
      const settled = await this.#transport.waitFor(body);
      if (settled instanceof Interruption) {
        this.#buffer.holdUntil(body.then((late) => this.#discard(late)));
        return settled;
      }
      body = settled;
    }
    this.#outcome = "ok";
    return await this.#send(body);
  }

  async #send(body: ReplyBody): Promise<Interruption | undefined> {
    const transport = this.#transport;
    const chunks = encode(body, this.#options.replyFraming);
    if (Symbol.iterator in chunks) {
      for (const chunk of chunks) await transport.write(chunk);
      return undefined;
    }
    const iterator = chunks[Symbol.asyncIterator]();
    let isDone = false;
    try {
      for (;;) {
        const next = await transport.waitFor(iterator.next());
        if (next instanceof Interruption) return next;
        if (next.done) {
          isDone = true;
          return undefined;
        }
        await transport.write(next.value);
      }
    } finally {
      if (!isDone) this.#breakOff(iterator);
    }
  }

  /** Drops the reply of a handler that was interrupted. */
  #discard(late: ReplyBody): void {
    if (typeof late === "object" && Symbol.asyncIterator in late) {
      this.#breakOff(late[Symbol.asyncIterator]());
    }
  }

  /** Ends an iterable that may still read its message. */
  #breakOff(iterator: AsyncIterator<unknown>): void {
    this.#buffer.abandon();
    // Not awaited: it settles only after the chunk that is being made.
    iterator.return?.().catch(() => {});
  }

  /** Sends the error reply for what is not a complete message. */
  async #refuse(result: ReadResult): Promise<void> {
    // With keep-alive, an end of file between two messages ends in silence.
    const isGoodbye = "isEmpty" in result && result.isEmpty;
    if (isGoodbye && this.#options.keepAlive) return;
    await this.#sendError(result.errorCode);
  }

  async #sendError(code: string): Promise<void> {
    this.#outcome = code;
    if (this.#isLast) this.#buffer.finish();
    await this.#send(`ERROR:${code}!`);
  }

  /** How the client broke the connection. */
  #lost(error: unknown): string {
    const isTruncated = error instanceof Deno.errors.UnexpectedEof;
    if (!isTruncated && !(error instanceof Deno.errors.InvalidData)) {
      return "reset";
    }
    this.#error = error;
    return isTruncated ? "truncated" : "not TLS";
  }

  #report(): ConversationReport {
    const { remoteAddr, bytesIn, bytesOut, replyLost } = this.#transport;
    return {
      remoteAddr,
      outcome: this.#outcome || "ok",
      messages: this.#messages,
      bytesIn,
      bytesOut,
      durationMs: performance.now() - this.#startedMs,
      replyLost,
      ...(this.#error !== undefined && { error: this.#error }),
    };
  }
}
