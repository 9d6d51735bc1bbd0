/**
 * Chunks of bytes from a source that is not trusted.
 *
 * @module
 */

/**
 * A source of bytes with a `read()`: a `Deno.Conn`, a `Deno.FsFile`,
 * `Deno.stdin`, or any object like them.
 */
export interface ByteReader {
  /**
   * Reads up to `p.length` bytes into `p`. Resolves to their number, or to
   * `null` at the end of file.
   */
  read(p: Uint8Array): Promise<number | null>;
}

/** A process whose standard output is piped: a `Deno.ChildProcess`. */
export interface ProcessOutput {
  /** The standard output. */
  readonly stdout: ReadableStream<Uint8Array>;
}

/**
 * A source of bytes: a connection, a file or any object with `read()`, a stream
 * of bytes, the standard output of a child process, or bytes in memory.
 */
export type ByteSource =
  | ByteReader
  | ReadableStream<Uint8Array>
  | ProcessOutput
  | Uint8Array;

/** Memory that a `ByteReader` reads into: a `ReadBuffer`, for one. */
export interface ReadMemory {
  /** Begins a read: the memory for the next bytes, never empty. */
  beginRead(): Uint8Array;
  /** Ends the read of `byteLength` bytes, and returns them. */
  endRead(byteLength: number): Uint8Array;
}

/** Bytes in chunks. */
export interface ChunkReader extends Disposable {
  /** The next chunk, which is not empty; null at the end of file. */
  next(): Promise<Uint8Array | null>;
  /** Called when a call begins to wait for chunks, and when it ends. */
  onWait?(isWaiting: boolean): void;
  /**
   * Takes back the memory of the first of the bytes that chunks had, and that
   * were not taken back yet. If there is this method, they are reused then, and
   * whoever keeps bytes has to copy them first.
   */
  takeBack?(byteCount: number): void;
  /**
   * Whether the bytes of a pending read stay in the source when the chunks are
   * disposed of. By default they do not: a pending read would consume them.
   */
  readonly canAbandonRead?: boolean;
}

/** A source that returns nothing this many times in a row is broken. */
const MAX_EMPTY_READS = 100;

/**
 * Reads chunks: of a reader, into `memory`; of a stream or of bytes, as they are.
 *
 * Disposing of the chunks unlocks a stream, and closes nothing.
 *
 * @throws {TypeError} If the source is no `ByteSource`, if its stream is locked,
 * or if the standard output of the process is not piped.
 */
export function openChunks(
  source: ByteSource,
  memory: ReadMemory,
): ChunkReader {
  if (source instanceof ReadableStream) return streamChunks(source.getReader());
  if (source instanceof Uint8Array) return memoryChunks(source);
  if (typeof source === "object" && source !== null) {
    if ("read" in source && typeof source.read === "function") {
      return readerChunks(source, memory);
    }
    if ("stdout" in source && source.stdout instanceof ReadableStream) {
      return streamChunks(source.stdout.getReader());
    }
  }
  throw new TypeError(
    "Cannot read from the source: neither a reader, nor a ReadableStream, " +
      "nor a process with a piped standard output, nor bytes",
  );
}

function memoryChunks(bytes: Uint8Array): ChunkReader {
  let left: Uint8Array | null = bytes.length > 0 ? bytes : null;
  return {
    [Symbol.dispose]: () => {},
    next() {
      const chunk = left;
      left = null;
      return Promise.resolve(chunk);
    },
  };
}

function readerChunks(source: ByteReader, buffer: ReadMemory): ChunkReader {
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
    // A stream keeps a chunk that comes for a reader that was released.
    canAbandonRead: true,
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
