/**
 * The session of a conversation function.
 *
 * @module
 */
import type { BlockQueue } from "../framing/block_queue.ts";
import { Conversation, type Converse } from "./conversation.ts";
import { ConversationSource, pauseStuckCall } from "./conversation_source.ts";
import type { Deadline } from "./deadline.ts";
import { ErrorReply, HandlerInfo, LazyAbort } from "./handler.ts";
import { Interruption } from "./interruption.ts";
import { awaitingLimits } from "./phases.ts";
import type { ResolvedOptions } from "./responder.ts";
import type { Ending, Session } from "./session.ts";
import type { Transport } from "./transport.ts";

/** Why the calls of a function reject that has returned. */
const OVER = new DOMException("The conversation is over", "AbortError");

type Chunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** Runs a conversation function under the limits of the server. */
export class ConversationSession implements Session {
  outcome = "";
  error: unknown;
  /** Messages that `message()` has returned, and replies of `reply()`. */
  #received = 0;
  #replied = 0;
  readonly #options: ResolvedOptions;
  readonly #transport: Transport;
  readonly #deadline: Deadline;
  readonly #converse: Converse;
  readonly #abort = new LazyAbort();
  readonly #source: ConversationSource;
  /** Ends the wait for the function. */
  readonly #ended = Promise.withResolvers<void>();
  /** All writes so far. It does not reject. */
  #writes: Promise<void> = Promise.resolve();
  #isWriting = false;
  /** A part of a reply was sent, and the rest was not. */
  #isReplying = false;
  /** Breaks off the iterable that is being written. */
  #breakOff = () => {};
  #isFlushDue = false;
  /** A call waits for bytes. */
  #isWaiting = false;
  /** Why no further byte is read. */
  #lastCode = "";
  /** A call waited for the first byte of a message when it was ended. */
  #wasIdle = false;
  #isFinishing = false;
  #isOver = false;
  #takenBytes = 0;

  constructor(
    converse: Converse,
    options: ResolvedOptions,
    transport: Transport,
    buffer: BlockQueue,
    deadline: Deadline,
  ) {
    this.#converse = converse;
    this.#options = options;
    this.#transport = transport;
    this.#deadline = deadline;
    const chunks = {
      next: () => this.#next(),
      onWait: (isWaiting: boolean) => this.#onWait(isWaiting),
      takeBack: (byteCount: number) => buffer.takeBack(byteCount),
      [Symbol.dispose]: () => {},
    };
    this.#source = new ConversationSource(chunks, options.clock);
    // Nobody waits for it if the client is refused, or the function ends first.
    this.#ended.promise.catch(() => {});
  }

  get hasBegun(): boolean {
    return this.#isReplying || this.#isWriting ||
      this.#transport.queued.byteLength > 0;
  }

