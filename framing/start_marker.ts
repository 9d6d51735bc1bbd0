/**
 * Messages that begin with a marker, too: MLLP's, for one.
 *
 * @module
 */
import type { Decoder, Framing } from "./framing.ts";
import { Decoded, type StopReason } from "./received.ts";

/** Another framing, whose messages all have these bytes in front. */
export function withStart(start: Uint8Array, framing: Framing): Framing {
  const { overheadBytes, header, trailer, markers } = framing;
  return {
    markers,
    overheadBytes: overheadBytes + start.length,
    start,
    header,
    trailer,
    decoder: (maxBytes) => new StartDecoder(start, framing.decoder(maxBytes)),
    ...(framing.guard && { guard: () => framing.guard!() }),
    ...(framing.checkComplete &&
      {
        checkComplete: (bytes, from, to) =>
          framing.checkComplete!(bytes, from, to),
      }),
  };
}

/** Checks the start of each message, and has the rest decoded. */
class StartDecoder implements Decoder {
  readonly #start: Uint8Array;
  readonly #inner: Decoder;
  /** The bytes of the start that have arrived. */
  #matched = 0;
  #isSkipping = false;

  constructor(start: Uint8Array, inner: Decoder) {
    this.#start = start;
    this.#inner = inner;
  }

  push(chunk: Uint8Array, from = 0): Decoded | undefined {
    let at = from;
    while (this.#matched < this.#start.length && at < chunk.length) {
      if (chunk[at++] !== this.#start[this.#matched]) {
        return new Decoded<StopReason>("bad start", [], 0);
      }
      this.#matched++;
    }
    if (at === chunk.length) return undefined;
    const result = this.#inner.push(chunk, at);
    const isOver = result?.reason === "end" || this.#isSkipping;
    if (result !== undefined && isOver) this.#startAfresh();
    return result;
  }

  skip(): Decoded | undefined {
    this.#isSkipping = true;
    const result = this.#inner.skip?.();
    if (result !== undefined) this.#startAfresh();
    return result;
  }

  end(): Decoded {
    const { reason, chunks, byteLength, count } = this.#inner.end();
    const isEmpty = this.#matched === 0 || this.#isSkipping;
    return new Decoded(
      reason,
      chunks,
      byteLength,
      -1,
      count,
      isEmpty,
    );
  }

  #startAfresh(): void {
    this.#matched = 0;
    this.#isSkipping = false;
  }
}
