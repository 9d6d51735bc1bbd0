/**
 * Reading messages from a stream of bytes: `recvEnd()` up to an end marker,
 * `messages()` one after another, `recvCount()` by a byte count, and `Reader`
 * for many reads of any kind, each with a time limit.
 *
 * The source may be a connection, a file, standard input, a `ReadableStream`, a
 * child process or bytes in memory: this module knows nothing of sockets.
 *
 * @module
 */
import {
  type ByteReader,
  type ByteSource,
  openChunks,
  type ProcessOutput,
} from "./framing/chunk_reader.ts";
import type { CountFraming } from "./framing/count_framing.ts";
import { DEFAULT_MAX_BYTES } from "./framing/defaults.ts";
import { EndMarkerFraming } from "./framing/end_marker.ts";
import type { Framing } from "./framing/framing.ts";
import type { ByteOrder } from "./framing/length_prefix.ts";
import { type Marker, toMarkerSet } from "./framing/marker.ts";
import { checkMaxBytes } from "./framing/max_bytes.ts";
import { netstringFraming } from "./framing/netstring.ts";
import { freshBlocks, ReadBuffer } from "./framing/read_buffer.ts";
import type { ReadMethods } from "./framing/read_methods.ts";
import { Reader } from "./framing/reader.ts";
import type { ReaderOptions, ReadOptions } from "./framing/read_options.ts";
import type {
  Decoded,
  Received,
  ReceivedCount,
  StopReason,
} from "./framing/received.ts";

export type {
  ByteOrder,
  ByteReader,
  ByteSource,
  CountFraming,
  Marker,
  ProcessOutput,
  ReaderOptions,
  ReadOptions,
  Received,
  ReceivedCount,
};
export { Reader, type ReadMethods };

/** Options of {@linkcode recvEnd}, {@linkcode messages}, {@linkcode recvCount}. */
export interface RecvEndOptions {
  /**
   * The maximum number of bytes before the end marker: a message of exactly this
   * length is accepted.
   * Bytes that may still turn out to be the marker do not count.
   *
   * @default {67108864}
   */
  maxBytes?: number;
  /**
   * Bytes that precede those of the source: the `rest` of the message before.
   * They are not copied. By default there are none.
   */
  initial?: Uint8Array;
}

const EMPTY = new Uint8Array(0);