  get messages(): number {
    return Math.max(this.#received, this.#replied);
  }

  get hasUnread(): boolean {
    return this.#transport.bytesIn > this.#takenBytes;
  }

  async run(refusal?: string): Promise<Ending> {
    const error = await this.#runFunction(refusal);
    this.#isOver = true;
    this.#isWaiting = false;
    this.#deadline.stop();
    if (error !== undefined) this.#abort.abort(error);
    this.#transport.throwIfGone();
    // Beside the writes: a client that writes everything before it reads would
    // otherwise deadlock with the server.
    this.#transport.drain();
    this.#transport.endWait(OVER);
    await this.#transport.waitFor(this.#writes);
    this.#transport.throwIfGone();
    this.#abort.abort(OVER);
    const code = this.#codeOf(error);
    if (this.#isReplying) {
      // What has been sent cannot be taken back.
      this.outcome = code ?? "failed";
      this.#transport.replyLost = true;
      throw this.#transport.markPeerGone(error ?? OVER);
    }
    if (code === undefined) this.outcome = "ok";
    else if (this.#wasIdle && code === this.#lastCode) {
      // A client would take it for the reply to its next message.
      this.outcome = "ok";
      return "silence";
    } else this.#sendError(code);
    return "reply";
  }

  endReading(errorCode: string): boolean {
    if (!this.#isWaiting) return false;
    const isAwaited = this.#isFinishing && this.#isIdle;
    this.#lastCode ||= isAwaited ? "shutting down" : errorCode;
    this.#transport.interrupt(this.#lastCode);
    return true;
  }

  finishSoon(): void {
    this.#isFinishing = true;
    if (this.#isWaiting && this.#isIdle) {
      this.#deadline.start(this.#options.phases.lastRead);
    }
  }

  interrupt(errorCode: string): void {
    if (this.#isOver) return;
    this.#lastCode ||= errorCode;
    // A message may have arrived that a busy event loop has not delivered yet.
    if (this.#isWaiting && this.#isIdle) {
      return this.#deadline.start(this.#options.phases.lastRead);
    }
    if (this.#isWaiting) return this.#transport.interrupt(this.#lastCode);
    if (!this.#isWriting) {
      return this.#ended.reject(new ErrorReply(this.#lastCode));
    }
    // What is being written goes on, and what the function reads next is ended.
    this.#source.refuse(new ErrorReply(this.#lastCode));
    this.#writes.then(() => {
      this.#options.clock.setImmediate(() => this.interrupt(errorCode));
    });
  }

  /** Whether nothing of a message has arrived yet. */
  get #isIdle(): boolean {
    return this.#source.unreadBytes === 0;
  }

  /** Runs the function. Returns what it threw, or what ended it. */
  async #runFunction(refusal: string | undefined): Promise<unknown> {
    if (refusal !== undefined) return new ErrorReply(refusal);
    const { messageFraming, replyFraming, maxBytes } = this.#options;
    const conversation = new Conversation({
      source: this.#source,
      client: this.#transport.client,
      abort: this.#abort,
      messageFraming,
      replyFraming,
      maxBytes,
      onMessage: () => void this.#received++,
      send: (chunks, isReply) => this.#send(chunks, isReply),
      close: () => {
        this.#isOver = true;
        this.#ended.resolve();
      },
    });
    this.#transport.onPeerGone({
      abort: (reason) => {
        this.#abort.abort(reason);
        this.#ended.reject(reason);
        this.#breakOff();
      },
    });
    try {
      const running = (async () => await this.#converse(conversation))();
      await Promise.race([running, this.#ended.promise]);
      return undefined;
    } catch (error) {
      return error ?? new Error("It threw nothing");
    }
  }

  /** The code of the error reply for what a function threw; undefined for none. */
  #codeOf(error: unknown): string | undefined {
    if (error === undefined) return undefined;
    if (error instanceof ErrorReply) return error.code;
    this.#report(error);
    return "failed";
  }

  #report(error: unknown): void {
    this.error = error;
    const { remoteAddr, clientCertificate } = this.#transport.client;
    // A function has variables for its state, and ends by returning.
    const connection = {
      remoteAddr,
      clientCertificate,
      state: {},
      close: () => {},
    };
    const info = new HandlerInfo(connection, undefined, this.#abort);
    this.#options.onError(error, undefined, info);
  }

  /** Queues an error reply. */
  #sendError(code: string): void {
    try {
      this.#transport.queue(this.#options.encodeError(code));
      this.outcome = code;
    } catch (notSent) {
      this.#report(notSent);
      if (code === "failed") throw notSent;
      this.#sendError("failed");
    }
  }

  /** The next chunk that arrives, for the calls that read. */
  async #next(): Promise<Uint8Array | null> {
    if (this.#isOver) throw OVER;
    this.#flushSoon();
    const result = await this.#transport.read();
    if (this.#isOver) throw OVER;
    if (result instanceof Interruption) {
      this.#lastCode ||= result.errorCode;
      this.#wasIdle = this.#isIdle;
      throw new ErrorReply(this.#lastCode);
    }
    if (result === null) return null;
    this.#source.onChunk();
    this.#takenBytes += result.length;
    // Interrupted: what has arrived is not read any more.
    if (this.#lastCode !== "") throw new ErrorReply(this.#lastCode);
    if (this.#isWaiting && this.#isIdle) {
      // The first bytes of a message: its time limit starts.
      this.#deadline.start(this.#options.phases.reading);
    }
    return result;
  }

  #onWait(isWaiting: boolean): void {
    // The time limit is that of lingering, whatever call is left behind.
    if (this.#isOver) return;
    this.#isWaiting = isWaiting;
    if (!isWaiting) return this.#deadline.stop();
    const { phases } = this.#options;
    this.#deadline.start(
      this.#isIdle ? awaitingLimits(phases, this.#isFinishing) : phases.reading,
    );
  }

  #send(chunks: Chunks, isReply: boolean): Promise<void> {
    if (isReply) this.#replied++;
    const isSmall = Array.isArray(chunks) && chunks.length === 1;
    // Queued, unless a longer write must come before it.
    const mayQueue = isSmall && !this.#isOver && !this.#isWriting &&
      !this.#isReplying && !this.#transport.queued.isFull;
    if (!mayQueue) {
      return this.#afterWrites(() => this.#writeAll(chunks, isReply));
    }
    this.#transport.queue(chunks[0]);
    this.#flushLater();
    return Promise.resolve();
  }

  async #writeAll(chunks: Chunks, isReply: boolean): Promise<void> {
    const iterator = Symbol.iterator in chunks
      ? chunks[Symbol.iterator]()
      : chunks[Symbol.asyncIterator]();
    let isDone = false;
    // Not awaited: it settles only after the chunk that is being made.
    this.#breakOff = () => {
      if (!isDone) (async () => await iterator.return?.())().catch(() => {});
    };
    try {
      for (;;) {
        const next = await iterator.next();
        this.#transport.throwIfGone();
        isDone = next.done === true;
        if (next.done) break;
        this.#isReplying = isReply;
        await this.#transport.write(next.value);
      }
    } finally {
      this.#breakOff();
    }
    this.#isReplying = false;
  }

  /** Writes after all that was written before. */
  #afterWrites(write: () => Promise<void>): Promise<void> {
    const before = this.#writes;
    const isOver = this.#isOver;
    this.#isWriting = true;
    const writing = (async () => {
      await before;
      if (isOver) {
        await pauseStuckCall(this.#options.clock);
        throw OVER;
      }
      this.#transport.throwIfGone();
      if (this.#isReplying) throw new Error("Cannot write: a reply broke off");
      await write();
    })();
    // Whoever does not wait for a write is told by the next call: without this
    // the process would end with an unhandled rejection.
    const settled = writing.catch(() => {}).then(() => {
      if (this.#writes === settled) this.#isWriting = false;
    });
    this.#writes = settled;
    return writing;
  }

  /** Writes what is queued when the event loop is idle. */
  #flushLater(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    this.#options.clock.setImmediate(() => {
      this.#isFlushDue = false;
      this.#flushSoon();
    });
  }

  /** Writes what is queued. */
  #flushSoon(): void {
    if (
      this.#isOver || this.#isWriting || this.#transport.queued.byteLength === 0
    ) return;
    // A failure means that the peer is gone, which every call then reports.
    this.#afterWrites(async () => await this.#transport.flush());
  }
}
