/**
 * A message that ends with the stream. A truncated one looks complete.
 *
 * @module
 */
import type { Decoder, Framing } from "./framing.ts";
import { appendChunk, Decoded } from "./received.ts";

type Reason = "end" | "eof" | "limit";

/** The end of file ends the only message of the stream. */
export const endOfFileFraming: Framing<Reason> = {
  markers: [],
  overheadBytes: 0,
  header: null,
  trailer: new Uint8Array(0),
  decoder: (maxBytes) => new EndOfFileDecoder(maxBytes),
};

class EndOfFileDecoder implements Decoder<Reason> {
  readonly #maxBytes: number;
  readonly #chunks: Uint8Array[] = [];
  #byteLength = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Uint8Array, from = 0): Decoded<Reason> | undefined {
    appendChunk(this.#chunks, chunk.subarray(from));
    this.#byteLength += chunk.length - from;
    return this.#byteLength > this.#maxBytes
      ? new Decoded<Reason>("limit", this.#chunks, this.#byteLength)
      : undefined;
  }

  end(): Decoded<Reason> {
    // A stream without a byte is taken for no message, not for an empty one:
    // a connection that broke on the way ends in the same manner.
    const reason = this.#byteLength > 0 ? "end" : "eof";
    return new Decoded<Reason>(
      reason,
      this.#chunks,
      this.#byteLength,
      -1,
      null,
      this.#byteLength === 0,
    );
  }
}
