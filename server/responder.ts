/**
 * The reply to one message: the handler's, or an error reply.
 *
 * @module
 */
import type { Clock } from "../framing/clock.ts";
import { COALESCE_BYTES, encode, encodeSmall } from "../framing/encode.ts";
import type { FirstBlockSizes, ReadBuffer } from "../framing/read_buffer.ts";
import type { Decoded } from "../framing/received.ts";
import type { BufferPool } from "./buffer_pool.ts";
import type { Converse } from "./conversation.ts";
import type { DeadlineTimer } from "./deadline.ts";
import type { Framings } from "./framings.ts";
import {
  type ConnectionInfo,
  ErrorReply,
  type Handler,
  HandlerInfo,
  LazyAbort,
  type Message,
  type MessageInfo,
  ReceivedMessage,
  type ReplyBody,
} from "./handler.ts";
import type { Phases } from "./phases.ts";
import { Interruption } from "./interruption.ts";
import type { ClientCertificate } from "./socket.ts";
import type { Transport } from "./transport.ts";

/** Options that hold for every connection of a server, checked and complete. */
export interface ResolvedOptions extends Framings {
  readonly keepAlive: boolean;
  readonly maxBytes: number;
  readonly handler: Handler;
  /** Called once for each connection, instead of the handler. */
  readonly converse: Converse | undefined;
  /** Whether the connection goes on after a message that is too large. */
  readonly skipsTooLarge: boolean;
  /** Whether an end of file cancels the reply that is being made. */
  readonly isEndOfFileCancel: boolean;
  /** Does not throw, and what it returns does not reject. */
  readonly onError: (
    error: unknown,
    message: Message | undefined,
    info: MessageInfo,
  ) => void;
  readonly clock: Clock;
  readonly pool: BufferPool;
  readonly recentSizes: FirstBlockSizes;
  readonly timer: DeadlineTimer;
  readonly phases: Phases;
  /** The ticks after which TCP keep-alive is worth a system call. */
  readonly keepAliveTicks: number;
}

/** A promise settles soon if no more microtasks than these run before. */
const SOON_MICROTASKS = 8;

/** A message that is being answered, with what its handler received. */
interface Answering {
  readonly message: Message;
  readonly info: MessageInfo;
  readonly abort: LazyAbort;
}

/**
 * Whether a promise settles before the event loop's next turn, or rather, within
 * a few microtasks: a reply that needs no waiting is written with its neighbours.
 */
async function settlesSoon(promise: Promise<unknown>): Promise<boolean> {
  let isSettled = false;
  const settle = () => {
    isSettled = true;
  };
  promise.then(settle, settle);
  for (let count = 0; count < SOON_MICROTASKS && !isSettled; count++) {
    await undefined;
  }
  return isSettled;
}

/** Answers the messages of one connection, one after another. */
export class Responder implements ConnectionInfo {
  /** How the last message was answered; empty while none is. */
  outcome = "";
  /** The error of the last handler. */
  error: unknown;
  /** Whether a part of the current reply was sent, and it is not complete. */
  hasBegun = false;
  /** Whether a handler has asked for the end of the connection. */
  isLast = false;
  #state: Record<PropertyKey, unknown> | undefined;
  readonly #options: ResolvedOptions;
  readonly #transport: Transport;
  readonly #buffer: ReadBuffer;

  constructor(
    options: ResolvedOptions,
    transport: Transport,
    buffer: ReadBuffer,
  ) {
    this.#options = options;
    this.#transport = transport;
    this.#buffer = buffer;
  }

  get remoteAddr(): Deno.Addr {
    return this.#transport.client.remoteAddr;
  }

  get clientCertificate(): ClientCertificate | undefined {
    return this.#transport.client.clientCertificate;
  }

  get state(): Record<PropertyKey, unknown> {
    return this.#state ??= {};
  }

  close(): void {
    this.isLast = true;
  }

  /** Forgets the message before. */
  reset(): void {
    this.outcome = "";
    this.error = undefined;
    this.hasBegun = false;
  }

  /**
   * Replies to a message: with what the handler returns, or an error reply.
   * Small replies that are here at once are queued; for others there is a
   * promise to wait for.
   */
  reply(message: Decoded): Promise<void> | undefined {
    const { handler, messageFraming } = this.#options;
    this.reset();
    const abort = new LazyAbort();
    this.#transport.onPeerGone(abort);
    const marker = messageFraming.markers[message.markerIndex];
    const answering: Answering = {
      message: new ReceivedMessage(message),
      info: new HandlerInfo(this, marker, abort),
      abort,
    };
    try {
      const body = handler(answering.message, answering.info);
      if (body instanceof Promise) return this.#waitAndSend(body, answering);
      return this.#sendBody(body, answering);
    } catch (error) {
      return this.#fail(error, answering);
    }
  }

