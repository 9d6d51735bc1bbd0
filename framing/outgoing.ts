/**
 * What a client sends: the message, and what says where it ends.
 *
 * @module
 */
import { concat } from "@std/bytes";
import { netstring } from "./netstring.ts";

/** Data up to this many bytes is joined with its marker: one packet. */
const SMALL_MESSAGE = 64 * 1024;

/** Bytes to send, one piece after the other. */
export interface Outgoing {
  /** The next piece; null when the message and its marker were given. */
  next(): Promise<Uint8Array | null>;
  /** Nothing more will be asked for. */
  cancel(): void;
  /** How many bytes of the message, without the marker, were given. */
  readonly byteLength: number;
}

/** What may be sent. */
export type OutgoingData = string | Uint8Array | ReadableStream<Uint8Array>;

/**
 * A message as it is to be written.
 *
 * @param marker What ends it; null for a count in front, for which a stream
 * must come whole first.
 */
export function messagePieces(
  data: OutgoingData,
  marker: Uint8Array | null,
): Outgoing {
  if (data instanceof ReadableStream) {
    return marker === null
      ? new CountedStream(data)
      : new StreamPieces(data, marker);
  }
  const bytes = typeof data === "string"
    ? new TextEncoder().encode(data)
    : data;
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError(
      "Cannot send the data: no text, no bytes and no stream",
    );
  }
  return marker === null
    ? givenPieces(netstring([bytes]), bytes.length)
    : givenPieces([bytes, marker], bytes.length);
}

function givenPieces(
  pieces: readonly Uint8Array[],
  byteLength: number,
): Outgoing {
  const unsent = byteLength <= SMALL_MESSAGE ? [concat(pieces)] : [...pieces];
  return {
    next: () => Promise.resolve(unsent.shift() ?? null),
    cancel: () => {},
    byteLength,
  };
}

/** A stream that is read whole, because its count stands in front. */
class CountedStream implements Outgoing {
  readonly #stream: StreamPieces;
  #counted: Outgoing | undefined;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#stream = new StreamPieces(stream, null);
  }

  get byteLength(): number {
    return this.#stream.byteLength;
  }

  async next(): Promise<Uint8Array | null> {
    if (this.#counted === undefined) {
      const pieces: Uint8Array[] = [];
      for (;;) {
        const piece = await this.#stream.next();
        if (piece === null) break;
        pieces.push(piece);
      }
      this.#counted = givenPieces(netstring(pieces), this.byteLength);
    }
    return this.#counted.next();
  }

  cancel(): void {
    this.#stream.cancel();
  }
}

class StreamPieces implements Outgoing {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #marker: Uint8Array | null;
  byteLength = 0;

  constructor(stream: ReadableStream<Uint8Array>, marker: Uint8Array | null) {
    this.#reader = stream.getReader();
    this.#marker = marker;
  }

  async next(): Promise<Uint8Array | null> {
    const { done, value } = await this.#reader.read();
    if (done) {
      const last = this.#marker;
      this.#marker = null;
      return last;
    }
    if (!(value instanceof Uint8Array)) {
      throw new TypeError("Cannot send the data: a chunk of it is no bytes");
    }
    this.byteLength += value.length;
    return value;
  }

  cancel(): void {
    // How it takes that is its own affair, and nobody waits for it.
    this.#reader.cancel().catch(() => {});
  }
}
