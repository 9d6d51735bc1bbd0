/**
 * The server's side of one connection: read, answer, last word, linger, close.
 *
 * @module
 */
import { type BlockPool, type Loan, NoRoomError } from "./blocks.ts";
import { BlockReader, type ByteReader } from "./pieces.ts";
import { receive, type Received } from "./recv_end.ts";
import {
  type Handler,
  LastWord,
  type MessageInfo,
  type ReplyBody,
  replyPieces,
  toMessage,
} from "./reply.ts";
import type { EndMarkers } from "./search.ts";
import { Watch } from "./watch.ts";

/** What holds for every conversation of a server. Times in milliseconds. */
export interface Terms {
  readonly ends: EndMarkers;
  readonly maxBytes: number;
  readonly idleTimeout: number;
  readonly messageTimeout: number;
  readonly lingerTimeout: number;
  readonly handler: Handler;
  readonly blocks: BlockPool;
}

/** How one conversation went. */
export interface ConversationReport {
  /** Who was at the other end. */
  remoteAddr: Deno.Addr;
  /**
   * How it ended: `"end"`, the message was whole and the handler answered;
   * the last word that was said instead (`"no end"`, `"too large"`,
   * `"failed"`, …); `"reset"`, the client was gone before a verdict; `"cut"`,
   * the server was.
   */
  outcome: string;
  /** How many bytes came, those after the verdict included. */
  bytesIn: number;
  /** How many bytes of the reply were sent. */
  bytesOut: number;
  /** From accept to close. */
  milliseconds: number;
  /**
   * Whether the last word was probably lost: a write, the half-close or the
   * drain failed.
   */
  lastWordLost: boolean;
  /** What the handler threw, where the outcome is `"failed"`. */
  error?: unknown;
}

/** In all, lingering lasts no longer, in ms, as with nginx's lingering_time. */
const LINGER_TOTAL = 30_000;

/**
 * Where all drains put what they drop. One for all of them: nobody looks at
 * it, so it does not matter who wrote there last.
 */
const dropped = new Uint8Array(64 * 1024);

const NOTHING = new Uint8Array(0);

const encoder = new TextEncoder();

/** One conversation. It owns the connection, and closes it. */
export class Conversation implements ByteReader {
  readonly #conn: Deno.Conn;
  readonly #terms: Terms;
  readonly #loan: Loan;
  readonly #watch = new Watch();
  readonly #began = performance.now();
  /** The read that is under way: it cannot be cancelled, only overtaken. */
  #pendingRead: Promise<number | null> | null = null;
  /** The memory that read writes to. */
  #pendingRoom: Uint8Array | undefined;
  /** Ends the wait for the client's bytes, or for the handler. */
  #overtake: ((reason: unknown) => void) | undefined;
  #abort: AbortController | undefined;
  /** What the connection threw: nobody is there any more. */
  #gone: unknown;
  #endOfFile = false;
  #lingering = false;
  #closed = false;
  #outcome = "";
  #error: unknown;
  #bytesIn = 0;
  #bytesOut = 0;
  #lastWordLost = false;

  constructor(conn: Deno.Conn, terms: Terms) {
    this.#conn = conn;
    this.#terms = terms;
    this.#loan = terms.blocks.loan();
  }

