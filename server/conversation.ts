/**
 * What a conversation function receives: `Conversation`.
 *
 * @module
 */
import type { BufferedSource } from "../framing/buffered_source.ts";
import { encode } from "../framing/encode.ts";
import { endOfFileFraming } from "../framing/end_of_file.ts";
import type { Framing } from "../framing/framing.ts";
import { ReadMethods } from "../framing/read_methods.ts";
import type { ByteOrder } from "../framing/length_prefix.ts";
import {
  checkReadOptions,
  isByteLimitError,
  type ReadOptions,
} from "../framing/read_options.ts";
import type { Decoded } from "../framing/received.ts";
import {
  ErrorReply,
  type LazyAbort,
  type Message,
  ReceivedMessage,
  type ReplyBody,
} from "./handler.ts";
import type { ClientCertificate, ClientIdentity } from "./socket.ts";

/** What a conversation needs of its connection. */
export interface ConversationParts {
  readonly source: BufferedSource;
  readonly client: ClientIdentity;
  readonly abort: LazyAbort;
  readonly messageFraming: Framing;
  readonly replyFraming: Framing;
  readonly maxBytes: number;
  /** Called for each complete message that `message()` returns. */
  onMessage(): void;
  /** Writes chunks after those before. Resolves when the next may come. */
  send(
    chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    isReply: boolean,
  ): Promise<void>;
  /** Ends the conversation, as if its function had returned. */
  close(): void;
}

/**
 * A conversation with one client, for protocols that are more than a message
 * and its reply: the server speaks first, lengths come in the middle of a
 * message, both sides speak at any time.
 *
 * A conversation reads with the methods of a {@linkcode Reader}, and with
 * {@linkcode Conversation.message} in the server's own framing. When the function
 * has returned, the server half-closes, discards what still arrives, and closes
 * after the client's end of file: the last word arrives.
 *
 * The limits of the server hold:
 * - `maxBytes` for each call that reads, unless its own `maxBytes` is given.
 * - `idleTimeout` while a call waits, without a byte received or sent, and
 *   `messageTimeout` for each call from its first byte. Then the call, and each
 *   one after it, rejects with the `ErrorReply` `timed out`.
 * - After the grace period of a shutdown, or 0.5 s after its start where a call
 *   waits for the first byte of a message, calls reject with the `ErrorReply`
 *   `shutting down`; where memory runs short, with `busy`.
 * - `idleTimeout` while a write waits, without a byte taken by the kernel. Then
 *   the connection is closed, and the outcome is `stalled`.
 *
 * A function may catch an `ErrorReply` and say its own last word. If it does
 * not, the server sends the error reply; but it says nothing where a call waited
 * for the first byte of a message: a client would take it for the reply to its
 * next message.
 *
 * What the methods return belongs to the caller: the bytes are copied. A call
 * that nobody waits for may fail unnoticed: a client cannot end the process.
 *
 * @example A server that speaks first, and a length in the middle of a message
 * ```ts
 * import { serve } from "@recv-end/recv-end";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve({
 *   port: 0,
 *   end: "\r\n",
 *   async converse(conversation) {
 *     await conversation.reply("+ready");
 *     for (let line; (line = await conversation.message()) !== null;) {
 *       const [verb, length] = line.text().split(" ");
 *       if (verb !== "PUT") return conversation.reply("-bye");
 *       const data = await conversation.exactly(Number(length));
 *       await conversation.reply(`+${data.length} bytes`);
 *     }
 *   },
 * });
 *
 * using conn = await Deno.connect({ port: server.addr.port });
 * await conn.write(new TextEncoder().encode("PUT 3\r\nabcQUIT\r\n"));
 * await conn.closeWrite();
 * assertEquals(
 *   await new Response(conn.readable).text(),
 *   "+ready\r\n+3 bytes\r\n-bye\r\n",
 * );
 * ```
 */
export class Conversation extends ReadMethods {
  /** The address of the client. */
  readonly remoteAddr: Deno.Addr;
  /** The certificate of the client, with TLS, if it has shown one. */
  readonly clientCertificate: ClientCertificate | undefined;
  readonly #parts: ConversationParts;

  /** @ignore Made by the server. */
  constructor(parts: ConversationParts) {
    super(parts.source, parts.maxBytes, true);
    this.#parts = parts;
    this.remoteAddr = parts.client.remoteAddr;
    this.clientCertificate = parts.client.clientCertificate;
  }

  /**
   * Aborts when the conversation is over: the client is gone or takes no byte of
   * a write for too long, the server was aborted, the grace period has ended
   * while no call waited, or the function has returned. A half-close of the
   * client is an end of file for the calls that read, and a call that times out
   * rejects: neither aborts. While no call reads, a client that is gone is not
   * noticed.
   */
  get signal(): AbortSignal {
    return this.#parts.abort.signal;
  }

