/**
 * Memory that replies are read into.
 *
 * @module
 */
import { concat } from "@std/bytes";
import type { ReadMemory } from "../framing/chunk_reader.ts";
import {
  LARGEST_BLOCK_BYTES,
  nextBlockSize,
  SMALLEST_BLOCK_BYTES,
} from "../framing/read_buffer.ts";

const NO_BLOCK = new Uint8Array(0);

/**
 * Replies of at least this many bytes are joined without a second copy in
 * memory. For smaller ones that costs more than it saves: the garbage of V8 is
 * as large, and memory that is freed at once has to be taken from the kernel
 * again, page by page, for the next reply. At 1 MB that doubled the CPU time.
 */
const LARGE_REPLY_BYTES = 64 * 1024 ** 2;

/**
 * Blocks that are filled one after the other, and never reused: callers keep
 * replies. Each reply starts with a small block, and only the block that is being
 * filled is held.
 */
export class ReplyMemory implements ReadMemory {
  #block = NO_BLOCK;
  #filledBytes = 0;
  #nextBlockBytes = SMALLEST_BLOCK_BYTES;
  /** The memory of the largest blocks. That of a stream's chunks is not ours. */
  readonly #large = new WeakSet<ArrayBufferLike>();
  readonly #largeReplyBytes: number;

  /** @param largeReplyBytes From which size on `join()` frees blocks. */
  constructor(largeReplyBytes: number = LARGE_REPLY_BYTES) {
    this.#largeReplyBytes = largeReplyBytes;
  }

  beginRead(): Uint8Array {
    if (this.#filledBytes === this.#block.length) {
      this.#block = new Uint8Array(this.#nextBlockBytes);
      this.#filledBytes = 0;
      if (this.#block.length === LARGEST_BLOCK_BYTES) {
        this.#large.add(this.#block.buffer);
      }
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
   * Joins the chunks of a reply, which must not be used any more. Of a large
   * reply, a large block that has no other bytes is freed as soon as it was
   * copied. The copy takes memory from the kernel page by page, as it is
   * written, so that the peak is the reply and a block, not twice the reply.
   * O(bytes of the reply), unless there is one chunk: it is returned.
   */
  join(chunks: readonly Uint8Array[]): Uint8Array {
    const [first] = chunks;
    if (first !== undefined && chunks.length === 1) return first;
    const byteLength = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    if (byteLength < this.#largeReplyBytes) return concat(chunks);
    const joined = new Uint8Array(byteLength);
    let start = 0;
    for (const chunk of chunks) {
      joined.set(chunk, start);
      start += chunk.length;
      // A transfer to no bytes: the garbage collector might not run for long.
      if (this.#isFree(chunk)) (chunk.buffer as ArrayBuffer).transfer(0);
    }
    return joined;
  }

  /** Whether a chunk is all of a large block, and the block is not in use. */
  #isFree({ buffer, length }: Uint8Array): boolean {
    return length === LARGEST_BLOCK_BYTES && this.#large.has(buffer) &&
      buffer !== this.#block.buffer;
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
