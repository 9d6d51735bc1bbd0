/**
 * What was received, as it lies in memory.
 *
 * @module
 */
import { concat } from "@std/bytes";

/** What `recvEnd()` received. */
export interface Received {
  /** Whether the marker came. */
  gotEnd: boolean;
  /**
   * Why reading stopped: `"end"`, the marker came; `"eof"`, the end of file
   * came first; `"limit"`, more than `maxBytes` came first.
   */
  reason: "end" | "eof" | "limit";
  /** Which of the markers came: its place in the list; -1 where none did. */
  which: number;
  /**
   * What came before the marker, or all that came where the marker did not.
   * Joined when first asked for; where it lies in one piece it is that piece,
   * uncopied.
   */
  data: Uint8Array;
  /** The same bytes, as they lie: nothing copied, no piece empty. */
  chunks: readonly Uint8Array[];
  /** The number of bytes in `data`. */
  byteLength: number;
  /**
   * What was read past the marker already, uncopied: hand it to the next
   * `recvEnd()` as `initial`. Empty unless `gotEnd`.
   */
  rest: Uint8Array;
}

const NOTHING = new Uint8Array(0);

/** Adds a piece; one that lies right behind the last is the same chunk. */
export function append(chunks: Uint8Array[], piece: Uint8Array): void {
  const last = chunks.at(-1);
  if (
    last?.buffer === piece.buffer &&
    last.byteOffset + last.length === piece.byteOffset
  ) {
    chunks[chunks.length - 1] = new Uint8Array(
      piece.buffer,
      last.byteOffset,
      last.length + piece.length,
    );
  } else {
    chunks.push(piece);
  }
}

/** Takes the marker off the end, which may reach back over many chunks. */
export function dropLast(chunks: Uint8Array[], byteCount: number): void {
  while (byteCount > 0) {
    const last = chunks.pop()!;
    if (last.length > byteCount) {
      chunks.push(last.subarray(0, last.length - byteCount));
    }
    byteCount -= last.length;
  }
}

/** Chunks that are joined when somebody asks for it. */
export class Chunks {
  /** The bytes as they lie. */
  readonly chunks: readonly Uint8Array[];
  /** How many they are. */
  readonly byteLength: number;
  #joined?: Uint8Array;

  constructor(chunks: readonly Uint8Array[], byteLength: number) {
    this.chunks = chunks;
    this.byteLength = byteLength;
  }

  /** The bytes in one piece. */
  get data(): Uint8Array {
    return this.#joined ??= this.chunks.length === 1
      ? this.chunks[0]!
      : concat(this.chunks);
  }
}

/** What `recvEnd()` returns. */
export class ReceivedToEnd extends Chunks implements Received {
  readonly reason: Received["reason"];
  readonly which: number;
  readonly rest: Uint8Array;

  constructor(
    reason: Received["reason"],
    chunks: readonly Uint8Array[],
    byteLength: number,
    which = -1,
    rest: Uint8Array = NOTHING,
  ) {
    super(chunks, byteLength);
    this.reason = reason;
    this.which = which;
    this.rest = rest;
  }

  get gotEnd(): boolean {
    return this.reason === "end";
  }
}
