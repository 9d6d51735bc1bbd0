/**
 * Skipping bytes up to a marker.
 *
 * @module
 */
import type { Decoder, Framing } from "./framing.ts";
import type { MarkerSet, Scanner } from "./marker_set.ts";
import { Decoded } from "./received.ts";

type Reason = "end" | "eof";

/**
 * The framing of bytes that are dropped as they arrive, up to one of these
 * markers. Its results have no data. For incoming bytes only.
 */
export function skipFraming(set: MarkerSet): Framing<Reason> {
  return {
    markers: set.markers,
    overheadBytes: set.longestByteLength,
    header: null,
    trailer: set.markers[0]!,
    decoder: () => new SkipDecoder(set.scanner()),
  };
}

class SkipDecoder implements Decoder<Reason> {
  readonly #scanner: Scanner;

  constructor(scanner: Scanner) {
    this.#scanner = scanner;
  }

  /** The bytes that may be the start of a marker: all others were skipped. */
  get neededBytes(): number {
    return this.#scanner.partialMatch;
  }

  push(chunk: Uint8Array, from = 0): Decoded<Reason> | undefined {
    const offset = this.#scanner.search(chunk, from, chunk.length);
    if (offset < 0) return undefined;
    const result = new Decoded<Reason>("end", [], 0, this.#scanner.index);
    result.setRest(chunk, offset);
    return result;
  }

  end(): Decoded<Reason> {
    return new Decoded<Reason>("eof", [], 0);
  }
}
