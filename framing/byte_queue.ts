/**
 * Bytes that were read and not consumed.
 *
 * @module
 */
import { appendChunk } from "./received.ts";

/** Chunks of bytes, first in, first out. None is empty, none is copied. */
export class ByteQueue {
  #chunks: Uint8Array[] = [];
  /** The position of the first chunk: those before it are dropped. */
  #head = 0;
  #byteLength = 0;

  get byteLength(): number {
    return this.#byteLength;
  }

  /** The first chunk; undefined if there is no byte. */
  get first(): Uint8Array | undefined {
    return this.#chunks[this.#head];
  }

  push(chunk: Uint8Array): void {
    appendChunk(this.#chunks, chunk);
    this.#byteLength += chunk.length;
  }

  /** Puts chunks before the others. O(chunks). */
  prepend(chunks: readonly Uint8Array[]): void {
    this.#chunks = chunks.concat(this.#chunks.slice(this.#head));
    this.#head = 0;
    for (const { length } of chunks) this.#byteLength += length;
  }

  /** Removes the first bytes, of which there are as many. O(chunks removed). */
  drop(byteCount: number): void {
    let left = byteCount;
    while (left > 0) {
      const first = this.#chunks[this.#head]!;
      const end = first.subarray(left);
      this.shortenFirst(end);
      left -= first.length - end.length;
    }
  }

  /** Removes the first bytes up to `end`, the last bytes of the first chunk. */
  shortenFirst(end: Uint8Array): void {
    this.#byteLength -= this.#chunks[this.#head]!.length - end.length;
    if (end.length > 0) {
      this.#chunks[this.#head] = end;
      return;
    }
    this.#head++;
    if (this.#head === this.#chunks.length) {
      this.#chunks.length = this.#head = 0;
    } else if (
      // More than half of the array: each chunk is moved once, on average.
      this.#head * 2 > this.#chunks.length
    ) {
      this.#chunks = this.#chunks.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Removes the first bytes, and returns them in chunks. */
  take(byteCount: number): Uint8Array[] {
    const taken: Uint8Array[] = [];
    let left = byteCount;
    for (let at = this.#head; left > 0; at++) {
      const part = this.#chunks[at]!.subarray(0, left);
      taken.push(part);
      left -= part.length;
    }
    this.drop(byteCount);
    return taken;
  }
}
