/**
 * The client's side of one conversation: connect, send, half-close, read the
 * reply to its end, close.
 *
 * @module
 */
import { concat } from "@std/bytes";
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
import { dial, nameOf, type Where } from "./dial.ts";
import type { Outgoing } from "../framing/outgoing.ts";
import { openPieces, type Pieces } from "../framing/chunk_reader.ts";

const NOTHING = new Uint8Array(0);

/** How a conversation is held. */
export interface ExchangeTerms {
  readonly readReply: ReplyReader;
  readonly maxReplyBytes: number;
  readonly onEvent: (event: SendEvent) => void;
}

/** One conversation, from the client's side. It owns the connection. */
export class Exchange {
  readonly #terms: ExchangeTerms;
  readonly #reply: Uint8Array[] = [];
  #replyBytes = 0;
  #conn!: Deno.Conn;
  #closed = false;
  #sent = false;
  /** The last step that was told; behind the last of all, nothing is. */
  #told: SendEvent["type"] | undefined;
  /** What the caller's stream or callback threw. */
  #callerError: { error: unknown } | undefined;
  /** A write met a reset: the end of file behind it is the reset's. */
  #wasReset = false;

  constructor(terms: ExchangeTerms) {
    this.#terms = terms;
  }

  async connect(where: Where, signal: AbortSignal): Promise<void> {
    try {
      this.#conn = await dial(where, signal);
    } catch (error) {
      const message = `Cannot connect to ${nameOf(where)}: ${reasonOf(error)}`;
      throw this.failure("refused", message, error);
    }
    signal.addEventListener("abort", () => this.#close());
    this.#tell({ type: "connected" });
  }

  /** Sends and reads at the same time, until the reply is here. */
  async hold(message: Outgoing, halfClose: "before" | "after"): Promise<Reply> {
    const sending = this.#send(message, halfClose === "before");
    let data: Uint8Array | undefined;
    try {
      data = await this.#receive();
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
    return toReply(data!);
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

  async #receive(): Promise<Uint8Array> {
    const { maxReplyBytes, readReply } = this.#terms;
    using pieces = openPieces(this.#conn, freshBlocks, Infinity);
    const told: Pieces = {
      startMessage: () => {},
      next: async () => {
        const piece = await pieces.next();
        if (piece === null) this.#endOfFile();
        else this.#keep(piece);
        return piece;
      },
    };
    const { reason, data } = await readReply(told, maxReplyBytes, NOTHING)
      .catch((error) => {
        if (error instanceof ConversationError) throw error;
        throw this.failure(
          "cut",
          `The reply was cut after ${this.#replyBytes} bytes: ` +
            reasonOf(error),
          error,
        );
      });
    if (reason === "whole") return data;
    const message = describe(reason, this.#replyBytes, maxReplyBytes);
    throw this.failure(reason, message);
  }

  #keep(piece: Uint8Array): void {
    this.#replyBytes += piece.length;
    this.#reply.push(piece);
    this.#tell({ type: "read", byteLength: piece.length });
  }

  #endOfFile(): void {
    if (this.#wasReset) {
      throw this.failure(
        "cut",
        `The reply was cut after ${this.#replyBytes} bytes: connection reset`,
      );
    }
    this.#tell({ type: "end of file" });
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#conn.close();
    this.#tell({ type: "closed" });
  }

  #tell(event: SendEvent): void {
    if (this.#told === "closed") return;
    this.#told = event.type;
    try {
      this.#terms.onEvent(event);
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
