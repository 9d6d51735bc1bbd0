/**
 * What a handler receives, and what it may return or throw.
 *
 * @module
 */
import { concat } from "@std/bytes";
import type { Body } from "../framing/encode.ts";
import type { Decoded } from "../framing/received.ts";
import { NO_REPLY_OUTCOMES } from "./outcomes.ts";
import type { ClientCertificate } from "./socket.ts";

/** A complete message. */
export interface Message {
  /**
   * The bytes of the message as they lie in memory, without the marker: not
   * copied. The chunks are valid until the reply has been sent. Afterwards the
   * server reuses their memory: take `bytes()` for what you keep.
   */
  readonly chunks: readonly Uint8Array[];
  /** The number of bytes in the message. */
  readonly byteLength: number;
  /** The bytes of the message: a copy, which belongs to the caller. */
  bytes(): Uint8Array<ArrayBuffer>;
  /** The message as text. Bytes that are not UTF-8 become U+FFFD. */
  text(): string;
}

/** What a handler may know besides the message. One object for each message. */
export interface MessageInfo {
  /** The address of the client. */
  readonly remoteAddr: Deno.Addr;
  /**
   * The certificate of the client, if it has shown one: see `TlsConfig`. The
   * server has verified it.
   */
  readonly clientCertificate: ClientCertificate | undefined;
  /** The end marker that ended the message; undefined with a count. */
  readonly marker: Uint8Array | undefined;
  /**
   * Aborts when the reply is no longer needed: the client is gone, or
   * the server has sent an error reply instead. With `keepAlive` nothing is
   * read while the handler works, so a client that is gone is not noticed.
   */
  readonly signal: AbortSignal;
  /**
   * An object for whatever belongs to the connection, such as what a login
   * leaves: the same one for all of its messages, at first empty.
   */
  readonly state: Record<PropertyKey, unknown>;
  /**
   * Makes this reply the last one of the connection, as for `QUIT`. Messages
   * that have been sent after this one are not answered.
   */
  close(): void;
}

/**
 * A reply: text (as UTF-8), bytes, or an iterable of either. An async iterable,
 * such as a `ReadableStream`, is sent chunk by chunk as it comes.
 */
export type ReplyBody = Body;

/**
 * Answers one message. A handler that returns nothing sends nothing.
 *
 * If the handler throws, the client gets `ERROR:failed!`, and `onError` the
 * error; if it throws an {@linkcode ErrorReply}, the client gets that. A reply
 * that contains its own end marker counts as an error, too. An iterable that throws after
 * its first chunk was sent truncates the reply; without `replyEnd` the client
 * may take that for a complete one.
 *
 * No limit except the grace period of a shutdown applies to a handler that
 * never settles: use `info.signal` and `AbortSignal.timeout()`.
 */
export type Handler = (
  message: Message,
  info: MessageInfo,
) => ReplyBody | void | Promise<ReplyBody | void>;

/** Outcomes of a conversation that are not error codes. */
const OUTCOMES = new Set<string>(["ok", ...NO_REPLY_OUTCOMES]);

/**
 * An error reply, `ERROR:code!`: a handler throws one to refuse a message. With
 * `keepAlive` the connection goes on.
 *
 * @example A handler that refuses
 * ```ts
 * import { ErrorReply, sendData, serve } from "@recv-end/recv-end";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve({ port: 0, end: "\n" }, (message) => {
 *   if (message.byteLength % 2 === 1) throw new ErrorReply("malformed");
 *   return "fine";
 * });
 * const reply = await sendData("abc", { port: server.addr.port, end: "\n" });
 * assertEquals(reply.text(), "ERROR:malformed!");
 * assertEquals(reply.error, "malformed");
 * ```
 */
export class ErrorReply extends Error {
  /** The name of the class. */
  override name = "ErrorReply";

  /** The code: `malformed` for `ERROR:malformed!`. */
  readonly code: string;

  /**
   * Makes the error reply `ERROR:code!`.
   *
   * @param code 1 to 200 characters, without `!` and line breaks.
   * @throws {TypeError} If the code is not valid: a client would not recognise
   * the reply as an error. Or if it is `ok`, `reset`, `stalled`, `aborted`,
   * `cancelled`, `truncated`, `not TLS`, `not allowed` or `bad proxy header`,
   * which are outcomes in the log.
   */
  constructor(code: string) {
    if (!/^[^!\r\n]{1,200}$/.test(code) || OUTCOMES.has(code)) {
      throw new TypeError(
        `Cannot use ${JSON.stringify(code)} as the code of an error reply`,
      );
    }
    super(code);
    this.code = code;
  }
}

/** The default handler, from the recipe: replies with the message twice. */
export const echoTwice: Handler = (message) => [
  ...message.chunks,
  ...message.chunks,
];

const decoder = new TextDecoder();

/** The message that a handler receives. */
export class ReceivedMessage implements Message {
  readonly chunks: readonly Uint8Array[];
  readonly byteLength: number;

  constructor({ chunks, byteLength }: Decoded) {
    this.chunks = chunks;
    this.byteLength = byteLength;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return concat(this.chunks);
  }

  text(): string {
    const { chunks } = this;
    return decoder.decode(chunks.length === 1 ? chunks[0]! : concat(chunks));
  }
}

/** An abort signal that is made when it is first asked for. */
export class LazyAbort {
  #controller: AbortController | undefined;
  #isAborted = false;
  #reason: unknown;

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#isAborted) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Aborts, for the first reason that is given. */
  abort(reason: unknown): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
  }
}

/** What all messages of a connection have in common. */
export type ConnectionInfo = Pick<
  MessageInfo,
  "remoteAddr" | "clientCertificate" | "state" | "close"
>;

/** The information that a handler receives with one message. */
export class HandlerInfo implements MessageInfo {
  readonly marker: Uint8Array | undefined;
  readonly #connection: ConnectionInfo;
  readonly #abort: LazyAbort;

  constructor(
    connection: ConnectionInfo,
    marker: Uint8Array | undefined,
    abort: LazyAbort,
  ) {
    this.#connection = connection;
    this.marker = marker;
    this.#abort = abort;
  }

  get remoteAddr(): Deno.Addr {
    return this.#connection.remoteAddr;
  }

  get clientCertificate(): ClientCertificate | undefined {
    return this.#connection.clientCertificate;
  }

  get state(): Record<PropertyKey, unknown> {
    return this.#connection.state;
  }

  close(): void {
    this.#connection.close();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }
}
