/**
 * Chunks of bytes from a reader or a stream that is not trusted.
 *
 * @module
 */
import type { ReadBuffer } from "./read_buffer.ts";

/**
 * A source of bytes that `recvEnd()` reads from: a `Deno.Conn`, a
 * `Deno.FsFile`, `Deno.stdin`, or any object with such a `read()`.
 */
export interface ByteReader {
  /**
   * Reads up to `p.length` bytes into `p`. Resolves to their number, or to
   * `null` at the end of file.
   */
  read(p: Uint8Array): Promise<number | null>;
}

/** Bytes in chunks. */
export interface ChunkReader extends Disposable {
  /** The next chunk, which is not empty; null at the end of file. */
  next(): Promise<Uint8Array | null>;
}

/** A source that returns nothing this many times in a row is broken. */
const MAX_EMPTY_READS = 100;

/**
 * Reads chunks: of a reader, into `buffer`; of a stream, as they are.
 *
 * Disposing of the chunks unlocks a stream, and closes nothing.
 *
 * @throws {TypeError} If the source is neither, or if the stream is locked.
 */
export function openChunks(
  source: ByteReader | ReadableStream<Uint8Array>,
  buffer: ReadBuffer,
): ChunkReader {
  if (source instanceof ReadableStream) return streamChunks(source.getReader());
  if (typeof source?.read === "function") return readerChunks(source, buffer);
  throw new TypeError(
    "Cannot read from the source: neither a reader nor a ReadableStream",
  );
}

function readerChunks(source: ByteReader, buffer: ReadBuffer): ChunkReader {
  return {
    [Symbol.dispose]: () => {},
    async next() {
      const free = buffer.beginRead();
      for (let tries = 0; tries < MAX_EMPTY_READS; tries++) {
        const count = await source.read(free);
        if (count === null) return buffer.endRead(0), null;
        if (count === 0) continue;
        if (Number.isInteger(count) && count > 0 && count <= free.length) {
          return buffer.endRead(count);
        }
        throw new Error(
          `Cannot trust the reader: it returned ${count} ` +
            `for a buffer of ${free.length} bytes`,
        );
      }
      throw new Error(
        `Cannot trust the reader: ${MAX_EMPTY_READS} reads in a row ` +
          "returned nothing, and not the end of file",
      );
    },
  };
}

function streamChunks(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): ChunkReader {
  return {
    [Symbol.dispose]: () => reader.releaseLock(),
    async next() {
      for (let tries = 0; tries < MAX_EMPTY_READS; tries++) {
        const { done, value } = await reader.read();
        if (done) return null;
        if (!(value instanceof Uint8Array)) {
          throw new TypeError("Cannot trust the stream: a chunk is not bytes");
        }
        if (value.length > 0) return value;
      }
      throw new Error(
        `Cannot trust the stream: ${MAX_EMPTY_READS} chunks in a row ` +
          "were empty",
      );
    },
  };
}
