/**
 * Bodies of messages and replies as chunks to be written, in their framing.
 *
 * @module
 */
import { concat } from "@std/bytes";
import { SmallChunks, type Span } from "./small_chunks.ts";
import type { Framing, OutgoingGuard } from "./framing.ts";

/** Text (as UTF-8), bytes, or an iterable of either. */
export type Body =
  | string
  | Uint8Array
  | Iterable<string | Uint8Array>
  | AsyncIterable<string | Uint8Array>;

/**
 * Chunks up to this many bytes are worth a copy: joined they are one write and
 * one packet, where two writes cost 5 to 10 µs more.
 */
export const COALESCE_BYTES = 16 * 1024;

const encoder = new TextEncoder();

const smallChunks = new SmallChunks();

/**
 * The chunks of a body, in its framing: small neighbours are joined, large
 * chunks are not copied. Chunks of an async iterable pass as they come; if the
 * framing needs the length in front, all of them are collected first.
 *
 * @throws {TypeError} If the body is not one, or contains the end marker of its
 * framing: at once, or for a chunk of an iterable when it is reached.
 */
export function encode(
  body: Body,
  framing: Framing,
): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
  const { header } = framing;
  if (typeof body === "string" || body instanceof Uint8Array) {
    const small = encodeSmall(body, framing);
    if (small !== undefined) {
      return [small.bytes.subarray(small.start, small.end)];
    }
    return joinList([toBytes(body)], framing);
  }
  if (typeof body === "object" && body !== null) {
    if (Array.isArray(body)) return joinList(body.map(toBytes), framing);
    if (Symbol.asyncIterator in body) {
      return new EncodedStream(body, framing);
    }
    if (Symbol.iterator in body) {
      return header === null
        ? coalesce(followedBy(body, framing))
        : joinList([...body].map(toBytes), framing);
    }
  }
  throw new TypeError("Cannot send: neither text, nor bytes, nor an iterable");
}

/**
 * A small body in its framing; undefined for one that is not small, or whose
 * framing puts something in front. The span holds until anything else is encoded.
 *
 * @throws {TypeError} If the body contains the end marker of its framing.
 */
export function encodeSmall(body: Body, framing: Framing): Span | undefined {
  const { header, start, trailer } = framing;
  if (header !== null || start !== undefined) return undefined;
  if (typeof body !== "string" && !(body instanceof Uint8Array)) {
    return undefined;
  }
  const span = smallChunks.encode(body, trailer);
  if (span !== undefined) {
    framing.checkComplete?.(span.bytes, span.start, span.end);
  }
  return span;
}

function* followedBy(
  body: Iterable<string | Uint8Array>,
  framing: Framing,
): Iterable<Uint8Array> {
  const { start, trailer } = framing;
  const guard = framing.guard?.();
  if (start !== undefined) yield start;
  for (const chunk of body) {
    const bytes = toBytes(chunk);
    guard?.check(bytes, false);
    yield bytes;
  }
  guard?.check(trailer, true);
  yield trailer;
}

/**
 * The chunks of a stream. Unlike its own iterator, which waits for the chunk that
 * is being made, `return()` cancels at once.
 */
function readerOf(
  stream: ReadableStream<string | Uint8Array>,
): AsyncIterator<string | Uint8Array> {
  const reader = stream.getReader();
  return {
    next: () => reader.read() as Promise<IteratorResult<string | Uint8Array>>,
    async return() {
      await reader.cancel();
      return { done: true, value: undefined };
    },
  };
}

/** An async iterable in its framing. Breaking it off reaches the source. */
export class EncodedStream implements AsyncIterableIterator<Uint8Array> {
  readonly #source: AsyncIterator<string | Uint8Array>;
  readonly #framing: Framing;
  readonly #guard: OutgoingGuard | undefined;
  /** What has to be given with the source's first chunk. */
  #start: Uint8Array | undefined;
  /** What is left to give, once the source is done. */
  #last: Iterator<Uint8Array> | undefined;
  #isBrokenOff = false;

