/**
 * Small replies that are written together.
 *
 * @module
 */
import { concat } from "@std/bytes";

/** Replies that wait for others are written when they have this many bytes. */
const MAX_QUEUED_BYTES = 64 * 1024;

/** Chunks that wait to be written as one. */
export class WriteQueue {
  #chunks: Uint8Array[] = [];
  #byteLength = 0;

  get byteLength(): number {
    return this.#byteLength;
  }

  /** Whether so many bytes should be written now. */
  get isFull(): boolean {
    return this.#byteLength >= MAX_QUEUED_BYTES;
  }

  push(chunk: Uint8Array): void {
    // Error replies may be empty: nothing would ever take them.
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#byteLength += chunk.length;
  }

  /** Removes all chunks, and joins them; undefined if there is no byte. */
  take(): Uint8Array | undefined {
    if (this.#byteLength === 0) return undefined;
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#byteLength = 0;
    return chunks.length === 1 ? chunks[0]! : concat(chunks);
  }
}