/**
 * Reads from `source` until the end marker `end`, the end of file, or more
 * than `maxBytes` bytes.
 *
 * The result depends on the bytes alone, never on how they were cut on their
 * way: a marker that arrives one byte at a time is found, once. No byte is lost:
 * `data`, the marker, `rest` and unread bytes together are the stream.
 *
 * Does not throw, whatever a peer sends: `gotEnd` and `reason` report it. With
 * `"limit"`, `data` is everything that was read, up to a block more than the
 * limit. There is no time limit: to end a read, close the source; then the
 * promise rejects, and the bytes read are lost. `recvEnd()` does not close the
 * source. A `ReadableStream` is locked while this reads, and unlocked afterwards.
 *
 * At most `maxBytes` and the marker's length are read into memory, and up to
 * one block (1 KiB for a small message, at most 1 MiB) after the marker. The
 * chunks of a `ReadableStream` are kept as they are, with the complete
 * `ArrayBuffer` of each. Each byte is searched once: O(bytes received + marker length).
 *
 * @param source The source of the bytes.
 * @param end The end marker. Of several, the one that ends first counts, and
 * of two that end together the longer one.
 * @param options The limit, and bytes that were read before.
 * @returns The message, or why there is none.
 * @throws {TypeError} If an argument is not valid, such as an empty marker.
 * Before the first read.
 * @throws {RangeError} If `maxBytes` is not a whole number from 0, or
 * `Infinity`. Before the first read.
 * @throws What the source threw; and an `Error` if it returned an impossible
 * count (negative, a fraction, more than the buffer holds), or no bytes a
 * hundred times in a row.
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
  source: ByteSource,
  end: Marker | readonly Marker[],
  options: RecvEndOptions = {},
): Promise<Received> {
  const framing = new EndMarkerFraming(toMarkerSet(end));
  return await receive(source, framing, options);
}

/**
 * Reads the messages of a source one after another, up to the end of file.
 *
 * Yields one {@linkcode Received} for each message. The last has `gotEnd` false if the
 * end of file, or the limit, came in the middle of it; an end of file between
 * two messages yields none. The source is locked until the loop is left, and
 * is not closed.
 *
 * @param source The source of the bytes.
 * @param end The end marker of each message, or several.
 * @param options The limit for each message, and bytes that were read before.
 * @returns The messages. Their bytes belong to the caller.
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
  source: ByteSource,
  end: Marker | readonly Marker[],
  options: RecvEndOptions = {},
): AsyncGenerator<Received> {
  const { maxBytes, initial } = checkOptions(options);
  const decoder = new EndMarkerFraming(toMarkerSet(end)).decoder(maxBytes);
  const buffer = new ReadBuffer(freshBlocks, Infinity);
  using chunks = openChunks(source, buffer);
  let chunk = initial.length > 0 ? initial : await chunks.next();
  while (chunk !== null) {
    const received = decoder.push(chunk);
    if (received === undefined) {
      chunk = await chunks.next();
      continue;
    }
    yield received;
    if (!received.gotEnd) return;
    buffer.nextMessage(received.rest.length);
    chunk = received.rest.length > 0 ? received.rest : await chunks.next();
  }
  const last = decoder.end();
  if (!last.isEmpty) yield last;
}

/**
 * Reads one netstring from `source`: a decimal count without leading zeros, a
 * colon, as many bytes, a comma (the format that D. J. Bernstein published).
 *
 * As with {@linkcode recvEnd}, the result depends on the bytes alone, what a
 * peer sends never throws, and nothing is closed. A wrong count is reported as
 * soon as it is seen. Memory is allocated for received bytes only, not for the
 * announced count.
 *
 * @param source The source of the bytes.
 * @param options The limit on the count, and bytes that were read before.
 * @returns The message, or why there is none.
 * @throws As {@linkcode recvEnd} does.
 *
 * @example A netstring, and one that is truncated
 * ```ts
 * import { recvCount } from "@recv-end/recv-end";
 * import { assertEquals } from "@std/assert";
 *
 * const complete = await recvCount(new Blob(["5:a1234,3:abc,"]).stream());
 * assertEquals(new TextDecoder().decode(complete.data), "a1234");
 *
 * const cut = await recvCount(new Blob(["5:a12"]).stream());
 * assertEquals([cut.reason, cut.byteLength, cut.count], ["eof", 3, 5]);
 * ```
 */
export async function recvCount(
  source: ByteSource,
  options: RecvEndOptions = {},
): Promise<ReceivedCount> {
  return await receive(source, netstringFraming, options);
}

/** Reads one message: the loop that all framings share. */
async function receive<Reason extends StopReason>(
  source: ByteSource,
  framing: Framing<Reason>,
  options: RecvEndOptions,
): Promise<Decoded<Reason>> {
  const { maxBytes, initial } = checkOptions(options);
  const usefulBytes = maxBytes + framing.overheadBytes - initial.length;
  const buffer = new ReadBuffer(freshBlocks, usefulBytes);
  using chunks = openChunks(source, buffer);
  const decoder = framing.decoder(maxBytes);
  let chunk = initial.length > 0 ? initial : await chunks.next();
  while (chunk !== null) {
    const received = decoder.push(chunk);
    if (received !== undefined) return received;
    chunk = await chunks.next();
  }
  return decoder.end();
}

/** @throws {TypeError | RangeError} If an option is not valid. */
function checkOptions(
  { maxBytes = DEFAULT_MAX_BYTES, initial = EMPTY }: RecvEndOptions,
): Required<RecvEndOptions> {
  checkMaxBytes(maxBytes);
  if (!(initial instanceof Uint8Array)) {
    throw new TypeError("Cannot start a message with `initial`: not bytes");
  }
  return { maxBytes, initial };
}
