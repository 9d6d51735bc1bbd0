/**
 * One conversation of a check: what it sends, how it listens, and what it
 * heard.
 *
 * @module
 */
import { timeOf } from "./amounts.ts";
import { ConversationError, type ReplyReader } from "./answer.ts";
import { nameOf, type Where } from "./dial.ts";
import { Exchange } from "./exchange.ts";
import { messagePieces, type OutgoingData } from "./outgoing.ts";
import type { Pieces } from "./pieces.ts";
import { LONGEST_TIMER } from "./watch.ts";

/** How one conversation is held. */
export interface Plan {
  /** Where to. */
  readonly where: Where;
  /** The message, without its end marker. */
  readonly data: OutgoingData;
  /** The end marker. */
  readonly end: Uint8Array;
  /** When to half-close. */
  readonly halfClose: "before" | "after";
  /** How the reply ends. */
  readonly readReply: ReplyReader;
  /** How long to wait without a byte, in ms. */
  readonly timeout: number;
  /** How long to read nothing behind the first bytes of a reply, in ms. */
  readonly pause: number;
}

/** What was heard. */
export interface Heard {
  /** The reply, as far as it came. */
  readonly data: Uint8Array;
  /**
   * How it ended: in its end marker, in an end of file where one may be and
   * where none may be (`cut`), in a reset, or in nothing at all for `timeout`;
   * or not at all, as far as anybody would wait for it.
   */
  readonly ending:
    | "end marker"
    | "end of file"
    | "cut"
    | "reset"
    | "silence"
    | "no end";
  /** How many bytes were sent. */
  readonly sent: number;
  /** From the connection to the end, in ms, without the pause. */
  readonly milliseconds: number;
}

/** A reply that has more bytes has no end. */
const ENDLESS_BYTES = 128 * 1024 ** 2;

/** A conversation that takes longer has no end, in ms, without the pause. */
const ENDLESS_TIME = 120_000;

/**
 * Holds one conversation. What becomes of it is what it is for, so it rejects
 * only where there is no connection.
 *
 * @throws {ConversationError} `refused`.
 */
export async function probe(plan: Plan): Promise<Heard> {
  const message = messagePieces(plan.data, plan.end);
  using silence = new Silence(plan.timeout);
  using endless = new Silence(ENDLESS_TIME + plan.pause);
  const stop = AbortSignal.any([silence.signal, endless.signal]);
  let sent = 0;
  let ended = false;
  let paused = 0;
  const exchange = new Exchange({
    readReply: (pieces, maxBytes, initial) => {
      const slow = pausing(pieces, async () => {
        silence.putOff(plan.pause);
        const pause = Math.min(plan.pause, LONGEST_TIMER);
        await new Promise((resolve) => setTimeout(resolve, pause));
        paused = pause;
      });
      const read = plan.pause > 0 ? slow : pieces;
      return plan.readReply(read, maxBytes, initial);
    },
    maxReplyBytes: ENDLESS_BYTES,
    onEvent(event) {
      silence.putOff();
      if (event.type === "wrote") sent += event.byteLength;
      if (event.type === "end of file") ended = true;
    },
  });
  let connected = performance.now();
  const heard = (data: Uint8Array, ending: Heard["ending"]): Heard => {
    const milliseconds = performance.now() - connected - paused;
    return { data, ending, sent, milliseconds };
  };
  try {
    await exchange.connect(plan.where, stop);
    connected = performance.now();
    const { data } = await exchange.hold(message, plan.halfClose);
    return heard(data, ended ? "end of file" : "end marker");
  } catch (error) {
    if (!(error instanceof ConversationError)) throw error;
    if (error.reason === "refused") {
      if (!silence.signal.aborted) throw error;
      const what = `Cannot connect to ${nameOf(plan.where)}: `;
      const why = `nothing for ${timeOf(plan.timeout)}`;
      throw new ConversationError("refused", what + why, error.received);
    }
    if (silence.signal.aborted) return heard(error.received, "silence");
    if (endless.signal.aborted || error.reason === "too large") {
      return heard(error.received, "no end");
    }
    // A reply with a marker may not end with the file, nor may TLS with TCP.
    const isCut = error.reason === "cut" &&
      (ended || error.cause instanceof Deno.errors.UnexpectedEof);
    const otherwise = error.reason === "no last word" ? "end of file" : "reset";
    return heard(error.received, isCut ? "cut" : otherwise);
  } finally {
    message.cancel();
  }
}

/** The same, with a pause behind the first piece. */
function pausing(pieces: Pieces, pause: () => Promise<void>): Pieces {
  let count = 0;
  return {
    startMessage: () => pieces.startMessage(),
    async next() {
      if (count++ === 1) await pause();
      return await pieces.next();
    },
  };
}

/** Aborts when nothing was heard for so long. */
class Silence implements Disposable {
  readonly #controller = new AbortController();
  readonly #timeout: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(timeout: number) {
    this.#timeout = timeout;
    this.putOff();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  putOff(further = 0): void {
    clearTimeout(this.#timer);
    const abort = () => this.#controller.abort();
    const most = Math.min(this.#timeout + further, LONGEST_TIMER);
    this.#timer = setTimeout(abort, most);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
