/**
 * Bytes as they come, from a reader or a stream that is not trusted.
 *
 * @module
 */
import { type BlockSource, nextBlockSize, SMALLEST_BLOCK } from "../server/buffer_pool.ts";

/**
 * What {@linkcode recvEnd} reads from: a `Deno.Conn`, a `Deno.FsFile`,
 * `Deno.stdin`, or anything else with such a `read()`.
 */
export interface ByteReader {
  /**
   * Reads up to `p.length` bytes into `p`. Resolves to their number, or to
   * `null` at the end of file.
   */
  read(p: Uint8Array): Promise<number | null>;
}

/** Bytes as they come. */
export interface Pieces {
  /** The next of them, a piece that is not empty; null at the end of file. */
  next(): Promise<Uint8Array | null>;
  /** From now on, another message is read. */
  startMessage(): void;
}

/** A reader that returns nothing this many times in a row is broken. */
const MAX_EMPTY_READS = 100;

const NOTHING = new Uint8Array(0);

/** Where bytes are read to: blocks that grow with the message. */
export class Room {
  readonly #blocks: BlockSource;
  #block: Uint8Array = NOTHING;
  #filled = 0;
  #blockBytes = SMALLEST_BLOCK;
  /** How many more bytes can matter: a block is no larger, if not small. */
  #wanted: number;
  readonly #most: number;

  /**
   * @param blocks Where the blocks come from.
   * @param wanted How many bytes of a message can matter.
   */
  constructor(blocks: BlockSource, wanted: number) {
    this.#blocks = blocks;
    this.#wanted = this.#most = wanted;
  }

  /** Where the next bytes go; never empty. */
  next(): Uint8Array {
    if (this.#filled === this.#block.length) {
      const useful = Math.max(this.#wanted, SMALLEST_BLOCK);
      this.#block = this.#blocks.lend(Math.min(this.#blockBytes, useful));
      this.#filled = 0;
      this.#blockBytes = nextBlockSize(this.#blockBytes);
    }
    return this.#filled === 0
      ? this.#block
      : this.#block.subarray(this.#filled);
  }

  /** From here on, another message is read: it starts small again. */
  startMessage(): void {
    this.#blockBytes = SMALLEST_BLOCK;
    this.#wanted = this.#most;
  }

  /** The block is no longer ours. */
  leaveBlock(): void {
    this.#block = NOTHING;
    this.#filled = 0;
  }

  /** So many bytes came: the piece they are. */
  take(count: number): Uint8Array {
    const start = this.#filled;
    this.#filled += count;
    this.#wanted -= count;
    return this.#block.subarray(start, start + count);
  }
}

/** Pieces that are given up at the end of a block. */
export type OpenPieces = Pieces & Disposable;

/**
 * What a source gives: of a reader in blocks, of a stream as it lies.
 *
 * @throws {TypeError} If it is neither; or if the stream is locked.
 */
export function openPieces(
  source: ByteReader | ReadableStream<Uint8Array>,
  blocks: BlockSource,
  wanted: number,
): OpenPieces {
  if (source instanceof ReadableStream) return streamPieces(source.getReader());
  if (typeof source?.read === "function") {
    return readerPieces(source, blocks, wanted);
  }
  throw new TypeError(
    "Cannot read from the source: neither a reader nor a ReadableStream",
  );
}

/** What a reader gives, in blocks from a source. */
function readerPieces(
  source: ByteReader,
  blocks: BlockSource,
  wanted: number,
): OpenPieces {
  const room = new Room(blocks, wanted);
  return {
    startMessage: () => room.startMessage(),
    [Symbol.dispose]: () => {},
    async next() {
      const free = room.next();
      for (let tries = 0; tries < MAX_EMPTY_READS; tries++) {
        const count = await source.read(free);
        if (count === null) return null;
        if (count === 0) continue;
        if (Number.isInteger(count) && count > 0 && count <= free.length) {
          return room.take(count);
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

/** The chunks of a stream, as they lie; empty ones are passed over. */
function streamPieces(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): OpenPieces {
  return {
    startMessage: () => {},
    [Symbol.dispose]: () => reader.releaseLock(),
    async next() {
      for (let tries = 0; tries < MAX_EMPTY_READS; tries++) {
        const { done, value } = await reader.read();
        if (done) return null;
        if (!(value instanceof Uint8Array)) {
          throw new TypeError("Cannot trust the stream: its chunk is no bytes");
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
