/**
 * Bytes as they come, from a reader or a stream that is not trusted.
 *
 * @module
 */
import { type BlockSource, nextBlockSize, SMALLEST_BLOCK } from "./blocks.ts";

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

/** Bytes as they come: a piece is not empty, and is the callee's own. */
export interface Pieces {
  next(): Promise<Uint8Array | null>;
}

/** A reader that returns nothing this many times in a row is broken. */
const MAX_EMPTY_READS = 100;

const NOTHING = new Uint8Array(0);

/** Reads pieces into blocks that grow with the message. */
export class BlockReader implements Pieces {
  readonly #source: ByteReader;
  readonly #blocks: BlockSource;
  #block: Uint8Array = NOTHING;
  #filled = 0;
  #blockBytes = SMALLEST_BLOCK;
  /** How many more bytes can matter: a block is no larger, if not small. */
  #wanted: number;

  constructor(source: ByteReader, blocks: BlockSource, wanted: number) {
    this.#source = source;
    this.#blocks = blocks;
    this.#wanted = wanted;
  }

  async next(): Promise<Uint8Array | null> {
    if (this.#filled === this.#block.length) {
      const useful = Math.max(this.#wanted, SMALLEST_BLOCK);
      this.#block = this.#blocks.lend(Math.min(this.#blockBytes, useful));
      this.#filled = 0;
      this.#blockBytes = nextBlockSize(this.#blockBytes);
    }
    const room = this.#filled === 0
      ? this.#block
      : this.#block.subarray(this.#filled);
    for (let tries = 0; tries < MAX_EMPTY_READS; tries++) {
      const count = await this.#source.read(room);
      if (count === null) return null;
      if (count === 0) continue;
      if (!(Number.isInteger(count) && count > 0 && count <= room.length)) {
        throw new Error(
          `Cannot trust the reader: it returned ${count} ` +
            `for a buffer of ${room.length} bytes`,
        );
      }
      this.#filled += count;
      this.#wanted -= count;
      return room.subarray(0, count);
    }
    throw new Error(
      `Cannot trust the reader: ${MAX_EMPTY_READS} reads in a row ` +
        "returned nothing, and not the end of file",
    );
  }
}

/** The chunks of a stream, as they lie; empty ones are passed over. */
export function streamPieces(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Pieces {
  return {
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
