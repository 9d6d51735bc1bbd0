/**
 * The server's side of one connection: read, answer, last word, linger, close.
 *
 * @module
 */
import { type BlockPool, type Loan, NoRoomError } from "./buffer_pool.ts";
import { Connection } from "./transport.ts";
import { type Framing, GOODBYE, type Heard, type Whole } from "../framing/framing.ts";
import { Room } from "../framing/chunk_reader.ts";
import {
  type Handler,
  LastWord,
  type MessageInfo,
  ReceivedMessage,
  type ReplyBody,
  replyPieces,
} from "./handler.ts";
import type { Clock, Expiring, Watched } from "./deadline.ts";

/** What holds for every conversation of a server. Times in milliseconds. */
export interface Terms {
  readonly framing: Framing;
  /** Whether another message may follow. */
  readonly keepAlive: boolean;
  readonly maxBytes: number;
  readonly idleTimeout: number;
  readonly messageTimeout: number;
  readonly lingerTimeout: number;
  readonly handler: Handler;
  readonly blocks: BlockPool;
  readonly clock: Clock;
}

/** How one conversation went. */
export interface ConversationReport {
  /** Who was at the other end. */
  remoteAddr: Deno.Addr;
  /**
   * How it ended: `"end"`, the message was whole and the handler answered;
   * the last word that was said instead (`"no end"`, `"too large"`,
   * `"failed"`, …); `"reset"`, the client broke the connection before it was
   * answered; `"truncated"`, so it did, and TLS had not ended; `"no TLS"`, it
   * spoke something else, or refused the certificate; `"cut"`, the server cut
   * it before it was answered. With `keepAlive`, the last message's; `"end"`
   * if there was none.
   */
  outcome: string;
  /** How many messages were whole. */
  messages: number;
  /** How many bytes came, those after the verdict included. */
  bytesIn: number;
  /** How many bytes of the reply were sent. */
  bytesOut: number;
  /** From accept to close. */
  milliseconds: number;
  /**
   * Whether the last word was probably lost: a write, the half-close or the
   * drain failed. A reset that comes after the server's close, and a reply
   * that the path drops, are not seen.
   */
  lastWordLost: boolean;
  /** What the handler threw, where the outcome is `"failed"`. */
  error?: unknown;
}

const NOTHING = new Uint8Array(0);

/** One conversation. */
export class Conversation implements MessageInfo, Watched, Expiring {
  readonly #connection: Connection;
  readonly #terms: Terms;
  readonly #loan: Loan;
  readonly #began = performance.now();
  #abort: AbortController | undefined;
  /** What of the handler was overtaken, and may still read the message. */
  #unsettled: Promise<unknown> | undefined;
  /** What is read past the message already: the start of the next. */
  #rest: Uint8Array = NOTHING;
  /** Between two messages. */
  #isIdle = false;
  /** No further message is wanted. */
  #isLast: boolean;
  #which: number | undefined;
  #messages = 0;
  /** What had been sent when the message came: more is its reply. */
  #sentBefore = 0;
  #outcome = "";
  #error: unknown;

