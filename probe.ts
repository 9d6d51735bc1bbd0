/**
 * One conversation of a check: what it sends, how it listens, and what it
 * heard.
 *
 * @module
 */
import { ConversationError, type ReplyReader } from "./answer.ts";
import type { Where } from "./dial.ts";
import { Exchange } from "./exchange.ts";
import { messagePieces, type OutgoingData } from "./outgoing.ts";
import type { Pieces } from "./pieces.ts";

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
   * where none may be (`cut`), in a reset, or in nothing at all for `timeout`.
   */
  readonly ending: "end marker" | "end of file" | "cut" | "reset" | "silence";
  /** How many bytes were sent. */
  readonly sent: number;
  /** From the connection to the end, in ms, without the pause. */
  readonly milliseconds: number;
}

/**
 * Holds one conversation. What becomes of it is what it is for, so it rejects
 * only where there is no connection.
 *
 * @throws {ConversationError} `refused`.
 */
export async function probe(plan: Plan): Promise<Heard> {
  const message = messagePieces(plan.data, plan.end);
  const silence = new Silence(plan.timeout);
  let sent = 0;
  let ended = false;
  let paused = 0;
  const exchange = new Exchange({
    readReply: (pieces, maxBytes, initial) => {
      const slow = pausing(pieces, async () => {
        silence.putOff(plan.pause);
        await new Promise((resolve) => setTimeout(resolve, plan.pause));
        paused = plan.pause;
      });
      const read = plan.pause > 0 ? slow : pieces;
      return plan.readReply(read, maxBytes, initial);
    },
    maxReplyBytes: Number.MAX_SAFE_INTEGER,
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
    await exchange.connect(plan.where, silence.signal);
    connected = performance.now();
    const { data } = await exchange.hold(message, plan.halfClose);
    return heard(data, ended ? "end of file" : "end marker");
  } catch (error) {
    if (!(error instanceof ConversationError)) throw error;
    if (error.reason === "refused") throw error;
    if (silence.signal.aborted) return heard(error.received, "silence");
    // A reply with a marker may not end with the file, nor may TLS with TCP.
    const isCut = error.reason === "cut" &&
      (ended || error.cause instanceof Deno.errors.UnexpectedEof);
    const otherwise = error.reason === "no last word" ? "end of file" : "reset";
    return heard(error.received, isCut ? "cut" : otherwise);
  } finally {
    silence[Symbol.dispose]();
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
    this.#timer = setTimeout(abort, this.#timeout + further);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