  constructor(body: AsyncIterable<string | Uint8Array>, framing: Framing) {
    this.#source = body instanceof ReadableStream
      ? readerOf(body)
      : body[Symbol.asyncIterator]();
    this.#framing = framing;
    this.#guard = framing.guard?.();
    // If the length comes first, the chunks are joined with the start at last.
    if (framing.header === null) this.#start = framing.start;
  }

  /** Whether the source is done: breaking off drops nothing any more. */
  get isComplete(): boolean {
    return this.#last !== undefined;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const { header, trailer } = this.#framing;
    const collected: Uint8Array[] = [];
    while (this.#last === undefined && !this.#isBrokenOff) {
      const { done, value } = await this.#source.next();
      // The data is not complete: what it ends in is not the caller's doing.
      if (this.#isBrokenOff) break;
      if (!done) {
        const bytes = toBytes(value);
        if (header !== null) {
          collected.push(bytes);
          continue;
        }
        this.#guard?.check(bytes, false);
        return { done: false, value: this.#started(bytes) };
      }
      if (header !== null) {
        this.#last = joinList(collected, this.#framing)[Symbol.iterator]();
        continue;
      }
      this.#guard?.check(trailer, true);
      const rest = trailer.length > 0 ? [this.#started(trailer)] : [];
      this.#last = rest[Symbol.iterator]();
    }
    return this.#last?.next() ?? { done: true, value: undefined };
  }

  /** The first bytes, after the start: if there are none, nothing is begun. */
  #started(bytes: Uint8Array): Uint8Array {
    const start = this.#start;
    this.#start = undefined;
    return start === undefined ? bytes : concat([start, bytes]);
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#isBrokenOff = true;
    await this.#source.return?.();
    return { done: true, value: undefined };
  }
}

function toBytes(chunk: string | Uint8Array): Uint8Array {
  if (typeof chunk === "string") return encoder.encode(chunk);
  if (chunk instanceof Uint8Array) return chunk;
  throw new TypeError("Cannot send a chunk: neither text nor bytes");
}

/**
 * Puts the header before the chunks and the trailer after them, and joins what
 * is small together; without the cost of a generator.
 */
function joinList(
  chunks: Uint8Array[],
  framing: Framing,
): Iterable<Uint8Array> {
  const { start, header, trailer } = framing;
  let byteLength = 0;
  for (const { length } of chunks) byteLength += length;
  if (header !== null) chunks.unshift(header(byteLength));
  if (trailer.length > 0) chunks.push(trailer);
  if (byteLength <= COALESCE_BYTES) {
    const joined = join(chunks);
    framing.checkComplete?.(joined, 0, joined.length);
    return [start === undefined ? joined : concat([start, joined])];
  }
  const guard = framing.guard?.();
  if (guard !== undefined) {
    const last = chunks.length - 1;
    for (const [index, chunk] of chunks.entries()) {
      guard.check(chunk, index === last);
    }
  }
  if (start !== undefined) chunks.unshift(start);
  return chunks.length === 1 ? chunks : coalesce(chunks);
}

/** Joins small neighbours; passes large chunks on as they are. */
function* coalesce(chunks: Iterable<Uint8Array>): Iterable<Uint8Array> {
  let small: Uint8Array[] = [];
  let smallBytes = 0;
  for (const chunk of chunks) {
    if (smallBytes + chunk.length > COALESCE_BYTES && smallBytes > 0) {
      yield join(small);
      small = [];
      smallBytes = 0;
    }
    if (chunk.length > COALESCE_BYTES) {
      yield chunk;
    } else {
      small.push(chunk);
      smallBytes += chunk.length;
    }
  }
  if (smallBytes > 0) yield join(small);
}

function join(chunks: Uint8Array[]): Uint8Array {
  return chunks.length === 1 ? chunks[0]! : smallChunks.join(chunks);
}
