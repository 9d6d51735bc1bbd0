/**
 * What a handler is given, and what it may answer.
 *
 * @module
 */
import { concat } from "@std/bytes";
import type { Received } from "../framing/received.ts";

/** A whole message, in the manner of a `Request`, but all of it is here. */
export interface Message {
  /**
   * The message as it lies, without its marker: nothing copied. The chunks
   * are lent until the reply is sent, and then hold somebody else's bytes.
   */
  readonly chunks: readonly Uint8Array[];
  /** The number of bytes in the message. */
  readonly byteLength: number;
  /** The message in one piece: a copy, and the caller's own. */
  bytes(): Uint8Array<ArrayBuffer>;
  /** The message as text. What is no UTF-8 becomes U+FFFD. */
  text(): string;
}

/** What a handler may know beside the message. */
export interface MessageInfo {
  /** Who sent it. */
  readonly remoteAddr: Deno.Addr;
  /** The end marker that ended it; undefined with a count. */
  readonly marker: Uint8Array | undefined;
  /**
   * Aborts when nobody waits for the reply any more: the client is gone, or
   * the server gave it another last word. With `keepAlive` nothing is read
   * while the handler works, and a client that is gone is not noticed.
   */
  readonly signal: AbortSignal;
}

/** Text (as UTF-8), bytes, or an iterable of either, sent as it comes. */
export type ReplyBody =
  | string
  | Uint8Array
  | Iterable<string | Uint8Array>
  | AsyncIterable<string | Uint8Array>;

/**
 * Answers one message.
 *
 * Throw, and the client hears `ERROR:failed!`; throw a
 * {@linkcode LastWord}, and it hears that. An iterable that throws after its
 * first piece was sent cannot take it back: the reply is cut, and without
 * `replyEnd` may look whole.
 *
 * No limit but a shutdown's grace covers a handler that never settles: see
 * `info.signal`, and `AbortSignal.timeout()`.
 */
export type Handler = (
  message: Message,
  info: MessageInfo,
) => ReplyBody | Promise<ReplyBody>;

/** How conversations end without a last word: see `ConversationReport`. */
const OUTCOMES = new Set(["end", "reset", "cut", "truncated", "no TLS"]);

/**
 * What is said instead of a reply: `ERROR:` and the word and `!`. A handler
 * throws one to refuse a message.
 *
 * @example A handler that refuses
 * ```ts
 * import { type Handler, LastWord } from "@recv-end/recv-end";
 * import { assertThrows } from "@std/assert";
 *
 * const handler: Handler = (message) => {
 *   if (message.byteLength % 2 === 1) throw new LastWord("malformed");
 *   return "fine";
 * };
 * assertThrows(() => {
 *   throw new LastWord("malformed");
 * }, LastWord, "malformed");
 * void handler;
 * ```
 */
export class LastWord extends Error {
  /** The name of the class. */
  override name = "LastWord";

  /** The word alone: `malformed` for `ERROR:malformed!`. */
  readonly word: string;

  /**
   * Makes the last word `ERROR:word!`.
   *
   * @param word The word alone, up to 200 characters.
   * @throws {TypeError} If it is empty or longer, or has a `!` or a line
   * break in it: no client would know it for a last word. Or if it is `end`,
   * `reset`, `cut`, `truncated` or `no TLS`, which are outcomes without one.
   */
  constructor(word: string) {
    if (!/^[^!\r\n]{1,200}$/.test(word) || OUTCOMES.has(word)) {
      throw new TypeError(`Cannot use ${JSON.stringify(word)} as a last word`);
    }
    super(word);
    this.word = word;
  }
}

/** The recipe's answer, and the default: the message twice. */
export const twice: Handler = (message) => [
  ...message.chunks,
  ...message.chunks,
];

/** Bytes that were received. */
type Bytes = Pick<Received, "chunks" | "byteLength" | "data">;

/** The message that a handler is given for what was received. */
export class ReceivedMessage implements Message {
  readonly #received: Bytes;

  /** Lends what was received. */
  constructor(received: Bytes) {
    this.#received = received;
  }

  get chunks(): readonly Uint8Array[] {
    return this.#received.chunks;
  }

  get byteLength(): number {
    return this.#received.byteLength;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return concat(this.#received.chunks);
  }

  text(): string {
    return new TextDecoder().decode(this.#received.data);
  }
}

/** Pieces smaller than this are worth a copy: together they are one packet. */
const SMALL_PIECE = 16 * 1024;

const encoder = new TextEncoder();

/**
 * The pieces of a reply as they are to be written: small neighbours joined
 * into one, large ones as they lie. Pieces that are still being made are not
 * held back for the ones behind them.
 */
export function replyPieces(
  reply: ReplyBody,
): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
  if (typeof reply === "string" || reply instanceof Uint8Array) {
    return [toBytes(reply)];
  }
  if (typeof reply === "object" && reply !== null) {
    if (Array.isArray(reply)) return joinAll(reply);
    if (Symbol.asyncIterator in reply) return eachAsBytes(reply);
    if (Symbol.iterator in reply) return joinSmall(reply);
  }
  throw new TypeError(
    "Cannot send the reply: neither text, nor bytes, nor an iterable of them",
  );
}

function toBytes(piece: string | Uint8Array): Uint8Array {
  if (typeof piece === "string") return encoder.encode(piece);
  if (piece instanceof Uint8Array) return piece;
  throw new TypeError("Cannot send a piece of the reply: no text and no bytes");
}

async function* eachAsBytes(
  pieces: AsyncIterable<string | Uint8Array>,
): AsyncIterable<Uint8Array> {
  for await (const piece of pieces) yield toBytes(piece);
}

/** The same as `joinSmall`, without its cost, where all of it is small. */
function joinAll(
  pieces: readonly (string | Uint8Array)[],
): Iterable<Uint8Array> {
  let length = 0;
  for (const piece of pieces) {
    if (!(piece instanceof Uint8Array)) return joinSmall(pieces);
    length += piece.length;
  }
  if (length > SMALL_PIECE) return joinSmall(pieces);
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece as Uint8Array, offset);
    offset += piece.length;
  }
  return [whole];
}

/** Small neighbours joined into one piece, large ones as they lie. */
export function* joinSmall(
  pieces: Iterable<string | Uint8Array>,
): Iterable<Uint8Array> {
  let small: Uint8Array[] = [];
  let smallBytes = 0;
  for (const piece of pieces) {
    const bytes = toBytes(piece);
    if (smallBytes + bytes.length > SMALL_PIECE && smallBytes > 0) {
      yield joined(small);
      small = [];
      smallBytes = 0;
    }
    if (bytes.length > SMALL_PIECE) {
      yield bytes;
    } else {
      small.push(bytes);
      smallBytes += bytes.length;
    }
  }
  if (smallBytes > 0) yield joined(small);
}

function joined(pieces: Uint8Array[]): Uint8Array {
  return pieces.length === 1 ? pieces[0]! : concat(pieces);
}
