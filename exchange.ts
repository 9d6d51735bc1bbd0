/**
 * The client's side of one connection: connect, send, half-close, read the
 * reply to its end, close.
 *
 * @module
 */
import { concat } from "@std/bytes";
import { freshBlocks } from "./blocks.ts";
import { openPieces } from "./pieces.ts";

/** A step of a conversation, from the client's side. */
export type SendEvent =
  /** The connection stands. */
  | { type: "connected" }
  /** So many bytes more are on their way. */
  | { type: "wrote"; byteLength: number }
  /** The whole message is: so many bytes, and its marker. */
  | { type: "sent"; byteLength: number }
  /** We are done sending. */
  | { type: "half-close" }
  /** So many bytes more of the reply are here. */
  | { type: "read"; byteLength: number }
  /** The server is done sending. */
  | { type: "end of file" }
  /** The connection is closed. */
  | { type: "closed" };

/** What the server answered, whole. */
export interface Reply {
  /** The bytes of the reply. */
  readonly data: Uint8Array;
  /** The reply as text. What is no UTF-8 becomes U+FFFD. */
  text(): string;
  /**
   * The server's last word, where it said one instead of a reply: `no end`
   * for `ERROR:no end!`. A reply of this very form is taken for one.
   */
  readonly lastWord: string | null;
}

/**
 * A conversation that failed. `reason` tells how:
 *
 * - `"refused"`: there was no connection.
 * - `"cut"`: the connection broke before the end of the reply.
 * - `"no last word"`: the server was done before any byte of a reply. Often
 *   something between the two took our half-close for a close: see
 *   `halfClose`.
 * - `"timed out"`: it took longer than `timeout`.
 * - `"too large"`: the reply has more than `maxReplyBytes`.
 */
export class ConversationError extends Error {
  /** The name of the class. */
  override name = "ConversationError";

  /** How it failed. */
  readonly reason:
    | "refused"
    | "cut"
    | "no last word"
    | "timed out"
    | "too large";
  /** What had come of the reply. */
  readonly received: Uint8Array;

  /** The message is for people; `cause` is the error below. */
  constructor(
    reason: ConversationError["reason"],
    message: string,
    received: Uint8Array,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.reason = reason;
    this.received = received;
  }
}

/** Data up to this many bytes is joined with its marker: one packet. */
const SMALL_MESSAGE = 64 * 1024;

/** Bytes to send, one piece after the other. */
export interface Outgoing {
  /** The next piece; null when the message and its marker were given. */
  next(): Promise<Uint8Array | null> | Uint8Array | null;
  /** Nothing more will be asked for. */
  cancel(): void;
  /** How many bytes of the message, without the marker, were given. */
  readonly byteLength: number;
}

/** The message and its marker, as they are to be written. */
export function messagePieces(
  data: string | Uint8Array | ReadableStream<Uint8Array>,
  marker: Uint8Array,
): Outgoing {
  if (data instanceof ReadableStream) return new StreamPieces(data, marker);
  const bytes = typeof data === "string"
    ? new TextEncoder().encode(data)
    : data;
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError(
      "Cannot send the data: no text, no bytes and no stream",
    );
  }
  const pieces = bytes.length <= SMALL_MESSAGE
    ? [concat([bytes, marker])]
    : [bytes, marker];
  return {
    next: () => pieces.shift() ?? null,
    cancel: () => {},
    byteLength: bytes.length,
  };
}

class StreamPieces implements Outgoing {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #marker: Uint8Array | null;
  byteLength = 0;

  constructor(stream: ReadableStream<Uint8Array>, marker: Uint8Array) {
    this.#reader = stream.getReader();
    this.#marker = marker;
  }

  async next(): Promise<Uint8Array | null> {
    const { done, value } = await this.#reader.read();
    if (done) {
      const last = this.#marker;
      this.#marker = null;
      return last;
    }
    if (!(value instanceof Uint8Array)) {
      throw new TypeError("Cannot send the data: a chunk of it is no bytes");
    }
    this.byteLength += value.length;
    return value;
  }

  cancel(): void {
    // How it takes that is its own affair, and nobody waits for it.
    this.#reader.cancel().catch(() => {});
  }
}

/** One conversation, from the client's side. It owns the connection. */
export class Exchange {
  readonly #onEvent: (event: SendEvent) => void;
  readonly #maxReplyBytes: number;
  readonly #reply: Uint8Array[] = [];
  #replyBytes = 0;
  #conn!: Deno.TcpConn;
  #closed = false;
  #sent = false;
  /** What the caller's stream or callback threw. */
  #callerError: { error: unknown } | undefined;
  /** A write met a reset: the end of file behind it is the reset's. */
  #wasReset = false;