  /**
   * Holds the conversation, from the first byte to the close.
   *
   * @param word A last word that needs no hearing.
   */
  async hold(word?: string): Promise<ConversationReport> {
    try {
      const verdict = word ?? await this.#hear();
      // The dropping starts with the verdict, beside handler and writing: a
      // client that writes all it has before it reads would wait for us, and
      // we for it.
      const drained = this.#drain();
      if (typeof verdict === "string") await this.#refuse(verdict);
      else await this.#answer(verdict);
      await this.#halfClose();
      await this.#linger(drained);
    } catch (error) {
      if (error === this.#gone) {
        this.#outcome ||= this.#closed ? "cut" : "reset";
      } else {
        this.#outcome = "failed";
        this.#error = error;
      }
    } finally {
      this.#close();
      // Until the read has noticed the close, its block is not free.
      await this.#pendingRead?.catch(() => {});
      this.#loan.giveBack();
    }
    return {
      remoteAddr: this.#conn.remoteAddr,
      outcome: this.#outcome,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      milliseconds: performance.now() - this.#began,
      lastWordLost: this.#lastWordLost,
      ...(this.#error !== undefined && { error: this.#error }),
    };
  }

  /** Gives this last word instead of a reply, unless a reply has begun. */
  interrupt(word: string): void {
    this.#overtake?.(new LastWord(word));
  }

  /** Closes at once, whatever is going on. */
  cut(): void {
    this.#close();
  }

  /** One read, counted and timed. Only {@linkcode receive} calls this. */
  read(room: Uint8Array): Promise<number | null> {
    const read = this.#conn.read(room);
    this.#pendingRead = read;
    this.#pendingRoom = room;
    return this.#unlessOvertaken(read.then((count) => {
      this.#pendingRead = null;
      this.#pendingRoom = undefined;
      this.#watch.progress();
      if (count === null) this.#endOfFile = true;
      else this.#bytesIn += count;
      return count;
    }, (error) => {
      this.#pendingRead = null;
      throw this.#gone = error;
    }));
  }

  /** The message, or the last word where there is none to answer. */
  async #hear(): Promise<Received | string> {
    const { ends, maxBytes, idleTimeout, messageTimeout } = this.#terms;
    const timedOut = () => this.interrupt("timed out");
    this.#watch.start(idleTimeout, messageTimeout, timedOut);
    try {
      const wanted = maxBytes + ends.longest;
      const pieces = new BlockReader(this, this.#loan, wanted);
      const received = await receive(pieces, ends, maxBytes, NOTHING);
      if (received.reason === "end") return received;
      return received.reason === "eof" ? "no end" : "too large";
    } catch (error) {
      if (error instanceof LastWord) return error.word;
      if (error instanceof NoRoomError) return "busy";
      throw error;
    } finally {
      this.#watch.rest();
    }
  }

  /** Reads and drops all that still comes. Never rejects. */
  async #drain(): Promise<void> {
    try {
      // An overtaken read is the first of the drain: it has counted itself.
      if (this.#pendingRead !== null) await this.#pendingRead;
      while (!this.#endOfFile) {
        const count = await this.#conn.read(dropped);
        if (count === null) this.#endOfFile = true;
        else this.#bytesIn += count;
        if (this.#lingering) this.#watch.progress();
      }
    } catch (error) {
      if (this.#closed) return;
      this.#gone = error;
      this.#lastWordLost = true;
      this.#abort?.abort(error);
    }
  }

  /** Sends what the handler makes of the message. */
  async #answer(received: Received): Promise<void> {
    try {
      const answer = this.#terms.handler(toMessage(received), this.#info());
      const body = answer instanceof Promise
        ? await this.#unlessOvertaken(answer)
        : answer;
      this.#outcome = "end";
      await this.#send(body);
    } catch (error) {
      if (error === this.#gone) throw error;
      const word = error instanceof LastWord ? error.word : "failed";
      if (!(error instanceof LastWord)) this.#error = error;
      this.#abort?.abort(error);
      if (this.#bytesOut === 0) return await this.#refuse(word);
      // What has been sent cannot be taken back.
      this.#outcome = word;
      this.#lastWordLost = true;
      throw this.#gone = error;
    }
  }

  #info(): MessageInfo {
    const remoteAddr = this.#conn.remoteAddr;
    const abort = () => this.#abort ??= new AbortController();
    return {
      remoteAddr,
      get signal() {
        return abort().signal;
      },
    };
  }

  async #refuse(word: string): Promise<void> {
    this.#outcome = word;
    this.#loan.giveBack(this.#pendingRoom);
    await this.#write(encoder.encode(`ERROR:${word}!`));
  }

  async #send(body: ReplyBody): Promise<void> {
    const pieces = replyPieces(body);
    if (Symbol.asyncIterator in pieces) {
      for await (const piece of pieces) await this.#write(piece);
    } else {
      for (const piece of pieces) await this.#write(piece);
    }
  }

  async #write(piece: Uint8Array): Promise<void> {
    const letGo = () => this.#close();
    this.#watch.start(this.#terms.idleTimeout, 0, letGo);
    try {
      let unsent = piece;
      while (unsent.length > 0) {
        const count = await this.#conn.write(unsent);
        this.#watch.progress();
        this.#bytesOut += count;
        unsent = count === unsent.length ? NOTHING : unsent.subarray(count);
      }
    } catch (error) {
      this.#lastWordLost = true;
      throw this.#gone = error;
    } finally {
      this.#watch.rest();
    }
  }

  async #halfClose(): Promise<void> {
    try {
      // A client that closed looked like one that half-closed. If it met the
      // reply with a reset already, a write of nothing fails, and tells.
      if (this.#endOfFile) await this.#conn.write(NOTHING);
      await this.#conn.closeWrite();
    } catch (error) {
      this.#lastWordLost = true;
      throw this.#gone = error;
    }
  }

  /**
   * Waits for the client's end of file, because a close with unread bytes is
   * a reset, which throws away the reply that is still on its way (RFC 9293
   * 3.6.1, RFC 9112 9.6, nginx's lingering_close).
   */
  async #linger(drained: Promise<void>): Promise<void> {
    if (!this.#endOfFile) {
      this.#lingering = true;
      const letGo = () => this.#close();
      this.#watch.start(this.#terms.lingerTimeout, LINGER_TOTAL, letGo);
    }
    await drained;
  }

  /** Waits for a promise, but no longer than to the next last word. */
  #unlessOvertaken<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#overtake = reject;
      promise.then(resolve, reject);
    });
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.stop();
    this.#conn.close();
    this.#abort?.abort(
      new DOMException("The conversation is over", "AbortError"),
    );
  }
}
