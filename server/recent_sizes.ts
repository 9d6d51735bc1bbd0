/**
 * The first block of a message, by the size of recent messages.
 *
 * @module
 */
import {
  type FirstBlockSizes,
  nextBlockSize,
  SMALLEST_BLOCK_BYTES,
} from "../framing/read_buffer.ts";

/** The first block where messages are larger than the smallest one. */
const LARGE_BLOCK_BYTES = nextBlockSize(SMALLEST_BLOCK_BYTES);

/**
 * As many large blocks may wait for their first byte: 4 MiB. Further clients
 * that are silent, a flood of them, say, get the smallest block.
 */
const MAX_WAITING = 32;

/** Messages count for this much; small ones for 1. */
const LARGE_WEIGHT = 2;
const MAX_SCORE = 8;

/**
 * Where recent messages were larger than the smallest block, the next one is read
 * into a larger one at once: at 100 kB that saves a read. The idea is that of
 * Netty's adaptive receive buffer.
 */
export class RecentSizes implements FirstBlockSizes {
  /** Above half of its maximum, recent messages were large. */
  #score = 0;
  #waiting = 0;

  begin(): number {
    if (this.#score < MAX_SCORE / 2 || this.#waiting >= MAX_WAITING) {
      return SMALLEST_BLOCK_BYTES;
    }
    this.#waiting++;
    return LARGE_BLOCK_BYTES;
  }

  end(byteLength: number): void {
    if (byteLength > SMALLEST_BLOCK_BYTES) this.#waiting--;
  }

  note(byteLength: number): void {
    this.#score = byteLength > SMALLEST_BLOCK_BYTES
      ? Math.min(this.#score + LARGE_WEIGHT, MAX_SCORE)
      : Math.max(this.#score - 1, 0);
  }
}
