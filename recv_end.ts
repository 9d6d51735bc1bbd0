/**
 * Bytes from a reader until the end marker, the end of file, or a limit.
 *
 * This room knows nothing of sockets: what it reads from may be a
 * connection, a file, standard input or a test's script.
 *
 * @module
 */
import { freshBlocks } from "./server/buffer_pool.ts";
import { DEFAULT_MAX_BYTES } from "./framing/defaults.ts";
import { type ByteReader, openPieces, type Pieces } from "./framing/chunk_reader.ts";
import { append, dropLast, type Received, ReceivedToEnd } from "./framing/received.ts";
import { EndMarkers } from "./framing/marker_set.ts";

export type { ByteReader, Received };

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

const NOTHING = new Uint8Array(0);

/**
 * Reads from `source` until the end marker `end`, the end of file, or more
 * than `maxBytes`.
 *
 * The answer depends on the bytes alone, never on how they were split on their
 * way: a marker that arrives one byte at a time is found, and is found once.
 * `data`, the marker, `rest` and what is still unread are the whole stream.
 *
 * What a peer did is never an exception: `gotEnd` and `reason` tell it. With
 * `"limit"`, `data` is all that was read, up to a block more than the limit.
 * There is no time limit: to end a read, close the source; it throws then, and
 * what was read is lost. Nothing is closed. A `ReadableStream` is locked
 * while this reads, and left unlocked and open.
 *
 * Of a `ReadableStream` the chunks are kept as they are, with all the memory
 * behind them.
 *
 * At most `maxBytes` and the marker's length are read into memory, and up to
 * one block (1 KiB for a small message, never more than 1 MiB) beyond the
 * marker. Each byte is searched once: O(bytes received + marker length).
 *
 * @param source Where the bytes come from.
 * @param end The end marker. Of several, the one that ends first is it, and
 * the longer one of two that end together.
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
  end: Marker | readonly Marker[],
  options: RecvEndOptions = {},
): Promise<Received> {
  const { maxBytes, initial } = checkOptions(options);
  const ends = endMarkers(end);
  const wanted = maxBytes + ends.longest - initial.length;
  using pieces = openPieces(source, freshBlocks, wanted);
  return await receive(pieces, ends, maxBytes, initial);
}

/**
 * The messages of a source, one after the other, to the end of file.
 *
 * Each is what {@linkcode recvEnd} returns. The last has `gotEnd` false if the
 * end of file, or the limit, came in the middle of it; at an end of file
 * between two messages there is none. The source is locked until the loop is
 * left, and not closed.
 *
 * @param source Where the bytes come from.
 * @param end The end marker of each message, or several.
 * @param options The limit for each message, and what was already read.
 * @returns The messages. Each must be used before the next is asked for only
 * as far as memory goes: its bytes are the caller's.
 * @throws As {@linkcode recvEnd} does.
 *
 * @example Lines
 * ```ts
 * import { messages } from "@recv-end/recv-end";
 * import { assertEquals } from "@std/assert";
 *
 * const source = new Blob(["one\ntwo\r\nthr"]).stream();
 * const lines = [];
 * for await (const { data, gotEnd } of messages(source, ["\n", "\r\n"])) {
 *   lines.push([new TextDecoder().decode(data), gotEnd]);
 * }
 * assertEquals(lines, [["one", true], ["two", true], ["thr", false]]);
 * ```
 */
export async function* messages(
  source: ByteReader | ReadableStream<Uint8Array>,
  end: Marker | readonly Marker[],
  options: RecvEndOptions = {},
): AsyncGenerator<Received> {
  const { maxBytes, initial } = checkOptions(options);
  const ends = endMarkers(end);
  using pieces = openPieces(source, freshBlocks, Infinity);
  let rest = initial;
  for (;;) {
    const received = await receive(pieces, ends, maxBytes, rest);
    if (received.reason === "eof" && received.byteLength === 0) return;
    yield received;
    if (!received.gotEnd) return;
    rest = received.rest;
    pieces.startMessage();
  }
}

/**
 * The markers, made ready for searching.
 *
 * @throws {TypeError} If there is none, or one is empty or no marker.
 */
export function endMarkers(end: Marker | readonly Marker[]): EndMarkers {
  const list = typeof end === "string" || end instanceof Uint8Array
    ? [end]
    : end;
  if (!Array.isArray(list)) {
    throw new TypeError("Cannot use the end marker: neither text nor bytes");
  }
  return new EndMarkers(list.map(markerBytes));
}

/** @throws {TypeError | RangeError} If an option is not what it should be. */
export function checkOptions(
  { maxBytes = DEFAULT_MAX_BYTES, initial = NOTHING }: RecvEndOptions,
): Required<RecvEndOptions> {
  checkMaxBytes(maxBytes);
  if (!(initial instanceof Uint8Array)) {
    throw new TypeError("Cannot start a message with `initial`: not bytes");
  }
  return { maxBytes, initial };
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
        return new ReceivedToEnd("limit", chunks, total);
      }
      piece = await pieces.next();
      continue;
    }
    const { which } = scan;
    const markerLength = ends.markers[which]!.length;
    const byteLength = total + offset - markerLength;
    if (byteLength > maxBytes) {
      append(chunks, piece);
      return new ReceivedToEnd("limit", chunks, total + piece.length);
    }
    append(chunks, piece.subarray(0, offset));
    dropLast(chunks, markerLength);
    const rest = piece.subarray(offset);
    return new ReceivedToEnd("end", chunks, byteLength, which, rest);
  }
  return new ReceivedToEnd("eof", chunks, total);
}
