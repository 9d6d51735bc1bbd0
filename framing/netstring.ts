/**
 * Messages with a byte count in front: netstrings, `5:a1234,` (the format that
 * D. J. Bernstein published).
 *
 * @module
 */
import type { Decoder, Framing } from "./framing.ts";
import { appendChunk, Decoded } from "./received.ts";

type Reason = "end" | "eof" | "bad count";

/** More digits than this are above every limit. */
const MAX_DIGITS = 16;

const ZERO = 48;
const NINE = 57;
const COLON = 58;
const COMMA = 44;

const encoder = new TextEncoder();

/** A decimal count without leading zeros, a colon, the message, a comma. */
export const netstringFraming: Framing<Reason> = {
  markers: [],
  overheadBytes: MAX_DIGITS + 2,
  header: (byteLength) => encoder.encode(`${byteLength}:`),
  trailer: Uint8Array.of(COMMA),
  decoder: (maxBytes) => new NetstringDecoder(maxBytes),
};

class NetstringDecoder implements Decoder<Reason> {
  readonly #maxBytes: number;
  #chunks: Uint8Array[] = [];
  #digits = 0;
  /** The count so far; complete once the colon has arrived. */
  #count = 0;
  #hasCount = false;
  #byteLength = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Uint8Array): Decoded<Reason> | undefined {
    let at = 0;
    while (!this.#hasCount && at < chunk.length) {
      if (!this.#takeHeader(chunk[at++]!)) return this.#result("bad count");
    }
    const missing = this.#count - this.#byteLength;
    if (missing > 0 && at < chunk.length) {
      const part = chunk.subarray(at, at + missing);
      appendChunk(this.#chunks, part);
      this.#byteLength += part.length;
      at += part.length;
    }
    if (at === chunk.length) return undefined;
    if (chunk[at] !== COMMA) return this.#result("bad count");
    const message = this.#result("end", chunk.subarray(at + 1));
    this.#chunks = [];
    this.#digits = this.#count = this.#byteLength = 0;
    this.#hasCount = false;
    return message;
  }

  end(): Decoded<Reason> {
    return this.#result("eof");
  }

  #result(reason: Reason, rest?: Uint8Array): Decoded<Reason> {
    return new Decoded(
      reason,
      this.#chunks,
      this.#byteLength,
      rest,
      -1,
      this.#hasCount ? this.#count : null,
      reason === "eof" && this.#digits === 0,
    );
  }

  /** Takes a byte of the count, or its colon. Returns whether it is valid. */
  #takeHeader(byte: number): boolean {
    if (byte === COLON) return this.#hasCount = this.#digits > 0;
    const isLeadingZero = this.#digits === 1 && this.#count === 0;
    if (byte < ZERO || byte > NINE || isLeadingZero) return false;
    this.#count = this.#count * 10 + byte - ZERO;
    return ++this.#digits <= MAX_DIGITS && this.#count <= this.#maxBytes;
  }
}
