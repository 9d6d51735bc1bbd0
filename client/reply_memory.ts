/**
 * Memory that replies are read into.
 *
 * @module
 */
import type { ReadMemory } from "../framing/chunk_reader.ts";
import { nextBlockSize, SMALLEST_BLOCK_BYTES } from "../framing/read_buffer.ts";

const NO_BLOCK = new Uint8Array(0);

/**
 * Blocks that are filled one after the other, and never reused: callers keep
 * replies. Each reply starts with a small block, and only the block that is being
 * filled is held.
 */
export class ReplyMemory implements ReadMemory {
  #block = NO_BLOCK;
  #filledBytes = 0;
  #nextBlockBytes = SMALLEST_BLOCK_BYTES;

  beginRead(): Uint8Array {
    if (this.#filledBytes === this.#block.length) {
      this.#block = new Uint8Array(this.#nextBlockBytes);
      this.#filledBytes = 0;
      this.#nextBlockBytes = nextBlockSize(this.#nextBlockBytes);
    }
    return this.#filledBytes === 0
      ? this.#block
      : this.#block.subarray(this.#filledBytes);
  }

  endRead(byteLength: number): Uint8Array {
    const start = this.#filledBytes;
    this.#filledBytes += byteLength;
    return this.#block.subarray(start, this.#filledBytes);
  }

  /**
   * Starts the next reply in a small block.
   *
   * @param hasRest Whether the block has its first bytes already.
   */
  nextReply(hasRest: boolean): void {
    this.#nextBlockBytes = SMALLEST_BLOCK_BYTES;
    if (hasRest) return;
    this.#block = NO_BLOCK;
    this.#filledBytes = 0;
  }
}
