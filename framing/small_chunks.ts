/**
 * Memory for small chunks: parts of larger buffers. An `ArrayBuffer` of its own
 * takes 0.2 µs to make, and later a thread to free; a part of another one 0.02.
 * Node's `Buffer.poolSize` has the same reason.
 *
 * @module
 */

import { concat } from "@std/bytes";

/** The size of a buffer that is shared, in bytes. One small chunk keeps it. */
const BUFFER_BYTES = 8 * 1024;

/** The largest chunk that shares a buffer, in bytes. */
const MAX_SMALL_BYTES = 1024;

/** The largest number of bytes that a UTF-16 code unit takes in UTF-8. */
const BYTES_PER_CODE_UNIT = 3;

/** Text up to this length is encoded by a loop, if it is ASCII. */
const MAX_LOOP_LENGTH = 32;
const LAST_ASCII = 0x7f;

const encoder = new TextEncoder();

/** Bytes in a larger array: a view of them would take 30 ns to make. */
export interface Span {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/**
 * Makes small chunks. Each has bytes of its own, which are never used again.
 * Chunks made one after another mostly lie next to each other in memory.
 */
export class SmallChunks {
  #buffer = new Uint8Array(0);
  #usedBytes = 0;
  readonly #span = { bytes: this.#buffer, start: 0, end: 0 };

  /**
   * Text or bytes with a trailer; undefined if that may not be small. The span
   * is the same object each time.
   */
  encode(
    body: string | Uint8Array,
    trailer: Uint8Array,
  ): Span | undefined {
    const mostBytes = typeof body === "string"
      ? body.length * BYTES_PER_CODE_UNIT
      : body.length;
    if (mostBytes + trailer.length > MAX_SMALL_BYTES) return undefined;
    this.#reserve(mostBytes + trailer.length);
    const span = this.#span;
    span.start = this.#usedBytes;
    if (typeof body === "string") this.#appendText(body);
    else this.#append(body);
    this.#append(trailer);
    span.end = this.#usedBytes;
    return span;
  }

  /** Joins chunks; those that are not small together get memory of their own. */
  join(chunks: readonly Uint8Array[]): Uint8Array {
    let byteLength = 0;
    for (const { length } of chunks) byteLength += length;
    if (byteLength > MAX_SMALL_BYTES) return concat(chunks);
    this.#reserve(byteLength);
    const start = this.#usedBytes;
    for (const chunk of chunks) this.#append(chunk);
    return this.#buffer.subarray(start, this.#usedBytes);
  }

  #reserve(byteLength: number): void {
    if (this.#usedBytes + byteLength <= this.#buffer.length) return;
    this.#buffer = this.#span.bytes = new Uint8Array(BUFFER_BYTES);
    this.#usedBytes = 0;
  }

  #append(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#usedBytes);
    this.#usedBytes += bytes.length;
  }

  /** Appends text. Calling the encoder costs more than encoding a few letters. */
  #appendText(text: string): void {
    const { length } = text;
    const buffer = this.#buffer;
    const start = this.#usedBytes;
    let count = 0;
    if (length <= MAX_LOOP_LENGTH) {
      for (; count < length; count++) {
        const codeUnit = text.charCodeAt(count);
        if (codeUnit > LAST_ASCII) break;
        buffer[start + count] = codeUnit;
      }
    }
    this.#usedBytes += count === length
      ? length
      : encoder.encodeInto(text, buffer.subarray(start)).written;
  }
}
