/**
 * Bytes from a reader until the end marker, the end of file, or a limit.
 *
 * This room knows nothing of sockets: what it reads from may be a
 * connection, a file, standard input or a test's script.
 *
 * @module
 */
import { concat } from "@std/bytes";
import { freshBlocks } from "./blocks.ts";
import { DEFAULT_MAX_BYTES } from "./defaults.ts";
import {
  type ByteReader,
  type Pieces,
  readerPieces,
  streamPieces,
} from "./pieces.ts";
import { EndMarkers } from "./search.ts";

export type { ByteReader };

/** An end marker. Text stands for its UTF-8 bytes. It must not be empty. */
export type Marker = string | Uint8Array;

/** Options of {@linkcode recvEnd}. */
export interface RecvEndOptions {
  /**
   * How many bytes may come before the marker. Exactly this many pass. Bytes
   * that may still turn out to be the marker are not counted.
   *
   * @default {67108864} (64 MiB)
   */
  maxBytes?: number;
  /**
   * Bytes that come before all that the source will give: the `rest` of the
   * message before. They are not copied.
   */
  initial?: Uint8Array;
}

/** What {@linkcode recvEnd} received. */
export interface Received {
  /** Whether the marker came. */
  gotEnd: boolean;
  /**
   * Why reading stopped: `"end"`, the marker came; `"eof"`, the end of file
   * came first; `"limit"`, more than `maxBytes` came first.
   */
  reason: "end" | "eof" | "limit";
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
   * {@linkcode recvEnd} as `initial`. Empty unless `gotEnd`.
   */
  rest: Uint8Array;
}

const NOTHING = new Uint8Array(0);

/**
 * Reads from `source` until the end marker `end`, the end of file, or more
 * than `maxBytes`.
 *
 * The answer depends on the bytes alone, never on how they were cut on their
 * way: a marker that arrives one byte at a time is found, and is found once.
 * `data`, the marker, `rest` and what is still unread are the whole stream.
 *
 * What a peer did is never an exception: `gotEnd` and `reason` tell it.
 * Nothing is closed. A `ReadableStream` is locked while this reads, and left
 * unlocked and open.
 *
 * At most `maxBytes` and the marker's length are read into memory, and up to
 * one block (8 KiB for a small message, never more than 1 MiB) beyond the
 * marker. Each byte is searched once: O(bytes received + marker length).
 *
 * @param source Where the bytes come from.
 * @param end The end marker.
 * @param options The limit, and what was already read.
 * @returns What came, and why reading stopped.
 * @throws {TypeError} If an argument is not what it should be: an empty
 * marker, say. Before the first read.
 * @throws {RangeError} If `maxBytes` is not a whole number from 0, or
 * `Infinity`. Before the first read.
 * @throws What the source threw; and an `Error` if it returned a count that
 * cannot be (negative, a fraction, more than there was room for), or nothing
 * at all a hundred times in a row.
 *
 * @example A message and the one after it
 * ```ts
 * import { recvEnd } from "@recv-end/recv-end";
 * import { assertEquals } from "@std/assert";
 *
 * const source = ReadableStream.from(["to be", " or n", "ot END?"])
 *   .pipeThrough(new TextEncoderStream());
 * const first = await recvEnd(source, " or not ");
 * assertEquals(new TextDecoder().decode(first.data), "to be");
 *
 * const second = await recvEnd(source, "?", { initial: first.rest });
 * assertEquals(new TextDecoder().decode(second.data), "END");
 * ```
 *
 * @example The marker never comes
 * ```ts
 * import { recvEnd } from "@recv-end/recv-end";
 * import { assertEquals } from "@std/assert";
 *
 * const source = new Blob(["a1234 CLIENT WRONG MARKER"]).stream();
 * const received = await recvEnd(source, "SERVER WRONG MARKER");
 * assertEquals(received.gotEnd, false);
 * assertEquals(received.reason, "eof");
 * assertEquals(received.byteLength, 25);
 * ```
 */