  /** Waits for the handler, and sends what it returns. */
  async #waitAndSend(
    body: Promise<ReplyBody | void>,
    answering: Answering,
  ): Promise<void> {
    try {
      if (await settlesSoon(body)) {
        return await this.#sendBody(await body, answering);
      }
      this.#buffer.holdUntil(body);
      await this.#transport.flush();
      const settled = await this.#transport.waitFor(body);
      if (settled instanceof Interruption) {
        this.#buffer.holdUntil(body.then((late) => this.#discard(late)));
        return this.#endInterrupted(settled, answering);
      }
      await this.#sendBody(settled, answering);
    } catch (error) {
      this.#fail(error, answering);
    }
  }

  /** Sends a reply, or queues a small one; nothing, if there is none. */
  #sendBody(
    body: ReplyBody | void,
    answering: Answering,
  ): Promise<void> | undefined {
    if (body === undefined || body === null) {
      this.outcome = "ok";
      return undefined;
    }
    const { replyFraming } = this.#options;
    const small = encodeSmall(body, replyFraming);
    if (small !== undefined) {
      this.#transport.queued.pushSpan(small);
      this.outcome = "ok";
      return undefined;
    }
    const chunks = encode(body, replyFraming);
    if (Array.isArray(chunks) && chunks.length === 1) {
      const [chunk] = chunks;
      if (chunk.length <= COALESCE_BYTES) {
        this.#transport.queue(chunk);
        this.outcome = "ok";
        return undefined;
      }
    }
    return Symbol.iterator in chunks
      ? this.#sendList(chunks, answering)
      : this.#sendStream(chunks[Symbol.asyncIterator](), answering);
  }

  async #sendList(
    chunks: Iterable<Uint8Array>,
    answering: Answering,
  ): Promise<void> {
    try {
      for (const chunk of chunks) {
        this.hasBegun = true;
        await this.#transport.write(chunk);
      }
      this.hasBegun = false;
      this.outcome = "ok";
    } catch (error) {
      this.#fail(error, answering);
    }
  }

  /** Sends chunks as they come, unless that is interrupted. */
  async #sendStream(
    iterator: AsyncIterator<Uint8Array>,
    answering: Answering,
  ): Promise<void> {
    let isDone = false;
    try {
      await this.#transport.flush();
      for (;;) {
        const next = await this.#transport.waitFor(iterator.next());
        if (next instanceof Interruption) {
          return this.#endInterrupted(next, answering);
        }
        if (next.done) {
          isDone = true;
          this.hasBegun = false;
          this.outcome = "ok";
          return;
        }
        this.hasBegun = true;
        await this.#transport.write(next.value);
      }
    } catch (error) {
      this.#fail(error, answering);
    } finally {
      if (!isDone) this.#breakOff(iterator);
    }
  }

  #endInterrupted(
    { errorCode }: Interruption,
    { abort }: Answering,
  ): void {
    abort.abort(new ErrorReply(errorCode));
    this.sendError(errorCode);
  }

  /**
   * Replies with the error of a handler or of its reply.
   *
   * @throws The error, if the peer is gone, or a part of the reply was sent.
   */
  #fail(error: unknown, { message, info, abort }: Answering): undefined {
    if (this.#transport.isGone(error)) throw error;
    const isRefusal = error instanceof ErrorReply;
    const code = isRefusal ? error.code : "failed";
    if (!isRefusal) {
      this.error = error;
      this.#options.onError(error, message, info);
    }
    abort.abort(error);
    if (this.hasBegun) {
      // What has been sent cannot be taken back.
      this.outcome = code;
      this.#transport.replyLost = true;
      throw this.#transport.markPeerGone(error);
    }
    try {
      this.sendError(code);
    } catch (notSent) {
      this.error = notSent;
      this.#options.onError(notSent, message, info);
      this.sendError("failed");
    }
  }

  /** Drops the reply of a handler that was interrupted. */
  #discard(late: ReplyBody | void): void {
    if (
      typeof late === "object" && late !== null && Symbol.asyncIterator in late
    ) {
      this.#breakOff(late[Symbol.asyncIterator]());
    }
  }

  /** Ends an iterable that may still read its message. */
  #breakOff(iterator: AsyncIterator<unknown>): void {
    this.#buffer.abandon();
    // Not awaited: it settles only after the chunk that is being made.
    iterator.return?.().catch(() => {});
  }

  /**
   * Queues an error reply.
   *
   * @throws {TypeError} If it contains the end marker of replies.
   * @throws What the function throws that writes error replies.
   */
  sendError(code: string): void {
    this.#transport.queue(this.#options.encodeError(code));
    this.outcome = code;
  }
}
