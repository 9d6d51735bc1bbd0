/**
 * A client's message, as it is written.
 *
 * @module
 */
import { encode, EncodedStream } from "./encode.ts";
import type { Framing } from "./framing.ts";

/** What a client may send: text (as UTF-8), bytes, or a stream of bytes. */
export type OutgoingData = string | Uint8Array | ReadableStream<Uint8Array>;

/** The chunks of a message, which are requested one at a time. */
export interface Outgoing {
  /** The next chunk; null after the last. Rejects with the stream's error. */
  next(): Promise<Uint8Array | null>;
  /** Cancels the stream: no further chunk will be requested. */
  cancel(): void;
  /** Whether all bytes of the message are known: `cancel()` drops none of them. */
  readonly isComplete: boolean;
  /** The bytes of the message that were requested, without its framing. */
  readonly byteLength: number;
  /** The message in its framing, if all of it is one chunk. */
  readonly onlyChunk?: Uint8Array | undefined;
}

/**
 * Encodes a message. If the framing needs the length in front, a stream is
 * read to its end first.
 *
 * @throws {TypeError} If the data is neither text, nor bytes, nor a stream.
 */
export function encodeMessage(data: OutgoingData, framing: Framing): Outgoing {
  if (data instanceof ReadableStream) return new OutgoingStream(data, framing);
  const bytes = typeof data === "string"
    ? new TextEncoder().encode(data)
    : data;
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError(
      "Cannot send the data: neither text, nor bytes, nor a stream",
    );
  }
  const chunks = encode(bytes, framing);
  const iterator = iterate(chunks);
  return {
    onlyChunk: Array.isArray(chunks) && chunks.length === 1
      ? chunks[0]
      : undefined,
    next: async () => (await iterator.next()).value ?? null,
    cancel: () => {},
    isComplete: true,
    byteLength: bytes.length,
  };
}

class OutgoingStream implements Outgoing {
  byteLength = 0;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #chunks: EncodedStream;

  constructor(stream: ReadableStream<Uint8Array>, framing: Framing) {
    this.#reader = stream.getReader();
    this.#chunks = new EncodedStream(this.#read(), framing);
  }

  get isComplete(): boolean {
    return this.#chunks.isComplete;
  }

  async next(): Promise<Uint8Array | null> {
    return (await this.#chunks.next()).value ?? null;
  }

  cancel(): void {
    // What was read so far is not the whole: it must not be given its end.
    this.#chunks.return().catch(() => {});
    // The stream's answer to that concerns only its owner.
    this.#reader.cancel().catch(() => {});
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done) return;
      if (!(value instanceof Uint8Array)) {
        throw new TypeError("Cannot send the data: a chunk is not bytes");
      }
      this.byteLength += value.length;
      yield value;
    }
  }
}

function iterate(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncIterator<Uint8Array> | Iterator<Uint8Array> {
  return Symbol.iterator in chunks
    ? chunks[Symbol.iterator]()
    : chunks[Symbol.asyncIterator]();
}
