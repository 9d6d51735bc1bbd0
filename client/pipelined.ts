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
  type SendEvent,
  toReply,
} from "./reply.ts";
import { freshBlocks } from "../server/buffer_pool.ts";
import { messagePieces, type Outgoing, type OutgoingData } from "../framing/outgoing.ts";
import { type OpenPieces, openPieces, type Pieces } from "../framing/chunk_reader.ts";

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
  readonly #signal: AbortSignal;
  readonly #onEvent: (event: SendEvent) => void;
  readonly #pieces: OpenPieces;
  /** The same, told of. */
  readonly #toldPieces: Pieces;
  /** The last step that was told; behind the last of all, nothing is. */
  #told: SendEvent["type"] | undefined;
  readonly #onAbort = () => this.#end();
  #rest: Uint8Array = NOTHING;
  /** The last message on its way. Does not reject. */
  #writing: Promise<unknown> = Promise.resolve();
  /** The last reply that is waited for. Does not reject. */
  #reading: Promise<unknown> = Promise.resolve();
  /** What stopped the sending: replies to what was sent may still come. */
  #sendFailure: ConversationError | undefined;
  /** What stopped it all. */
  #failure: { error: unknown } | undefined;
  #closed = false;
  #ended = false;

  constructor(
    conn: Deno.Conn,
    marker: Uint8Array | null,
    readReply: ReplyReader,
    maxReplyBytes: number,
    signal: AbortSignal,
    onEvent: (event: SendEvent) => void,
  ) {
    this.#conn = conn;
    this.#marker = marker;
    this.#readReply = readReply;
    this.#maxReplyBytes = maxReplyBytes;
    this.#signal = signal;
    this.#onEvent = onEvent;
    this.#pieces = openPieces(conn, freshBlocks, Infinity);
    this.#toldPieces = {
      startMessage: () => this.#pieces.startMessage(),
      next: () => this.#next(),
    };
    signal.addEventListener("abort", this.#onAbort);
    this.#tell({ type: "connected" });
  }

  async ask(data: OutgoingData): Promise<Reply> {
    const message = messagePieces(data, this.#marker);
    if (this.#closed || this.#failure !== undefined) {
      message.cancel();
      const closed = failure("cut", "The conversation is closed");
      throw this.#reason(this.#firstFailure(closed));
    }
    let isSent = false;
    // Rejects with what the caller's stream threw, and with nothing else.
    const sending = this.#writing.then(() => this.#send(message))
      .then(() => isSent = true);
    this.#writing = sending.catch(() => {});
    const replying = this.#reading.then(() =>
      // To a message that was never whole there is no reply.
      Promise.race([this.#receive(), sending.then(() => never)])
    );
    this.#reading = replying.catch(() => {});
    try {
      const reply = await replying;
      if (reply.lastWord === null || isSent) return reply;
      // The server answers in the middle of a message only to be done.
      this.#fail(failure("cut", "The server ended the conversation"));
      return reply;
    } catch (error) {
      const first = this.#firstFailure(error);
      this.#fail(failure("cut", reasonOf(error), error));
      throw this.#reason(first);
    } finally {
      message.cancel();
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writing;
    await this.#reading;
    if (this.#ended) return;
    try {
      await this.#conn.closeWrite();
      this.#tell({ type: "half-close" });
    } catch {
      // The server was faster.
    }
    this.#end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #send(message: Outgoing): Promise<void> {
    for (;;) {
      // Behind a message that is not whole, nothing must follow: the two
      // would be one.
      if (this.#ended || this.#sendFailure !== undefined) return;
      const piece = await message.next().catch((error) => {
        this.#sendFailure = failure("cut", "A message before was not whole");
        throw error;
      });
      if (piece === null) {
        return this.#tell({ type: "sent", byteLength: message.byteLength });
      }
      try {
        for (let start = 0; start < piece.length;) {
          const count = await this.#conn.write(piece.subarray(start));
          this.#tell({ type: "wrote", byteLength: count });
          start += count;
        }
      } catch (error) {
        this.#sendFailure = failure("cut", reasonOf(error), error);
      }
    }
  }

  async #receive(): Promise<Reply> {
    if (this.#failure !== undefined) throw this.#failure.error;
    const { reason, data, rest } = await this.#readReply(
      this.#toldPieces,
      this.#maxReplyBytes,
      this.#rest,
    ).catch((error) => {
      throw this.#sendFailure ?? failure("cut", reasonOf(error), error);
    });
    this.#rest = rest;
    this.#pieces.startMessage();
    if (reason === "whole") return toReply(data);
    const message = describe(reason, data.length, this.#maxReplyBytes);
    throw failure(reason, message, undefined, data);
  }

  async #next(): Promise<Uint8Array | null> {
    const piece = await this.#pieces.next();
    this.#tell(
      piece === null
        ? { type: "end of file" }
        : { type: "read", byteLength: piece.length },
    );
    if (this.#failure !== undefined) throw this.#failure.error;
    return piece;
  }

  /** What the caller's own callback throws ends it all, too. */
  #tell(event: SendEvent): void {
    if (this.#told === "closed") return;
    this.#told = event.type;
    try {
      this.#onEvent(event);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** No further message makes sense. */
  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#end();
  }

  /** What stopped it all; this, if nothing has before. */
  #firstFailure(error: unknown): unknown {
    return this.#failure === undefined ? error : this.#failure.error;
  }

  /** What a caller is told: of an abort, its reason. */
  #reason(error: unknown): unknown {
    return this.#signal.aborted ? this.#signal.reason : error;
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#conn.close();
    this.#tell({ type: "closed" });
  }
}

/** For a race that only failure can win. */
const never = new Promise<never>(() => {});

function failure(
  reason: ConversationError["reason"],
  message: string,
  cause?: unknown,
  received: Uint8Array = NOTHING,
): ConversationError {
  return new ConversationError(reason, message, received, { cause });
}