export async function recvEnd(
  source: ByteReader | ReadableStream<Uint8Array>,
  end: Marker,
  options: RecvEndOptions = {},
): Promise<Received> {
  const { maxBytes = DEFAULT_MAX_BYTES, initial = NOTHING } = options;
  const ends = new EndMarkers([markerBytes(end)]);
  checkMaxBytes(maxBytes);
  if (!(initial instanceof Uint8Array)) {
    throw new TypeError("Cannot start a message with `initial`: not bytes");
  }
  if (source instanceof ReadableStream) {
    const reader = source.getReader();
    try {
      return await receive(streamPieces(reader), ends, maxBytes, initial);
    } finally {
      reader.releaseLock();
    }
  }
  if (typeof source?.read !== "function") {
    throw new TypeError(
      "Cannot read from the source: neither a reader nor a ReadableStream",
    );
  }
  const wanted = maxBytes + ends.longest - initial.length;
  const pieces = readerPieces(source, freshBlocks, wanted);
  return await receive(pieces, ends, maxBytes, initial);
}

/**
 * The bytes of an end marker.
 *
 * @throws {TypeError} If it is empty, or neither text nor bytes.
 */
export function markerBytes(marker: Marker): Uint8Array {
  const bytes = typeof marker === "string"
    ? new TextEncoder().encode(marker)
    : marker;
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError("Cannot use the end marker: neither text nor bytes");
  }
  if (bytes.length === 0) {
    throw new TypeError("Cannot use the end marker: it is empty");
  }
  return bytes;
}

/** @throws {RangeError} If `maxBytes` is not a whole number from 0, or `Infinity`. */
export function checkMaxBytes(maxBytes: number): void {
  if (
    maxBytes !== Infinity && !(Number.isSafeInteger(maxBytes) && maxBytes >= 0)
  ) {
    throw new RangeError(
      "Cannot use maxBytes as a limit: " +
        `it must be a whole number from 0, or Infinity, and is ${maxBytes}`,
    );
  }
}

/** {@linkcode recvEnd} after its arguments were checked and made ready. */
export async function receive(
  pieces: Pieces,
  ends: EndMarkers,
  maxBytes: number,
  initial: Uint8Array,
): Promise<Received> {
  const scan = ends.scan();
  const chunks: Uint8Array[] = [];
  let total = 0;
  let piece = initial.length > 0 ? initial : await pieces.next();
  while (piece !== null) {
    // The marker is looked for before anything is judged: where it lies in
    // one piece with what breaks the limit, the verdict is as if it did not.
    const offset = scan.feed(piece);
    if (offset < 0) {
      append(chunks, piece);
      total += piece.length;
      if (total - scan.pending > maxBytes) {
        return new Message("limit", chunks, total, NOTHING);
      }
      piece = await pieces.next();
      continue;
    }
    const markerLength = ends.markers[scan.which]!.length;
    const byteLength = total + offset - markerLength;
    if (byteLength > maxBytes) {
      append(chunks, piece);
      return new Message("limit", chunks, total + piece.length, NOTHING);
    }
    append(chunks, piece.subarray(0, offset));
    dropLast(chunks, markerLength);
    return new Message("end", chunks, byteLength, piece.subarray(offset));
  }
  return new Message("eof", chunks, total, NOTHING);
}

/** Adds a piece; one that lies right behind the last is the same chunk. */
function append(chunks: Uint8Array[], piece: Uint8Array): void {
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
function dropLast(chunks: Uint8Array[], byteCount: number): void {
  while (byteCount > 0) {
    const last = chunks.pop()!;
    if (last.length > byteCount) {
      chunks.push(last.subarray(0, last.length - byteCount));
    }
    byteCount -= last.length;
  }
}

class Message implements Received {
  #joined?: Uint8Array;

  constructor(
    readonly reason: Received["reason"],
    readonly chunks: readonly Uint8Array[],
    readonly byteLength: number,
    readonly rest: Uint8Array,
  ) {}

  get gotEnd(): boolean {
    return this.reason === "end";
  }

  get data(): Uint8Array {
    this.#joined ??= this.chunks.length === 1
      ? this.chunks[0]!
      : concat(this.chunks);
    return this.#joined;
  }
}
