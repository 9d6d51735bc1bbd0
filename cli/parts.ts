/**
 * Standard input in parts, each of which is a message.
 *
 * @module
 */
import type { ByteReader } from "../framing/chunk_reader.ts";
import { encodeMessage } from "../framing/outgoing.ts";
import type { Framing } from "../framing/framing.ts";
import { MarkerSet } from "../framing/marker_set.ts";
import { Reader } from "../framing/reader.ts";
import { cannotRead, InputError, MARKER_IN_DATA } from "./input.ts";
import { printError } from "./output.ts";

/** Bytes to be written, and the messages that end in them. */
export interface Part {
  /** The bytes, with the framing of the messages. */
  readonly bytes: Uint8Array;
  /** The length of each message that ends in these bytes, without its framing. */
  readonly ends: readonly number[];
}

/** How the input is divided. */
export interface PartOptions {
  /** Whether each line is a message, whatever the end marker is. */
  readonly isTyped: boolean;
  /** Ends the reading of the input; what was read is dropped. */
  readonly signal: AbortSignal;
}

/**
 * Divides the input. What is not typed is passed on as it is, in any chunks: its
 * end markers are those of the messages.
 *
 * @throws {InputError} If the input cannot be read, or the last message ends in
 * the start of a marker, so that the marker after it would be found too early.
 */
export async function* partsOf(
  input: ByteReader,
  framing: Framing,
  { isTyped, signal }: PartOptions,
): AsyncGenerator<Part> {
  using reader = new Reader(input);
  const parts = isTyped
    ? typed(reader, framing, signal)
    : piped(reader, framing.trailer, signal);
  try {
    yield* parts;
  } catch (error) {
    if (error instanceof InputError || signal.aborted) throw error;
    throw new InputError(cannotRead("standard input", error));
  }
}

/** Each line is a message. A marker that was typed at its end is not sent twice. */
async function* typed(
  reader: Reader,
  framing: Framing,
  signal: AbortSignal,
): AsyncGenerator<Part> {
  const marker = framing.markers[0];
  for await (const line of reader.messages("\n", { signal })) {
    const data = marker === undefined ? line.data : without(line.data, marker);
    try {
      const message = encodeMessage(data, framing);
      let ends: number[] = [];
      for (let next = await message.next(); next !== null;) {
        const bytes = next;
        next = await message.next();
        if (next === null) ends = [data.length];
        yield { bytes, ends };
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      // A slip of the keyboard does not end the conversation.
      printError(`not sent: the line ${MARKER_IN_DATA}`);
    }
  }
}

function without(data: Uint8Array, marker: Uint8Array): Uint8Array {
  const start = data.length - marker.length;
  const isAtEnd = start >= 0 &&
    marker.every((byte, index) => byte === data[start + index]);
  return isAtEnd ? data.subarray(0, start) : data;
}

/** Counts the messages. The last one need not end with the marker. */
async function* piped(
  reader: Reader,
  marker: Uint8Array,
  signal: AbortSignal,
): AsyncGenerator<Part> {
  const scanner = new MarkerSet([marker]).scanner();
  let byteLength = 0;
  for (;;) {
    const bytes = await reader.some({ signal });
    if (bytes === null) break;
    const ends: number[] = [];
    let rest = bytes;
    for (let end; (end = scanner.feed(rest)) >= 0;) {
      ends.push(byteLength + end - marker.length);
      byteLength = 0;
      rest = rest.subarray(end);
    }
    byteLength += rest.length;
    yield { bytes, ends };
  }
  if (byteLength === 0) return;
  if (scanner.feed(marker) !== marker.length) {
    throw new InputError(`standard input ${MARKER_IN_DATA}`);
  }
  yield { bytes: marker, ends: [byteLength] };
}
