/**
 * The client's side of a connection with many messages.
 *
 * @module
 */
import {
  ConversationError,
  describe,
  reasonOf,
  type Reply,
  type ReplyReader,
  toReply,
} from "./answer.ts";
import { freshBlocks } from "./blocks.ts";
import { messagePieces, type OutgoingData } from "./outgoing.ts";
import { type OpenPieces, openPieces } from "./pieces.ts";

/** A connection on which messages are asked, and answered in their order. */
export interface ClientConversation extends AsyncDisposable {
  /**
   * Sends a message and resolves with its reply. Several may be asked at once:
   * they are sent ahead, and read at the same time.
   *
   * @throws {ConversationError} If there is no whole reply. The connection is
   * of no use then, and every further `ask()` fails.
   */
  ask(data: OutgoingData): Promise<Reply>;
  /** Half-closes when all was answered, and closes. May be called again. */
  close(): Promise<void>;
}

const NOTHING = new Uint8Array(0);

/** The dialog behind `connect()`. It owns the connection. */
export class Dialog implements ClientConversation {
  readonly #conn: Deno.Conn;
  readonly #marker: Uint8Array | null;
  readonly #readReply: ReplyReader;
  readonly #maxReplyBytes: number;
  readonly #pieces: OpenPieces;
  #rest: Uint8Array = NOTHING;
  /** The last message on its way. */
  #writing: Promise<void> = Promise.resolve();
  /** The last reply that is waited for. */
  #reading: Promise<unknown> = Promise.resolve();
  /** What stopped the sending: replies may still come. */
  #sendFailure: ConversationError | undefined;
  /** What stopped the reading: no reply can come any more. */
  #failure: ConversationError | undefined;
  #closed = false;
  #ended = false;

  constructor(
    conn: Deno.Conn,
    marker: Uint8Array | null,
    readReply: ReplyReader,
    maxReplyBytes: number,
    signal: AbortSignal,
  ) {
    signal.addEventListener("abort", () => this.#end());
    this.#conn = conn;
    this.#marker = marker;
    this.#readReply = readReply;
    this.#maxReplyBytes = maxReplyBytes;
    this.#pieces = openPieces(conn, freshBlocks, Infinity);
  }

  ask(data: OutgoingData): Promise<Reply> {
    const message = messagePieces(data, this.#marker);
    // What stops the sending is told by the reply that does not come.
    this.#writing = this.#writing.then(async () => {
      for (;;) {
        const piece = await message.next();
        if (piece === null) return;
        for (let start = 0; start < piece.length;) {
          start += await this.#conn.write(piece.subarray(start));
        }
      }
    }).catch((error) => {
      message.cancel();
      this.#sendFailure ??= failure("cut", reasonOf(error), error);
    });
    const reply = this.#reading.then(() => this.#receive());
    this.#reading = reply.catch(() => {});
    return reply;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writing;
    await this.#reading;
    try {
      await this.#conn.closeWrite();
    } catch {
      // The server was faster.
    }
    this.#end();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#conn.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #receive(): Promise<Reply> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      const { reason, data, rest } = await this.#readReply(
        this.#pieces,
        this.#maxReplyBytes,
        this.#rest,
      );
      this.#rest = rest;
      this.#pieces.startMessage();
      if (reason === "whole") return toReply(data);
      const message = describe(reason, data.length, this.#maxReplyBytes);
      this.#failure = failure(reason, message, undefined, data);
    } catch (error) {
      this.#failure = this.#sendFailure ??
        failure("cut", reasonOf(error), error);
    }
    throw this.#failure;
  }
}

function failure(
  reason: ConversationError["reason"],
  message: string,
  cause?: unknown,
  received: Uint8Array = NOTHING,
): ConversationError {
  return new ConversationError(reason, message, received, { cause });
}