  constructor(onEvent: (event: SendEvent) => void, maxReplyBytes: number) {
    this.#onEvent = onEvent;
    this.#maxReplyBytes = maxReplyBytes;
  }

  async connect(
    hostname: string,
    port: number,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      this.#conn = await Deno.connect({ hostname, port, signal });
    } catch (error) {
      const where = `Cannot connect to ${hostname}:${port}`;
      throw this.failure("refused", `${where}: ${reasonOf(error)}`, error);
    }
    signal.addEventListener("abort", () => this.#close());
    this.#tell({ type: "connected" });
  }

  /** Sends and reads at the same time, until the reply is here. */
  async hold(message: Outgoing, halfClose: "before" | "after"): Promise<Reply> {
    const sending = this.#send(message, halfClose === "before");
    try {
      await this.#receive();
      if (halfClose === "after" && this.#sent) await this.#halfClose();
    } catch (error) {
      if (this.#callerError === undefined) throw error;
    } finally {
      // The reply is whole, or never will be: a write that is still under way
      // is interrupted, and nothing more is asked of the stream.
      this.#close();
      message.cancel();
      await sending;
    }
    if (this.#callerError !== undefined) throw this.#callerError.error;
    return toReply(concat(this.#reply));
  }

  /** The error for what went wrong, with what had come of the reply. */
  failure(
    reason: ConversationError["reason"],
    message: string,
    cause?: unknown,
  ): ConversationError {
    const received = concat(this.#reply);
    return new ConversationError(reason, message, received, { cause });
  }

  /** Never rejects: whatever stops the sending, the reply may still come. */
  async #send(message: Outgoing, halfClose: boolean): Promise<void> {
    try {
      let piece = await message.next();
      while (piece !== null) {
        if (this.#closed || !await this.#write(piece)) return;
        piece = await message.next();
      }
    } catch (error) {
      return this.#failCaller(error);
    }
    this.#sent = true;
    this.#tell({ type: "sent", byteLength: message.byteLength });
    if (halfClose) await this.#halfClose();
  }

  /** Whether it could be written. */
  async #write(piece: Uint8Array): Promise<boolean> {
    try {
      for (let start = 0; start < piece.length;) {
        const count = await this.#conn.write(piece.subarray(start));
        this.#tell({ type: "wrote", byteLength: count });
        start += count;
      }
      return true;
    } catch (error) {
      // Whoever meets a reset first takes it away: reading would find a clean
      // end of file. (After an end of file it is a BrokenPipe.)
      this.#wasReset ||= error instanceof Deno.errors.ConnectionReset;
      return false;
    }
  }

  async #halfClose(): Promise<void> {
    try {
      await this.#conn.closeWrite();
    } catch {
      return; // the connection is gone already, and reading will tell how
    }
    this.#tell({ type: "half-close" });
  }

  async #receive(): Promise<void> {
    using pieces = openPieces(this.#conn, freshBlocks, Infinity);
    for (;;) {
      const piece = await pieces.next().catch((error) => {
        throw this.failure(
          "cut",
          `The reply was cut after ${this.#replyBytes} bytes: ` +
            reasonOf(error),
          error,
        );
      });
      if (piece === null) break;
      this.#replyBytes += piece.length;
      this.#reply.push(piece);
      this.#tell({ type: "read", byteLength: piece.length });
      if (this.#replyBytes > this.#maxReplyBytes) {
        throw this.failure(
          "too large",
          `The reply has more than ${this.#maxReplyBytes} bytes`,
        );
      }
    }
    if (this.#wasReset) {
      throw this.failure(
        "cut",
        `The reply was cut after ${this.#replyBytes} bytes: connection reset`,
      );
    }
    this.#tell({ type: "end of file" });
    if (this.#replyBytes === 0) {
      throw this.failure(
        "no last word",
        "No last word: the connection ended before any byte of a reply",
      );
    }
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#conn.close();
    this.#tell({ type: "closed" });
  }

  #tell(event: SendEvent): void {
    try {
      this.#onEvent(event);
    } catch (error) {
      this.#failCaller(error);
    }
  }

  /** The caller's own error ends the conversation, and is thrown to it. */
  #failCaller(error: unknown): void {
    this.#callerError ??= { error };
    this.#close();
  }
}

/** What a server says instead of a reply. */
const LAST_WORD = /^ERROR:([^!\r\n]{1,200})!$/;

/** No last word is longer than this, in bytes. */
const LONGEST_LAST_WORD = 1000;

function toReply(data: Uint8Array): Reply {
  const text = () => new TextDecoder().decode(data);
  const lastWord = data.length <= LONGEST_LAST_WORD
    ? LAST_WORD.exec(text())?.[1] ?? null
    : null;
  return { data, text, lastWord };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
