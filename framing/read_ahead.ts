/**
 * Memory for reading ahead, whose bytes callers keep.
 *
 * @module
 */
import type { ReadMemory } from "./chunk_reader.ts";
import { SMALLEST_BLOCK_BYTES } from "./read_buffer.ts";

/** Larger reads gain little, and a small message that is kept holds its block. */
const LARGEST_BLOCK_BYTES = 64 * 1024;

/** How much larger the next block is, if the source filled one in one read. */
const GROWTH = 8;

/**
 * Blocks that are filled one after the other, and never reused: 1 KiB for a
 * source that sends little at a time, up to 64 KiB for one that has more.
 */
export class ReadAhead implements ReadMemory {
  #block = new Uint8Array(0);
  #filledBytes = 0;
  #nextBlockBytes = SMALLEST_BLOCK_BYTES;

  beginRead(): Uint8Array {
    // A read into the last few bytes of a block would cost a call of its own.
    if (this.#block.length - this.#filledBytes <= this.#block.length >> 3) {
      this.#block = new Uint8Array(this.#nextBlockBytes);
      this.#filledBytes = 0;
    }
    return this.#block.subarray(this.#filledBytes);
  }

  endRead(byteLength: number): Uint8Array {
    const start = this.#filledBytes;
    this.#filledBytes += byteLength;
    if (byteLength === this.#block.length) {
      const larger = this.#nextBlockBytes * GROWTH;
      this.#nextBlockBytes = Math.min(larger, LARGEST_BLOCK_BYTES);
    }
    return this.#block.subarray(start, this.#filledBytes);
  }
}
