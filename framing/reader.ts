/**
 * Buffered reading of messages, numbers and bytes: `Reader`.
 *
 * @module
 */
import { BufferedSource } from "./buffered_source.ts";
import { type ByteSource, openChunks } from "./chunk_reader.ts";
import { ReadAhead } from "./read_ahead.ts";
import { ReadMethods } from "./read_methods.ts";
import type { ReaderOptions } from "./read_options.ts";

/**
 * Buffered reading from a connection, a file, a stream, a child process or
 * bytes: up to an end marker, by a byte count, n bytes, or what has arrived.
 *
 * - **A call that is aborted or timed out loses no byte.** What it has read
 *   stays, and so does its pending read. The next call, of whatever method, goes
 *   on from there.
 * - **The results depend on the bytes alone,** never on how they were cut on
 *   their way; only `some()` returns what has arrived.
 * - **What is returned or skipped is consumed, nothing else.** Each method says
 *   what it does at the limit and at the end of file.
 *
 * One call at a time: a second one rejects with `Deno.errors.Busy`. The end of
 * file is final, and so is an error of the source: each call that needs more
 * bytes throws it again, and `some()` returns those that came before. The reader
 * reads ahead, locks a stream, and closes nothing: use it alone for its source,
 * up to `release()`.
 *
 * Memory: at most `maxBytes` of a call, and one chunk. Results share memory with
 * their chunk: `slice()` a small one that is to be kept for long. Each byte is
 * searched once, however often a call is aborted and made again.
 *
 * Replaces `BufReader`, `readLines()`, `readDelim()`, `readStringDelim()` and
 * `readerFromStreamReader()`, which were removed from Deno's standard library;
 * asyncio's `StreamReader`; and Go's `bufio.Reader` with `net/textproto`.
 * `docs/reader.md` has the table.
 *
 * @example A header, a body of n bytes, a line that is late
 * ```ts
 * import { Reader } from "@recv-end/recv-end";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const { readable, writable } = new TransformStream();
 * const writer = writable.getWriter();
 * const decoder = new TextDecoder();
 * using reader = new Reader(readable);
 *
 * writer.write(new TextEncoder().encode("length 5\r\na1234to be c"));
 * const header = await reader.until("\r\n");
 * const length = Number(decoder.decode(header.data).slice("length ".length));
 * assertEquals(decoder.decode(await reader.exactly(length)), "a1234");
 *
 * const late = reader.until("\r\n", { timeout: 10 });
 * await assertRejects(() => late, DOMException, "Timed out after 10 ms");
 *
 * writer.write(new TextEncoder().encode("ontinued\r\n"));
 * const line = await reader.until("\r\n");
 * assertEquals(decoder.decode(line.data), "to be continued");
 * ```
 */
export class Reader extends ReadMethods implements Disposable {
  readonly #source: BufferedSource;

  /**
   * Starts reading nothing yet: the first call reads.
   *
   * @param source The source of the bytes. Of a child process, the standard
   * output, which must be piped.
   * @param options Bytes that were read before.
   * @throws {TypeError} If the source is not one, or is a locked stream.
   */
  constructor(source: ByteSource, { initial }: ReaderOptions = {}) {
    if (initial !== undefined && !(initial instanceof Uint8Array)) {
      throw new TypeError("Cannot start reading with `initial`: not bytes");
    }
    const chunks = openChunks(source, new ReadAhead());
    const buffered = new BufferedSource(chunks, initial);
    super(buffered);
    this.#source = buffered;
  }

  /**
   * Ends reading, and returns what was read and not consumed: the `initial` of
   * whatever reads the source from now on. Unlocks a stream, which keeps the
   * bytes that a pending read was to return.
   *
   * @returns The bytes.
   * @throws {Deno.errors.Busy} If a call is pending; or, of a source with
   * `read()`, the read of an aborted call, which nothing can take back: its
   * bytes are still to come, and `some()` waits for them.
   */
  release(): Uint8Array {
    return this.#source.release();
  }

  /**
   * Ends reading, drops what was not consumed, and unlocks a stream. A pending
   * call rejects, at the latest when its read ends. The source is not closed.
   */
  [Symbol.dispose](): void {
    this.#source.dispose();
  }
}
