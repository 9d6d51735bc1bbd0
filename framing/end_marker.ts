/**
 * Messages that end with a marker (a delimiter).
 *
 * @module
 */
import type { Decoder, Framing, OutgoingGuard } from "./framing.ts";
import { MarkerSet, type Scanner } from "./marker_set.ts";
import { appendChunk, Decoded, dropLast, splitLast } from "./received.ts";

type Reason = "end" | "eof" | "limit";

/** Each message ends with one of these markers; ours end with the first. */
export class EndMarkerFraming implements Framing<Reason> {
  readonly header = null;
  readonly trailer: Uint8Array;
  readonly #set: MarkerSet;
  /** The marker of outgoing messages alone. */
  readonly #ownSet: MarkerSet;
  /** At the start of a stream, between two calls of `checkComplete()`. */
  #ownScanner: Scanner;

  constructor(set: MarkerSet) {
    this.#set = set;
    this.trailer = set.markers[0]!;
    this.#ownSet = set.markers.length === 1
      ? set
      : new MarkerSet([this.trailer]);
    this.#ownScanner = this.#ownSet.scanner();
  }

  get markers(): readonly Uint8Array[] {
    return this.#set.markers;
  }

  get overheadBytes(): number {
    return this.#set.longestByteLength;
  }

  decoder(maxBytes: number): Decoder<Reason> {
    return new EndMarkerDecoder(this.#set, maxBytes);
  }

  /**
   * A marker in the data would end the message there, and the rest would be
   * taken for the next one: request smuggling, for whoever passes on the text
   * of a user.
   */
  guard(): OutgoingGuard {
    const scanner = this.#ownSet.scanner();
    return {
      check(bytes, isLast) {
        const offset = scanner.feed(bytes);
        if (isLast ? offset !== bytes.length : offset >= 0) {
          throw markerInData();
        }
      },
    };
  }

  checkComplete(bytes: Uint8Array, from: number, to: number): void {
    if (this.#ownScanner.search(bytes, from, to) === to) return;
    this.#ownScanner = this.#ownSet.scanner();
    throw markerInData();
  }
}

function markerInData(): TypeError {
  return new TypeError("Cannot send data that contains its end marker");
}

/** The bytes from a place on. Most chunks of a large message are complete. */
function after(chunk: Uint8Array, from: number): Uint8Array {
  return from === 0 ? chunk : chunk.subarray(from);
}

class EndMarkerDecoder implements Decoder<Reason> {
  readonly #set: MarkerSet;
  readonly #scanner: Scanner;
  readonly #maxBytes: number;
  #chunks: Uint8Array[] = [];
  #byteLength = 0;
  /** The message was too large, and its rest is dropped. */
  #isSkipping = false;
  /** What was pushed after the marker of a message that is too large. */
  #rest: Uint8Array | undefined;

  constructor(set: MarkerSet, maxBytes: number) {
    this.#set = set;
    this.#scanner = set.scanner();
    this.#maxBytes = maxBytes;
  }

  push(chunk: Uint8Array, from = 0): Decoded<Reason> | undefined {
    // The marker is searched for before the limit is judged: otherwise the
    // verdict would depend on whether both lie in the same chunk.
    const offset = this.#scanner.search(chunk, from, chunk.length);
    const chunks = this.#chunks;
    if (this.#isSkipping) {
      return offset < 0 ? undefined : this.#skipped(chunk.subarray(offset));
    }
    if (offset < 0) {
      appendChunk(chunks, after(chunk, from));
      this.#byteLength += chunk.length - from;
      // Bytes that may still be the start of a marker do not count.
      const counted = this.#byteLength - this.#scanner.partialMatch;
      return counted > this.#maxBytes ? this.#tooLarge() : undefined;
    }
    const { index } = this.#scanner;
    const markerLength = this.#set.markers[index]!.length;
    const byteLength = this.#byteLength + offset - from - markerLength;
    if (byteLength > this.#maxBytes) {
      appendChunk(chunks, after(chunk, from));
      this.#byteLength += chunk.length - from;
      this.#rest = chunk.subarray(offset);
      return this.#tooLarge();
    }
    let parts = chunks;
    if (this.#byteLength > 0) {
      appendChunk(chunks, chunk.subarray(from, offset));
      dropLast(chunks, markerLength);
      this.#chunks = [];
      this.#byteLength = 0;
    } else {
      // Most messages lie in one chunk. The list is a fresh one, also for an
      // empty message: the decoder goes on to fill its own.
      const end = offset - markerLength;
      parts = end > from ? [chunk.subarray(from, end)] : [];
    }
    const message = new Decoded<Reason>("end", parts, byteLength, index);
    message.setRest(chunk, offset);
    return message;
  }

  takePart(): readonly Uint8Array[] {
    const part = this.#chunks;
    this.#chunks = splitLast(part, this.#scanner.partialMatch);
    return part;
  }

  end(): Decoded<Reason> {
    const isEmpty = this.#byteLength === 0;
    return new Decoded<Reason>(
      "eof",
      this.#chunks,
      this.#byteLength,
      -1,
      null,
      isEmpty,
    );
  }

  skip(): Decoded<Reason> | undefined {
    this.#chunks = [];
    this.#byteLength = 0;
    if (this.#rest !== undefined) return this.#skipped(this.#rest);
    this.#isSkipping = true;
    return undefined;
  }

  #skipped(rest: Uint8Array): Decoded<Reason> {
    this.#isSkipping = false;
    this.#rest = undefined;
    const result = new Decoded<Reason>("limit", [], 0);
    result.setRest(rest, 0);
    return result;
  }

  #tooLarge(): Decoded<Reason> {
    return new Decoded("limit", this.#chunks, this.#byteLength);
  }
}