  /**
   * Reads the next message in the framing of the server (`end`, `framing`).
   *
   * @param options The limits on the bytes and on the time.
   * @returns The message; null if the end of file came instead of its first
   * byte, and from then on.
   * @throws {ErrorReply} If the message is not complete (`no end`), or not valid
   * (`too large`, `bad count`): the error reply of the server, if the function
   * does not catch it. Its bytes stay, so the next call throws the same:
   * `skipUntil()` skips a message that is too large.
   * @throws {DOMException} If the call has timed out by its own `timeout`.
   */
  message(options: ReadOptions = {}): Promise<Message | null> {
    return mayBeLeft(this.#message(options));
  }

  async #message(options: ReadOptions): Promise<Message | null> {
    const { source, messageFraming } = this.#parts;
    const maxBytes = checkReadOptions(options, this.#parts.maxBytes);
    const received = await source.run<Decoded>(
      () => source.decode(messageFraming, maxBytes),
      options,
    );
    if (received.gotEnd) {
      this.#parts.onMessage();
      return new ReceivedMessage(received);
    }
    if (received.isEmpty) return null;
    throw new ErrorReply(received.errorCode);
  }

  /**
   * Reads exactly n bytes, as `Reader.exactly()` does.
   *
   * @throws {ErrorReply} `no end`, if the end of file comes first; `too large`, if
   * the number is above `maxBytes`.
   */
  override exactly(
    byteCount: number,
    options?: ReadOptions,
  ): Promise<Uint8Array> {
    return withErrorReply(super.exactly(byteCount, options));
  }

  /**
   * Reads all bytes up to the end of file, as `Reader.toEnd()` does.
   *
   * @throws {ErrorReply} `too large`, if there are more than `maxBytes`.
   */
  override toEnd(options?: ReadOptions): Promise<Uint8Array> {
    return withErrorReply(super.toEnd(options));
  }

  /**
   * Reads an unsigned integer, as `Reader.uint()` does.
   *
   * @throws {ErrorReply} `no end`, if the end of file comes first.
   */
  override uint(
    byteCount: number,
    order?: ByteOrder,
    options?: ReadOptions,
  ): Promise<number> {
    return withErrorReply(super.uint(byteCount, order, options));
  }

  /**
   * Writes bytes as they are, without any framing.
   *
   * Small writes are collected and sent together: when a call waits for the
   * client, when 64 KiB are collected, or as soon as the event loop is idle.
   *
   * @param data Text (as UTF-8), bytes, or an iterable of either; an async one
   * is written chunk by chunk as it comes.
   * @returns Resolves when more may be written; it waits while the client does
   * not read (backpressure). Calls are written in their order.
   * @throws {DOMException} An `AbortError`, once the conversation is over.
   * @throws The error of the socket, once the client is gone.
   */
  write(data: ReplyBody): Promise<void> {
    return this.#send(data, endOfFileFraming, false);
  }

  /**
   * Writes a reply in the framing of replies (`replyEnd`, `framing`). By default
   * replies end with the first marker of `end`.
   *
   * @param data As for {@linkcode Conversation.write}.
   * @returns As for {@linkcode Conversation.write}.
   * @throws {TypeError} If the data contains the end marker of replies.
   * @throws As {@linkcode Conversation.write} does.
   */
  reply(data: ReplyBody): Promise<void> {
    return this.#send(data, this.#parts.replyFraming, true);
  }

  /**
   * Ends the conversation, as if its function had returned: what was written is
   * sent, then the server half-closes. Calls that are pending reject, at the
   * latest when the connection is closed. May be called again.
   */
  close(): void {
    this.#parts.close();
  }

  #send(data: ReplyBody, framing: Framing, isReply: boolean): Promise<void> {
    try {
      return this.#parts.send(encode(data, framing), isReply);
    } catch (error) {
      return mayBeLeft(Promise.reject(error));
    }
  }
}

/** A call whose failure, where it is the client's fault, is an error reply. */
function withErrorReply<T>(call: Promise<T>): Promise<T> {
  return mayBeLeft(call.catch(throwErrorReply));
}

/** Returns a call, whose failure does not end the process if nobody waits. */
function mayBeLeft<T>(call: Promise<T>): Promise<T> {
  call.catch(() => {});
  return call;
}

function throwErrorReply(error: unknown): never {
  if (error instanceof Deno.errors.UnexpectedEof) {
    throw new ErrorReply("no end");
  }
  throw isByteLimitError(error) ? new ErrorReply("too large") : error;
}

/**
 * Converses with one client. The connection ends when it has returned.
 *
 * If it throws an {@linkcode ErrorReply}, the client gets that; if it throws
 * anything else, `ERROR:failed!`, and `onError` the error. No limit except the
 * grace period of a shutdown applies to a function that neither reads nor
 * writes.
 */
export type Converse = (conversation: Conversation) => Promise<void> | void;
