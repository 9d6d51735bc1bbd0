/**
 * The client's side of a connection with many messages.
 *
 * @module
 */
import type { Clock } from "../framing/clock.ts";
import type { Decoder } from "../framing/framing.ts";
import {
  encodeMessage,
  type Outgoing,
  type OutgoingData,
} from "../framing/outgoing.ts";
import type { ResolvedOptions } from "./options.ts";
import {
  ConversationError,
  incompleteReply,
  reasonOf,
  type Reply,
  toReply,
  truncated,
} from "./reply.ts";
import { ClientTransport } from "./transport.ts";

/** A connection for any number of requests. */
export interface Client extends AsyncDisposable {
  /**
   * Sends a message, and resolves to its reply. Further requests may be made at
   * once: they are sent ahead, and the replies come in the same order.
   *
   * @throws {ConversationError} If there is no complete reply. After that, every
   * further `request()` fails.
   */
  request(data: OutgoingData): Promise<Reply>;
  /**
   * Half-closes when all requests are answered, and closes. May be called
   * again.
   */
  close(): Promise<void>;
}

const EMPTY = new Uint8Array(0);

/** The client that `connect()` returns. It owns the connection. */
export class PipelinedClient implements Client {
  readonly #options: ResolvedOptions;
  readonly #signal: AbortSignal | undefined;
  readonly #transport: ClientTransport;
  readonly #decoder: Decoder;
  #rest: Uint8Array = EMPTY;
  /** The last message on its way. Does not reject. */
  #writing: Promise<unknown> = Promise.resolve();
  /** The last reply that is waited for. Does not reject. */
  #reading: Promise<unknown> = Promise.resolve();
  /** Why nothing more can be sent. Replies to what was sent may still come. */
  #sendFailure: ConversationError | undefined;
  /** Why the connection is of no use any more. */
  #failure: { error: unknown } | undefined;
  /** Requests that wait for their reply. */
  #outstanding = 0;
  #isClosing = false;
  #closing: Promise<void> | undefined;
  readonly #onAbort = () => this.#end();

  constructor(
    conn: Deno.Conn,
    options: ResolvedOptions,
    signal: AbortSignal | undefined,
    clock: Clock,
  ) {
    this.#options = options;
    this.#signal = signal;
    this.#decoder = options.replyFraming.decoder(options.maxReplyBytes);
    signal?.addEventListener("abort", this.#onAbort);
    this.#transport = new ClientTransport(conn, {
      onEvent: options.onEvent,
      onCallbackError: (error) => this.#failure ??= { error },
    }, clock);
    this.#transport.report({ type: "connected" });
    this.#watchIdle();
  }

  async request(data: OutgoingData): Promise<Reply> {
    const message = encodeMessage(data, this.#options.messageFraming);
    if (this.#isClosing || this.#failure !== undefined) {
      message.cancel();
      throw this.#reason(failure("The connection is closed"));
    }
    if (this.#outstanding++ === 0) this.#transport.setRef(true);
    // Rejects with the error of the caller's stream, and with no other.
    const sending = this.#writing.then(() => this.#send(message));
    this.#writing = sending.catch(() => {});
    const replying = this.#reading.then(() =>
      // A message that was not sent completely gets no reply.
      Promise.race([this.#receive(), failureOf(sending)])
    );
    this.#reading = replying.catch(() => {});
    try {
      // After an error reply in the middle of a message, the server ends the
      // connection, which the next read reports.
      return await replying;
    } catch (error) {
      const reason = this.#reason(error);
      this.#fail(failure(reasonOf(error), error));
      throw reason;
    } finally {
      message.cancel();
      if (--this.#outstanding === 0) this.#watchIdle();
    }
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#isClosing = true;
    await this.#writing;
    await this.#reading;
    if (this.#transport.isClosed) return;
    await this.#transport.closeWrite();
    this.#end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Notices what comes between two requests: it is not a reply to the next. */
  #watchIdle(): void {
    if (this.#transport.isClosed) return;
    if (this.#rest.length > 0) return this.#failUnsolicited(this.#rest);
    this.#transport.setRef(false);
    this.#transport.readAhead().then((chunk) => {
      if (this.#outstanding > 0 || this.#isClosing) return;
      if (chunk !== null) return this.#failUnsolicited(chunk);
      const message = "No reply: the server closed the idle connection";
      this.#fail(new ConversationError("no reply", message));
    }, (error) => {
      if (this.#outstanding > 0 || this.#isClosing) return;
      this.#fail(failure(reasonOf(error), error));
    });
  }

  #failUnsolicited(bytes: Uint8Array): void {
    const message = `The server sent ${bytes.length} bytes without a request`;
    this.#fail(new ConversationError("unsolicited", message, bytes));
  }

  async #send(message: Outgoing): Promise<void> {
    for (;;) {
      // Nothing may follow an incomplete message: the two would be one.
      if (this.#transport.isClosed || this.#sendFailure !== undefined) return;
      const chunk = await message.next().catch((error) => {
        this.#sendFailure = failure("An earlier message was not complete");
        throw error;
      });
      if (chunk === null) {
        const { byteLength } = message;
        return this.#transport.report({ type: "sent", byteLength });
      }
      try {
        await this.#transport.write(chunk);
      } catch (error) {
        this.#sendFailure = failure(reasonOf(error), error);
      }
    }
  }

  async #receive(): Promise<Reply> {
    this.#throwIfFailed();
    const { maxReplyBytes } = this.#options;
    const decoded = await this.#transport.receive(this.#decoder, this.#rest)
      .catch((error) => {
        this.#throwIfFailed();
        if (this.#sendFailure !== undefined) throw this.#sendFailure;
        const { data, byteLength } = this.#decoder.end();
        throw truncated(data, byteLength, reasonOf(error), error);
      });
    this.#throwIfFailed();
    if (!decoded.gotEnd) throw incompleteReply(decoded, maxReplyBytes);
    this.#rest = decoded.rest;
    this.#transport.nextMessage(decoded.rest.length);
    return toReply(decoded.data);
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
  return new ConversationError("truncated", message, EMPTY, { cause });
}
