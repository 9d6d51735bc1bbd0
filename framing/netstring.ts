/**
 * Bytes from a reader by a count in front: netstrings, `5:a1234,`.
 *
 * @module
 */
import { freshBlocks } from "../server/buffer_pool.ts";
import { type ByteReader, openPieces, type Pieces } from "./chunk_reader.ts";
import { append, Chunks } from "./received.ts";
import { checkOptions, type RecvEndOptions } from "../recv_end.ts";

/** What {@linkcode recvCount} received. */
export interface ReceivedCount {
  /** Whether the whole message came, and the comma behind it. */
  gotEnd: boolean;
  /**
   * Why reading stopped: `"end"`, the comma came where it is due; `"eof"`,
   * the end of file came first; `"bad count"`, what came is no netstring, or
   * its count is above `maxBytes`.
   */
  reason: "end" | "eof" | "bad count";
  /** The count that came in front; null where none did. */
  count: number | null;
  /** What came of the message, in one piece. */
  data: Uint8Array;
  /** The same bytes, as they lie. */
  chunks: readonly Uint8Array[];
  /** The number of bytes in `data`. */
  byteLength: number;
  /** What was read past the comma already. Empty unless `gotEnd`. */
  rest: Uint8Array;
  /** Whether the end of file came before any byte. */
  isEmpty: boolean;
}

/** More digits than this are above every limit. */
const MOST_DIGITS = 16;

/** The bytes of a netstring beside its message, at the most. */
export const COUNT_OVERHEAD = MOST_DIGITS + 2;

const ZERO = 48;
const NINE = 57;
const COLON = 58;
const COMMA = 44;

const NOTHING = new Uint8Array(0);

/**
 * Reads one netstring from `source`: a decimal count without leading zeros, a
 * colon, so many bytes, a comma (the format that D. J. Bernstein published).
 *
 * As with {@linkcode recvEnd} the answer depends on the bytes alone, a peer's
 * doings are no exception, and nothing is closed. A count that is wrong is
 * told as soon as it is seen. Memory is taken for bytes that came, not for
 * those that were announced.
 *
 * @param source Where the bytes come from.
 * @param options The limit on the count, and what was already read.
 * @returns What came, and why reading stopped.
 * @throws As {@linkcode recvEnd} does.
 *
 * @example A netstring, and one that breaks off
 * ```ts
 * import { recvCount } from "@recv-end/recv-end";
 * import { assertEquals } from "@std/assert";
 *
 * const whole = await recvCount(new Blob(["5:a1234,3:abc,"]).stream());
 * assertEquals(new TextDecoder().decode(whole.data), "a1234");
 *
 * const broken = await recvCount(new Blob(["5:a12"]).stream());
 * assertEquals([broken.reason, broken.byteLength, broken.count], ["eof", 3, 5]);
 * ```
 */
export async function recvCount(
  source: ByteReader | ReadableStream<Uint8Array>,
  options: RecvEndOptions = {},
): Promise<ReceivedCount> {
  const { maxBytes, initial } = checkOptions(options);
  const wanted = maxBytes + COUNT_OVERHEAD - initial.length;
  using pieces = openPieces(source, freshBlocks, wanted);
  return await receiveCount(pieces, maxBytes, initial);
}

/** {@linkcode recvCount} after its arguments were checked. */
export async function receiveCount(
  pieces: Pieces,
  maxBytes: number,
  initial: Uint8Array,
): Promise<ReceivedCount> {
  const netstring = new Netstring(maxBytes);
  let piece = initial.length > 0 ? initial : await pieces.next();
  while (piece !== null) {
    const received = netstring.feed(piece);
    if (received !== undefined) return received;
    piece = await pieces.next();
  }
  return netstring.received("eof");
}

const encoder = new TextEncoder();

/** These bytes as a netstring. They are not copied. */
export function netstring(pieces: readonly Uint8Array[]): Uint8Array[] {
  const count = pieces.reduce((sum, { length }) => sum + length, 0);
  return [encoder.encode(`${count}:`), ...pieces, encoder.encode(",")];
}

/** What `recvCount()` returns: its data is joined when asked for. */
class ReceivedByCount extends Chunks implements ReceivedCount {
  readonly reason: ReceivedCount["reason"];
  readonly count: number | null;
  readonly rest: Uint8Array;
  readonly isEmpty: boolean;

  constructor(
    chunks: readonly Uint8Array[],
    byteLength: number,
    reason: ReceivedCount["reason"],
    count: number | null,
    rest: Uint8Array,
    isEmpty: boolean,
  ) {
    super(chunks, byteLength);
    this.reason = reason;
    this.count = count;
    this.rest = rest;
    this.isEmpty = isEmpty;
  }

  get gotEnd(): boolean {
    return this.reason === "end";
  }
}

/** One netstring, as it comes. */
class Netstring {
  readonly #maxBytes: number;
  readonly #chunks: Uint8Array[] = [];
  #digits = 0;
  /** The count so far; from the colon on, the count. */
  #count = 0;
  #isCounted = false;
  #byteLength = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** What was received, once that is clear. */
  feed(piece: Uint8Array): ReceivedCount | undefined {
    let at = 0;
    while (!this.#isCounted && at < piece.length) {
      if (!this.#takeHead(piece[at++]!)) return this.received("bad count");
    }
    const missing = this.#count - this.#byteLength;
    if (missing > 0 && at < piece.length) {
      const part = piece.subarray(at, at + missing);
      append(this.#chunks, part);
      this.#byteLength += part.length;
      at += part.length;
    }
    if (at === piece.length) return undefined;
    return piece[at] === COMMA
      ? this.received("end", piece.subarray(at + 1))
      : this.received("bad count");
  }

  received(
    reason: ReceivedCount["reason"],
    rest: Uint8Array = NOTHING,
  ): ReceivedCount {
    return new ReceivedByCount(
      this.#chunks,
      this.#byteLength,
      reason,
      this.#isCounted ? this.#count : null,
      rest,
      reason === "eof" && this.#digits === 0,
    );
  }

  /** Whether this byte is right where the count is due, or its colon. */
  #takeHead(byte: number): boolean {
    if (byte === COLON) return this.#isCounted = this.#digits > 0;
    const isLeadingZero = this.#digits === 1 && this.#count === 0;
    if (byte < ZERO || byte > NINE || isLeadingZero) return false;
    this.#count = this.#count * 10 + byte - ZERO;
    return ++this.#digits <= MOST_DIGITS && this.#count <= this.#maxBytes;
  }
}
