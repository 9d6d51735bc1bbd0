/**
 * Messages with a binary length in front, and unsigned integers.
 *
 * @module
 */
import type { CountReason } from "./decimal_count.ts";
import type { Decoder, Framing } from "./framing.ts";
import { appendChunk, Decoded } from "./received.ts";

/** The order of the bytes of an integer; `"big"` is network byte order. */
export type ByteOrder = "big" | "little";

const MAX_LENGTH_BYTES = 8;
const EMPTY = new Uint8Array(0);

/**
 * Checks how an unsigned integer is written.
 *
 * @throws {RangeError} If the number of its bytes is not from 1 to 8.
 * @throws {TypeError} If the order is neither `"big"` nor `"little"`.
 */
export function checkUint(byteCount: number, order: ByteOrder): void {
  const isCount = Number.isInteger(byteCount) && byteCount >= 1 &&
    byteCount <= MAX_LENGTH_BYTES;
  if (!isCount) {
    throw new RangeError(
      "Cannot use an unsigned integer: " +
        `its bytes must be from 1 to ${MAX_LENGTH_BYTES}, and are ${byteCount}`,
    );
  }
  if (order !== "big" && order !== "little") {
    throw new TypeError(
      `Cannot use ${order} as byte order: it must be "big" or "little"`,
    );
  }
}

/** The value of an unsigned integer. Inexact above 2^53 - 1. */
export function uintOf(bytes: Uint8Array, order: ByteOrder): number {
  const ordered = order === "big" ? bytes : bytes.toReversed();
  return ordered.reduce((value, byte) => value * 256 + byte, 0);
}

/** The bytes of an unsigned integer. */
function uintBytes(
  value: number,
  byteCount: number,
  order: ByteOrder,
): Uint8Array {
  const bytes = new Uint8Array(byteCount);
  let left = value;
  for (let i = 0; i < byteCount; i++) {
    bytes[order === "little" ? i : byteCount - 1 - i] = left % 256;
    left = Math.floor(left / 256);
  }
  if (left > 0) {
    throw new RangeError(
      `Cannot send ${value} bytes with a length of ${byteCount} bytes`,
    );
  }
  return bytes;
}

const framings = new Map<string, Framing<CountReason>>();

/**
 * The framing with an unsigned integer in front, which counts the bytes after
 * itself. There is one object for each combination.
 *
 * @throws {RangeError | TypeError} As `checkUint()` does.
 */
export function lengthPrefixFraming(
  byteCount: number,
  order: ByteOrder,
): Framing<CountReason> {
  checkUint(byteCount, order);
  const key = `${byteCount} ${order}`;
  let framing = framings.get(key);
  if (framing === undefined) {
    framing = {
      markers: [],
      overheadBytes: byteCount,
      header: (byteLength) => uintBytes(byteLength, byteCount, order),
      trailer: EMPTY,
      decoder: (maxBytes) =>
        new LengthPrefixDecoder(byteCount, order, maxBytes),
    };
    framings.set(key, framing);
  }
  return framing;
}

class LengthPrefixDecoder implements Decoder<CountReason> {
  readonly #order: ByteOrder;
  readonly #maxBytes: number;
  readonly #header: Uint8Array;
  #headerBytes = 0;
  #chunks: Uint8Array[] = [];
  /** The length; null until its last byte has arrived. */
  #count: number | null = null;
  #byteLength = 0;

  constructor(byteCount: number, order: ByteOrder, maxBytes: number) {
    this.#order = order;
    // Above 2^53 - 1 a length is not exact.
    this.#maxBytes = Math.min(maxBytes, Number.MAX_SAFE_INTEGER);
    this.#header = new Uint8Array(byteCount);
  }

  push(chunk: Uint8Array, from = 0): Decoded<CountReason> | undefined {
    const header = this.#header;
    const missing = header.length - this.#headerBytes;
    const first = chunk.subarray(from, from + missing);
    header.set(first, this.#headerBytes);
    this.#headerBytes += first.length;
    if (this.#headerBytes < header.length) return undefined;
    const count = this.#count ??= uintOf(header, this.#order);
    if (count > this.#maxBytes) return this.#result("bad count");
    const start = from + first.length;
    const end = start + count - this.#byteLength;
    const part = chunk.subarray(start, end);
    if (part.length > 0) appendChunk(this.#chunks, part);
    this.#byteLength += part.length;
    if (this.#byteLength < count) return undefined;
    const message = this.#result("end");
    message.setRest(chunk, end);
    this.#chunks = [];
    this.#count = null;
    this.#headerBytes = this.#byteLength = 0;
    return message;
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
      this.#count,
      reason === "eof" && this.#headerBytes === 0,
    );
  }
}
