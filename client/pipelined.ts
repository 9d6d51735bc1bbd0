/**
 * The client's side of a connection with many messages.
 *
 * @module
 */
import type { Clock } from "../framing/clock.ts";
import type { OutgoingData } from "../framing/outgoing.ts";
import type { Connection } from "./connection.ts";
import type { ResolvedConnectOptions } from "./options.ts";
import { PendingRequest } from "./pending_request.ts";
import { ConversationError, reasonOf } from "./reply.ts";
import { ReplySource } from "./reply_source.ts";
import { ReplyStream } from "./reply_stream.ts";
import type {
  Client,
  ReadingRequestOptions,
  RequestOptions,
} from "./requests.ts";
import { checkTimeout } from "./time_limit.ts";
import { ClientTransport } from "./transport.ts";

/** The client that `connect()` returns. It owns the connection. */
export class PipelinedClient implements Client<unknown, unknown> {
  greeting: unknown;
  readonly #options: ResolvedConnectOptions;
  readonly #signal: AbortSignal | undefined;
  readonly #clock: Clock;
  readonly #transport: ClientTransport;
  readonly #replies: ReplySource;
  /** The request that was made last, if its message is not sent yet. */
  #last: PendingRequest | undefined;
  /** The last message on its way. Does not reject. */
  #writing: Promise<unknown> = Promise.resolve();
  /** The last reply that is to be read. Does not reject. */
  #reading: Promise<unknown> = Promise.resolve();
  /** Why nothing more can be sent. Replies to what was sent may still come. */
  #sendFailure: ConversationError | undefined;
  /** A message had its reply before its end, and was broken off. */
  #isIncomplete = false;
  /** Why the connection is of no use any more. */
  #failure: { error: unknown } | undefined;
  /** Calls that wait for their reply. */
  #waiting = 0;
  /** Replies that are to be read, those to aborted requests included. */
  #expected = 0;
  #isWatching = false;
  #isClosing = false;
  #closing: Promise<void> | undefined;
  /** Called when no call waits for a reply any more. */
  #onSettled: (() => void) | undefined;
  readonly #onAbort = () => this.#end();

