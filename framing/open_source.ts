/**
 * What a `Reader` reads from, opened.
 *
 * @module
 */
import { BufferedSource } from "./buffered_source.ts";
import { type ByteSource, openChunks } from "./chunk_reader.ts";
import { ReadAhead } from "./read_ahead.ts";
import type { ReaderOptions } from "./read_options.ts";

/**
 * Opens a source. A `BufferedSource`, which its owner goes on to use between the
 * calls of the `Reader`, is returned as it is.
 *
 * @throws {TypeError} If the source is not one, or is a locked stream.
 */
export function openSource(
  source: ByteSource | BufferedSource,
  { initial }: ReaderOptions,
): BufferedSource {
  if (source instanceof BufferedSource) return source;
  if (initial !== undefined && !(initial instanceof Uint8Array)) {
    throw new TypeError("Cannot start reading with `initial`: not bytes");
  }
  return new BufferedSource(openChunks(source, new ReadAhead()), initial);
}
