/**
 * The bytes of an incomplete message, which a decoder has been given.
 *
 * @module
 */
import type { Decoder } from "./framing.ts";
import { appendChunk } from "./received.ts";

/** Bytes that were lent to a decoder, as far as another one would need them. */
export class LentBytes {
  #chunks: Uint8Array[] = [];
  #byteLength = 0;

  get byteLength(): number {
    return this.#byteLength;
  }

  /** Adds what was pushed, and forgets what the decoder needs no more. */
  add(part: Uint8Array, decoder: Decoder): void {
    appendChunk(this.#chunks, part);
    this.#byteLength += part.length;
    const { neededBytes = this.#byteLength } = decoder;
    for (let excess = this.#byteLength - neededBytes; excess > 0;) {
      const first = this.#chunks[0]!;
      if (first.length <= excess) this.#chunks.shift();
      else this.#chunks[0] = first.subarray(excess);
      const dropped = Math.min(first.length, excess);
      this.#byteLength -= dropped;
      excess -= dropped;
    }
  }

  /** Removes all bytes, and returns them. */
  takeAll(): readonly Uint8Array[] {
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#byteLength = 0;
    return chunks;
  }
}
