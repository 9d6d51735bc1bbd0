/**
 * The result of reading one message.
 *
 * @module
 */
import { concat } from "@std/bytes";

/** A message up to its end marker: what `recvEnd()` received. */
export interface Received {
  /** Whether the end marker arrived. */
  gotEnd: boolean;
  /**
   * Why reading stopped: `"end"`, the marker arrived; `"eof"`, the end of file
   * came first; `"limit"`, more than `maxBytes` came first.
   */
  reason: "end" | "eof" | "limit";
  /** The position of the marker that arrived in the list `end`; else -1. */
  markerIndex: number;
  /**
   * The bytes before the marker; all bytes, if the marker did not arrive.
   * Joined when first read. Bytes that lie in one chunk are not copied.
   */
  data: Uint8Array;
  /** The bytes of `data` as they lie in memory: no copy, no empty chunk. */
  chunks: readonly Uint8Array[];
  /** The number of bytes in `data`. */
  byteLength: number;
  /**
   * Bytes that were read after the marker, not copied: pass them to the next
   * `recvEnd()` as `initial`. Empty unless `gotEnd`, and always with a `Reader`,
   * which keeps them.
   */
  rest: Uint8Array;
}

/** A message with its byte count in front: what `recvCount()` received. */
export interface ReceivedCount {
  /** Whether the complete message arrived; of a netstring, with its comma. */
  gotEnd: boolean;
  /**
   * Why reading stopped: `"end"`, the message is complete; `"eof"`, the end of
   * file came first; `"bad count"`, the bytes are not in this format (a
   * netstring, say), or the count is above `maxBytes`.
   */
  reason: "end" | "eof" | "bad count";
  /** The count before the message; null if it did not arrive. */
  count: number | null;
  /** The bytes of the message that arrived. */
  data: Uint8Array;
  /** The bytes of `data` as they lie in memory: no copy, no empty chunk. */
  chunks: readonly Uint8Array[];
  /** The number of bytes in `data`. */
  byteLength: number;
  /**
   * Bytes that were read after the message. Empty unless `gotEnd`, and always
   * with a `Reader`, which keeps them.
   */
  rest: Uint8Array;
  /** Whether the end of file came before any byte. */
  isEmpty: boolean;
}

/** Why a decoder stopped. `"end"` is a complete message. */
export type StopReason = "end" | "eof" | "limit" | "bad count" | "bad start";

const EMPTY = new Uint8Array(0);

/** What a decoder found: a complete message, or why there is none. */
export class Decoded<Reason extends StopReason = StopReason> {
  readonly reason: Reason;
  readonly chunks: readonly Uint8Array[];
  readonly byteLength: number;
  readonly markerIndex: number;
  readonly count: number | null;
  /** Whether the end of file came before any byte. */
  readonly isEmpty: boolean;
  /** Where the bytes of `rest` lie, from `restStart` to the end. */
  restIn: Uint8Array = EMPTY;
  restStart = 0;
  #joined: Uint8Array | undefined;

  constructor(
    reason: Reason,
    chunks: readonly Uint8Array[],
    byteLength: number,
    markerIndex = -1,
    count: number | null = null,
    isEmpty = false,
  ) {
    this.reason = reason;
    this.chunks = chunks;
    this.byteLength = byteLength;
    this.markerIndex = markerIndex;
    this.count = count;
    this.isEmpty = isEmpty;
  }

  get gotEnd(): boolean {
    return this.reason === "end";
  }

  get rest(): Uint8Array {
    const { restIn, restStart } = this;
    return restStart === 0 ? restIn : restIn.subarray(restStart);
  }

  /** Notes what follows the message: the bytes of its last chunk from here on. */
  setRest(lastChunk: Uint8Array, start: number): void {
    // If nothing follows, the memory of the chunk is not kept for it.
    const isEmpty = start === lastChunk.length;
    this.restIn = isEmpty ? EMPTY : lastChunk;
    this.restStart = isEmpty ? 0 : start;
  }

  get data(): Uint8Array {
    return this.#joined ??= this.chunks.length === 1
      ? this.chunks[0]!
      : concat(this.chunks);
  }

  /** Returns a result with a copy of the bytes, and without `rest`. */
  copy(): Decoded<Reason> {
    return new Decoded(
      this.reason,
      this.byteLength === 0 ? [] : [concat(this.chunks)],
      this.byteLength,
      this.markerIndex,
      this.count,
      this.isEmpty,
    );
  }

  /** The code of the error reply for a message that is not complete. */
  get errorCode(): string {
    const { reason, count, byteLength } = this;
    if (reason === "limit") return "too large";
    if (reason === "bad count" || reason === "bad start") return reason;
    return count !== null && byteLength < count
      ? `got ${byteLength} of ${count} bytes`
      : "no end";
  }
}

/**
 * Adds a chunk. Chunks that lie next to each other in memory are merged, so
 * that a message in one block is one chunk, however it was cut.
 */
export function appendChunk(chunks: Uint8Array[], chunk: Uint8Array): void {
  const last = chunks.at(-1);
  if (
    last?.buffer === chunk.buffer &&
    last.byteOffset + last.length === chunk.byteOffset
  ) {
    chunks[chunks.length - 1] = new Uint8Array(
      chunk.buffer,
      last.byteOffset,
      last.length + chunk.length,
    );
  } else {
    chunks.push(chunk);
  }
}

/** Removes the last bytes: a marker, which may reach back over many chunks. */
export function dropLast(chunks: Uint8Array[], byteCount: number): void {
  while (byteCount > 0) {
    const last = chunks.pop()!;
    if (last.length > byteCount) {
      chunks.push(last.subarray(0, last.length - byteCount));
    }
    byteCount -= last.length;
  }
}

/** Removes the last bytes, of which there are as many, and returns them. */
export function splitLast(
  chunks: Uint8Array[],
  byteCount: number,
): Uint8Array[] {
  const last: Uint8Array[] = [];
  for (let left = byteCount; left > 0;) {
    const chunk = chunks.pop()!;
    const kept = chunk.length - Math.min(chunk.length, left);
    if (kept > 0) chunks.push(chunk.subarray(0, kept));
    last.unshift(chunk.subarray(kept));
    left -= chunk.length - kept;
  }
  return last;
}
