/**
 * Small replies that are written together.
 *
 * @module
 */
import { concat } from "@std/bytes";
import type { Span } from "../framing/small_chunks.ts";

/** Replies that wait for others are written when they have this many bytes. */
const MAX_QUEUED_BYTES = 64 * 1024;

/** Chunks that wait to be written as one. */
export class WriteQueue {
  /** All chunks but the last ones. */
  #chunks: Uint8Array[] = [];
  /** The last chunks, which lie next to each other in this buffer. */
  #buffer: ArrayBufferLike | undefined;
  #start = 0;
  #end = 0;
  #byteLength = 0;

  get byteLength(): number {
    return this.#byteLength;
  }

  /** Whether so many bytes should be written now. */
  get isFull(): boolean {
    return this.#byteLength >= MAX_QUEUED_BYTES;
  }

  push(chunk: Uint8Array): void {
    const { buffer, byteOffset, length } = chunk;
    this.#add(buffer, byteOffset, byteOffset + length);
  }

  pushSpan({ bytes, start, end }: Span): void {
    const { buffer, byteOffset } = bytes;
    this.#add(buffer, byteOffset + start, byteOffset + end);
  }

  /** Removes all chunks, and joins them; undefined if there is no byte. */
  take(): Uint8Array | undefined {
    if (this.#byteLength === 0) return undefined;
    this.#endRun();
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#byteLength = 0;
    return chunks.length === 1 ? chunks[0]! : concat(chunks);
  }

  #add(buffer: ArrayBufferLike, start: number, end: number): void {
    // Error replies may be empty: nothing would ever take them.
    if (start === end) return;
    if (buffer !== this.#buffer || start !== this.#end) {
      this.#endRun();
      this.#buffer = buffer;
      this.#start = start;
    }
    this.#end = end;
    this.#byteLength += end - start;
  }

  #endRun(): void {
    if (this.#buffer === undefined) return;
    const byteLength = this.#end - this.#start;
    this.#chunks.push(new Uint8Array(this.#buffer, this.#start, byteLength));
    this.#buffer = undefined;
  }
}