  constructor(
    conn: Connection,
    options: ResolvedConnectOptions,
    signal: AbortSignal | undefined,
    clock: Clock,
  ) {
    this.#options = options;
    this.#signal = signal;
    this.#clock = clock;
    signal?.addEventListener("abort", this.#onAbort);
    this.#transport = new ClientTransport(conn, {
      onEvent: options.onEvent,
      onCallbackError: (error) => this.#failure ??= { error },
    }, clock);
    const { replyFraming, maxReplyBytes } = options;
    this.#replies = new ReplySource(
      this.#transport,
      replyFraming,
      maxReplyBytes,
      clock,
    );
    this.#transport.report({ type: "connected" });
    if (options.greeting === false) {
      this.#transport.setRef(false);
      this.#watchIdle();
    }
  }

  /**
   * Reads the greeting. Before all requests.
   *
   * @param signal Ends the connection, if it aborts before the greeting.
   */
  async greet(signal: AbortSignal): Promise<void> {
    const { greeting } = this.#options;
    const read = typeof greeting === "function"
      ? () => this.#replies.readWith(greeting)
      : this.#defaultRead;
    const stop = () => this.#fail(signal.reason);
    signal.addEventListener("abort", stop);
    this.#beginWaiting();
    try {
      this.greeting = await this.#receive(this.#reading, undefined, read);
    } finally {
      this.#endWaiting();
      signal.removeEventListener("abort", stop);
    }
  }

  request<Own>(
    data: OutgoingData,
    options: RequestOptions & Partial<ReadingRequestOptions<Own>> = {},
  ): Promise<Own> {
    const { readReply } = options;
    const read = readReply === undefined
      ? this.#defaultRead as () => Promise<Own>
      : () => this.#replies.readWith(readReply);
    try {
      return this.#request(this.#newRequest(data), read, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  requestStream(
    data: OutgoingData,
    options: RequestOptions = {},
  ): ReadableStream<Uint8Array> {
    if (this.#options.readReply !== undefined) {
      throw new TypeError("Cannot stream a reply that `readReply` reads");
    }
    const request = this.#newRequest(data);
    const stream = new ReplyStream(() => request.abort(undefined));
    const read = () => stream.pass(this.#replies.parts());
    this.#request(request, read, options, true)
      .catch((error) => stream.fail(error));
    return stream.readable;
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#isClosing = true;
    if (this.#waiting > 0) {
      await new Promise<void>((resolve) => this.#onSettled = resolve);
    }
    // Replies to aborted requests may never come.
    if (this.#expected === 0) {
      await this.#writing;
      if (!this.#transport.isClosed) await this.#transport.closeWrite();
    }
    this.#end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  readonly #defaultRead = (): Promise<unknown> => {
    const { readReply } = this.#options;
    return readReply === undefined
      ? this.#replies.read()
      : this.#replies.readWith(readReply);
  };

  #newRequest(data: OutgoingData): PendingRequest {
    return new PendingRequest(data, this.#options.messageFraming);
  }

  async #request<Result>(
    request: PendingRequest,
    read: () => Promise<Result>,
    { signal, timeout = this.#options.timeout }: RequestOptions,
    isCancellable = false,
  ): Promise<Result> {
    this.#beginWaiting();
    try {
      checkTimeout(timeout);
      if (this.#isClosing || this.#failure !== undefined) {
        throw this.#reason(failure("The connection is closed"));
      }
      signal?.throwIfAborted();
      const sending = this.#options.oneAtATime
        ? this.#sendAfter(Promise.all([this.#writing, this.#reading]), request)
        : this.#sendAfter(this.#writing, request);
      this.#writing = sending.catch(() => {});
      const receiving = { request, sending };
      const replying = this.#receive(this.#reading, receiving, read);
      this.#reading = replying.catch(() => {});
      if (signal === undefined && timeout === 0 && !isCancellable) {
        return await replying;
      }
      return await request.wait(replying, { timeout, signal }, this.#clock);
    } finally {
      request.cancel();
      this.#endWaiting();
    }
  }

  #beginWaiting(): void {
    if (this.#waiting++ === 0) this.#transport.setRef(true);
  }

  #endWaiting(): void {
    if (--this.#waiting > 0) return;
    this.#transport.setRef(false);
    this.#onSettled?.();
  }

  /** Reads one reply, when it is its turn. A failure ends the connection. */
  async #receive<Result>(
    previous: Promise<unknown>,
    message: { request: PendingRequest; sending: Promise<void> } | undefined,
    read: () => Promise<Result>,
  ): Promise<Result> {
    this.#expected++;
    await previous;
    try {
      if (message?.request.hasBegun === false) {
        const { begun } = message.request;
        await Promise.race([begun, this.#replies.readAhead()]);
        // There is no reply, and nobody waits for it.
        if (message.request.isSkipped) return undefined as Result;
      }
      this.#throwIfFailed();
      // A message that was not sent completely gets no reply.
      const reply = message === undefined || message.request.isSent
        ? await read()
        : await Promise.race([read(), failureOf(message.sending)]);
      this.#throwIfFailed();
      return reply;
    } catch (error) {
      // The connection broke: a write that failed says more of it.
      const isBroken = error instanceof ConversationError && error.cause;
      const first = isBroken ? this.#sendFailure ?? error : error;
      const reason = this.#reason(first);
      this.#fail(failure(reasonOf(first), first));
      throw reason;
    } finally {
      if (--this.#expected === 0) this.#watchIdle();
    }
  }

  /** Notices what comes between two requests: it is not a reply to the next. */
  #watchIdle(): void {
    if (this.#expected > 0 || this.#isClosing || this.#isWatching) return;
    if (this.#transport.isClosed) return;
    let bytes;
    try {
      bytes = this.#replies.peek();
    } catch (error) {
      return this.#fail(failure(reasonOf(error), error));
    }
    if (bytes === undefined) {
      this.#isWatching = true;
      this.#replies.readAhead().then(() => {
        this.#isWatching = false;
        this.#watchIdle();
      });
    } else if (bytes === null) {
      const message = "No reply: the server closed the idle connection";
      this.#fail(new ConversationError("no reply", message));
    } else {
      const message = `The server sent ${bytes.length} bytes without a request`;
      this.#fail(new ConversationError("unsolicited", message, bytes));
    }
  }

  /** Sends a message. Rejects with the error of the caller's stream alone. */
  async #sendAfter(
    previous: Promise<unknown>,
    request: PendingRequest,
  ): Promise<void> {
    const { message } = request;
    const { oneAtATime } = this.#options;
    if (this.#last !== undefined && !oneAtATime) this.#last.next = request;
    this.#last = request;
    await previous;
    request.due();
    try {
      for (;;) {
        // Nothing may follow an incomplete message: the two would be one.
        if (this.#transport.isClosed) return;
        if (this.#isIncomplete) throw this.#sendFailure;
        if (this.#sendFailure !== undefined) return;
        const chunk = request.isTaken
          ? null
          : await message.next().catch((error) => {
            this.#sendFailure = failure("An earlier message was not complete");
            throw error;
          });
        if (request.isSkipped) return;
        if (request.isReplied) {
          this.#isIncomplete = true;
          const text = "An earlier message had its reply before its end";
          this.#sendFailure = failure(text);
          return;
        }
        if (request.isIncomplete) {
          const text = "A message was aborted after its first bytes";
          throw this.#sendFailure = failure(text);
        }
        if (chunk === null) {
          request.isSent = true;
          const { byteLength } = message;
          return this.#transport.report({ type: "sent", byteLength });
        }
        request.begin();
        try {
          await this.#transport.write(request.withFollowing(chunk));
        } catch (error) {
          this.#sendFailure = failure(reasonOf(error), error);
        }
      }
    } finally {
      request.begin();
      if (this.#last === request) this.#last = undefined;
    }
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Ends the connection: no further message makes sense. */
  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#end();
  }

  /** What a caller is thrown: the signal's reason, the first failure, or this. */
  #reason(error: unknown): unknown {
    if (this.#signal?.aborted) return this.#signal.reason;
    return this.#failure === undefined ? error : this.#failure.error;
  }

  #end(): void {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#transport.close();
  }
}

/** Rejects if the promise does; otherwise it stays pending. */
function failureOf(promise: Promise<unknown>): Promise<never> {
  return new Promise((_resolve, reject) => promise.catch(reject));
}

function failure(message: string, cause?: unknown): ConversationError {
  return new ConversationError("truncated", message, undefined, { cause });
}
