/**
 * Messages with a decimal byte count in front: the decoder that netstrings and
 * octet counting share.
 *
 * @module
 */
import type { Decoder } from "./framing.ts";
import { appendChunk, Decoded } from "./received.ts";

/** Why a decoder of counted messages stopped. */
export type CountReason = "end" | "eof" | "bad count";

/** More digits than this are above every limit. */
export const MAX_DIGITS = 16;

const ZERO = 48;
const NINE = 57;

/** What distinguishes one format with a decimal count from another. */
export interface DecimalFormat {
  /** The byte between the count and the message. */
  readonly separator: number;
  /** The byte after the message; null if none follows. */
  readonly trailer: number | null;
  /** The smallest count that is valid. */
  readonly least: number;
}

/** Decodes a count without leading zeros, a separator, the message, a trailer. */
export class DecimalCountDecoder implements Decoder<CountReason> {
  readonly #format: DecimalFormat;
  readonly #maxBytes: number;
  #chunks: Uint8Array[] = [];
  #digits = 0;
  /** The count so far; complete once the separator has arrived. */
  #count = 0;
  #hasCount = false;
  #byteLength = 0;

  constructor(format: DecimalFormat, maxBytes: number) {
    this.#format = format;
    this.#maxBytes = maxBytes;
  }

  push(chunk: Uint8Array, from = 0): Decoded<CountReason> | undefined {
    const { trailer } = this.#format;
    let at = from;
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
    if (trailer !== null) {
      if (at === chunk.length) return undefined;
      if (chunk[at++] !== trailer) return this.#result("bad count");
    } else if (!this.#hasCount || this.#byteLength < this.#count) {
      return undefined;
    }
    const message = this.#result("end");
    message.setRest(chunk, at);
    this.#chunks = [];
    this.#digits = this.#count = this.#byteLength = 0;
    this.#hasCount = false;
    return message;
  }

  takePart(): readonly Uint8Array[] {
    const part = this.#chunks;
    this.#chunks = [];
    return part;
  }

  end(): Decoded<CountReason> {
    return this.#result("eof");
  }

  #result(reason: CountReason): Decoded<CountReason> {
    return new Decoded(
      reason,
      this.#chunks,
      this.#byteLength,
      -1,
      this.#hasCount ? this.#count : null,
      reason === "eof" && this.#digits === 0,
    );
  }

  /** Takes a byte of the count, or its separator. Returns whether it is valid. */
  #takeHeader(byte: number): boolean {
    const { separator, least } = this.#format;
    if (byte === separator) {
      return this.#hasCount = this.#digits > 0 && this.#count >= least;
    }
    const isLeadingZero = this.#digits === 1 && this.#count === 0;
    if (byte < ZERO || byte > NINE || isLeadingZero) return false;
    this.#count = this.#count * 10 + byte - ZERO;
    return ++this.#digits <= MAX_DIGITS && this.#count <= this.#maxBytes;
  }
}