  /** The connection is this conversation's from now on: it closes it. */
  constructor(conn: Deno.Conn, terms: Terms) {
    const { blocks, clock, framing, idleTimeout, maxBytes } = terms;
    this.#terms = terms;
    this.#isLast = !terms.keepAlive;
    this.#loan = blocks.loan();
    const room = new Room(this.#loan, maxBytes + framing.overhead);
    this.#connection = new Connection(conn, room, idleTimeout, clock);
  }

  /**
   * Holds the conversation, from the first byte to the close.
   *
   * @param word A last word that needs no hearing.
   */
  async hold(word?: string): Promise<ConversationReport> {
    const connection = this.#connection;
    try {
      let heard: Heard = word ?? await this.#hear();
      while (typeof heard !== "string" && !this.#isLast) {
        await this.#answer(heard);
        heard = this.#isLast ? GOODBYE : await this.#hear();
      }
      // The dropping starts with the last verdict, beside handler and writing:
      // a client that writes all it has before it reads would wait for us, and
      // we for it.
      connection.drain();
      if (typeof heard !== "string") await this.#answer(heard);
      else if (heard !== GOODBYE) await this.#refuse(heard);
      this.#giveBack();
      await connection.linger(this.#terms.lingerTimeout);
    } catch (error) {
      if (connection.isGone(error)) {
        this.#outcome ||= connection.closed ? "cut" : this.#lost(error);
      } else {
        this.#outcome = "failed";
        this.#error = error;
      }
    } finally {
      await connection.end();
      this.#giveBack();
    }
    const { remoteAddr, bytesIn, bytesOut, lastWordLost } = connection;
    return {
      remoteAddr,
      outcome: this.#outcome || "end",
      messages: this.#messages,
      bytesIn,
      bytesOut,
      milliseconds: performance.now() - this.#began,
      lastWordLost,
      ...(this.#error !== undefined && { error: this.#error }),
    };
  }

  /** How a client is gone. */
  #lost(error: unknown): string {
    const isTruncated = error instanceof Deno.errors.UnexpectedEof;
    if (!isTruncated && !(error instanceof Deno.errors.InvalidData)) {
      return "reset";
    }
    this.#error = error;
    return isTruncated ? "truncated" : "no TLS";
  }

  /** Who is at the other end. */
  get remoteAddr(): Deno.Addr {
    return this.#connection.remoteAddr;
  }

  /** The marker that ended the message; undefined with a count. */
  get marker(): Uint8Array | undefined {
    return this.#which === undefined
      ? undefined
      : this.#terms.framing.markers[this.#which];
  }

  /** Aborts when nobody waits for the reply any more. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      const abort = this.#abort = new AbortController();
      this.#connection.whenGone((reason) => abort.abort(reason));
    }
    return this.#abort.signal;
  }

  /** Is a time limit over? Only the clock asks. */
  look(ticks: number): void {
    this.#connection.watch.look(ticks);
  }

  /** Lets the message that is under way be the last. */
  finish(word: string): void {
    this.#isLast = true;
    if (this.#isIdle) this.interrupt(word);
  }

  /** Gives this last word instead of a reply, unless a reply has begun. */
  interrupt(word: string): void {
    this.#isLast = true;
    if (!this.#hasBegun) this.#connection.overtake(new LastWord(word));
  }

  /** Closes at once, whatever is going on. */
  cut(): void {
    this.#connection.close();
  }

  get #hasBegun(): boolean {
    return this.#connection.bytesOut > this.#sentBefore;
  }

  /**
   * The message, or the last word where there is none to answer. No async
   * function: see `endFraming()`.
   */
  #hear(): Promise<Heard> {
    const { framing, keepAlive, maxBytes, idleTimeout, messageTimeout } =
      this.#terms;
    const connection = this.#connection;
    this.#outcome = "";
    this.#abort = undefined;
    this.#error = undefined;
    this.#sentBefore = connection.bytesOut;
    this.#isIdle = keepAlive && this.#rest.length === 0;
    connection.watch.start(
      idleTimeout,
      // Between two messages there is none that could take too long.
      this.#isIdle ? 0 : messageTimeout,
      this,
    );
    if (this.#isIdle) {
      connection.whenRead(() => {
        this.#isIdle = false;
        connection.watch.start(idleTimeout, messageTimeout, this);
      });
    }
    return framing.hear(connection, maxBytes, this.#rest).then(
      (heard) => {
        connection.watch.rest();
        // Without another message to come, silence is no goodbye.
        return heard === GOODBYE && !keepAlive ? "no end" : heard;
      },
      (error) => {
        connection.watch.rest();
        if (error instanceof LastWord) return error.word;
        if (error instanceof NoRoomError) return "busy";
        throw error;
      },
    );
  }

  /** A time limit on reading is over. */
  expire(): void {
    this.interrupt("timed out");
  }

  /** Sends what the handler makes of the message. */
  async #answer(message: Whole): Promise<void> {
    const connection = this.#connection;
    this.#messages++;
    this.#which = message.which;
    this.#rest = message.rest;
    try {
      const received = new ReceivedMessage(message);
      const answer = this.#terms.handler(received, this);
      const body = answer instanceof Promise
        ? await this.#settled(answer)
        : answer;
      this.#outcome = "end";
      await this.#send(body);
    } catch (error) {
      if (connection.isGone(error)) throw error;
      const word = error instanceof LastWord ? error.word : "failed";
      if (!(error instanceof LastWord)) this.#error = error;
      this.#abort?.abort(error);
      if (this.#hasBegun) {
        // What has been sent cannot be taken back.
        this.#outcome = word;
        connection.lastWordLost = true;
        throw connection.goneBy(error);
      }
      await this.#refuse(word);
    }
    if (!this.#isLast) {
      this.#giveBack(this.#rest);
      connection.startMessage(this.#rest.length > 0);
    }
  }

  async #send(body: ReplyBody): Promise<void> {
    const { framing } = this.#terms;
    const pieces = replyPieces(framing.frame(body));
    if (framing.enclose === undefined) {
      return await this.#each(pieces, (piece) => this.#connection.write(piece));
    }
    const all: Uint8Array[] = [];
    await this.#each(pieces, (piece) => {
      all.push(piece);
    });
    for (const piece of framing.enclose(all)) {
      await this.#connection.write(piece);
    }
  }

  /** Uses each piece as it comes, unless it is overtaken. */
  async #each(
    pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    use: (piece: Uint8Array) => Promise<void> | void,
  ): Promise<void> {
    if (Symbol.iterator in pieces) {
      for (const piece of pieces) await use(piece);
      return;
    }
    const iterator = pieces[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value } = await this.#settled(iterator.next());
        if (done) return;
        await use(value);
      }
    } finally {
      // Not awaited: it would wait for the piece that was overtaken.
      iterator.return?.().catch(() => {});
    }
  }

  async #refuse(word: string): Promise<void> {
    this.#outcome = word;
    this.#giveBack(this.#rest);
    await this.#send(`ERROR:${word}!`);
  }

  /** Waits for the handler, unless it is overtaken. */
  async #settled<T>(promise: Promise<T>): Promise<T> {
    this.#unsettled = promise;
    const settle = () => {
      if (this.#unsettled === promise) this.#unsettled = undefined;
    };
    // Before waitFor() is told: what has settled, however, reads no more.
    promise.then(settle, settle);
    return await this.#connection.waitFor(promise);
  }

  /** Gives back the blocks that nobody uses any more; all but these bytes'. */
  #giveBack(rest: Uint8Array = NOTHING): void {
    if (this.#unsettled !== undefined) {
      // A handler that was overtaken reads on: what it reads stays its own.
      const giveBack = () => this.#giveBack();
      this.#unsettled.then(giveBack, giveBack);
      return;
    }
    const { pendingRead, pendingRoom } = this.#connection;
    this.#loan.giveBack(pendingRoom ?? (rest.length > 0 ? rest : undefined));
    pendingRead?.then(() => this.#giveBack(rest));
  }
}
