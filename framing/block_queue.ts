/**
 * The memory of a stream of bytes that are consumed in their order.
 *
 * @module
 */
import type { ReadMemory } from "./chunk_reader.ts";
import {
  type Block,
  type BlockSource,
  nextBlockSize,
  SMALLEST_BLOCK_BYTES,
} from "./read_buffer.ts";

/** A block, with the part of it that holds bytes which are still needed. */
interface Filled<B extends Block> {
  readonly block: B;
  start: number;
  end: number;
}

/**
 * Leases blocks for reading, and releases each one as soon as all of its bytes
 * were taken back: not before a read into it has ended, because a read cannot
 * be cancelled and would write into the next owner's message.
 *
 * Unlike a `ReadBuffer` it knows no messages: nobody may look at bytes that
 * were taken back, so whoever keeps some copies them.
 */
export class BlockQueue<B extends Block = Block> implements ReadMemory {
  readonly #source: BlockSource<B>;
  /** In the order of their bytes; reads go to the last one. */
  #filled: Filled<B>[] = [];
  #leasedBytes = 0;
  #nextBlockBytes = SMALLEST_BLOCK_BYTES;
  #isReading = false;
  #isFinished = false;

  constructor(source: BlockSource<B>) {
    this.#source = source;
  }

  /** @throws {BufferLimitError} If the source has reached its bound. */
  beginRead(): Uint8Array {
    let last = this.#filled.at(-1);
    if (last === undefined || last.end === last.block.bytes.length) {
      const block = this.#source.acquire(
        this.#nextBlockBytes,
        this.#leasedBytes,
      );
      this.#leasedBytes += block.bytes.length;
      last = { block, start: 0, end: 0 };
      this.#filled.push(last);
    }
    this.#isReading = true;
    return last.block.bytes.subarray(last.end);
  }

  endRead(byteLength: number): Uint8Array {
    this.#isReading = false;
    const last = this.#filled.at(-1)!;
    const { bytes } = last.block;
    const start = last.end;
    last.end += byteLength;
    // A peer that fills its blocks has more to send; one that does not, gets a
    // small one while it is silent.
    this.#nextBlockBytes = last.end === bytes.length
      ? nextBlockSize(bytes.length)
      : SMALLEST_BLOCK_BYTES;
    if (this.#isFinished) this.#releaseAll();
    else this.#releaseConsumed();
    return bytes.subarray(start, last.end);
  }

  /** Takes back the memory of the first bytes that are still needed. */
  takeBack(byteCount: number): void {
    let left = byteCount;
    for (const filled of this.#filled) {
      const part = Math.min(left, filled.end - filled.start);
      filled.start += part;
      left -= part;
      if (left === 0) break;
    }
    this.#releaseConsumed();
  }

  /** Releases all blocks, that of a pending read when it ends. */
  finish(): void {
    this.#isFinished = true;
    if (!this.#isReading) this.#releaseAll();
  }

  #releaseConsumed(): void {
    let count = 0;
    for (const { block, start, end } of this.#filled) {
      if (start < end) break;
      const isLast = count === this.#filled.length - 1;
      if (isLast && this.#isReading) break;
      this.#release(block);
      count++;
    }
    if (count > 0) this.#filled.splice(0, count);
  }

  #releaseAll(): void {
    for (const { block } of this.#filled) this.#release(block);
    this.#filled = [];
  }

  #release(block: B): void {
    this.#leasedBytes -= block.bytes.length;
    this.#source.release(block);
  }
}
