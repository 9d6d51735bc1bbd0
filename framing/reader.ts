/**
 * Buffered reading of messages, numbers and bytes: `Reader`.
 *
 * @module
 */
import { type Attempt, BufferedSource } from "./buffered_source.ts";
import { type ByteSource, openChunks } from "./chunk_reader.ts";
import { type CountFraming, toCountFraming } from "./count_framing.ts";
import { type ByteOrder, checkUint } from "./length_prefix.ts";
import type { Marker } from "./marker.ts";
import { MarkerCache } from "./marker_cache.ts";
import { ReadAhead } from "./read_ahead.ts";
import {
  checkByteCount,
  checkReadOptions,
  type ReaderOptions,
  type ReadOptions,
} from "./read_options.ts";
import type { Decoded, Received, ReceivedCount } from "./received.ts";

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
export class Reader implements Disposable {
  readonly #source: BufferedSource;
  readonly #markers = new MarkerCache();

  /**
   * Starts reading nothing yet: the first call reads.
   *
   * @param source The source of the bytes. Of a child process, the standard
   * output, which must be piped.
   * @param options Bytes that were read before.
   * @throws {TypeError} If the source is not one, or is a locked stream.
   */
  constructor(source: ByteSource, options: ReaderOptions = {}) {
    const { initial } = options;
    if (initial !== undefined && !(initial instanceof Uint8Array)) {
      throw new TypeError("Cannot start reading with `initial`: not bytes");
    }
    const chunks = openChunks(source, new ReadAhead());
    this.#source = new BufferedSource(chunks, initial);
  }

  /**
   * Reads up to an end marker, as `recvEnd()` does.
   *
   * The result has `reason`:
   * - `"end"`: the message and its marker were consumed;
   * - `"eof"`: the end of file came first; `data` is what was left, and was
   *   consumed. An empty `data` is an end between two messages;
   * - `"limit"`: more than `maxBytes` came first; `data` is the first `maxBytes`
   *   bytes (1, if that is 0), and was consumed. The next `until()` returns the
   *   next part of the same message, and `skipUntil()` skips the rest.
   *
   * @param end The end marker. Of several, the one that ends first counts, and
   * of two that end together the longer one.
   * @param options The limit on the bytes before the marker, and on the time.
   * @returns The message, or why there is none. Its `rest` is always empty.
   * @throws {TypeError | RangeError} If an argument is not valid.
   * @throws {DOMException} If the call has timed out; and the signal's reason.
   * @throws What the source threw.
   */
  until(
    end: Marker | readonly Marker[],
    options: ReadOptions = {},
  ): Promise<Received> {
    return this.#run(options, (maxBytes) => this.#searching(end, maxBytes));
  }

  /**
   * Drops all bytes up to an end marker, and the marker, as they arrive:
   * `maxBytes` has no effect. After an abort, the same call goes on.
   *
   * @param end The end marker, or several.
   * @param options The limit on the time.
   * @returns Whether the marker arrived; false at the end of file.
   * @throws As {@linkcode Reader.until} does.
   */
  skipUntil(
    end: Marker | readonly Marker[],
    options: ReadOptions = {},
  ): Promise<boolean> {
    return this.#run(options, () => {
      const framing = this.#markers.skip(end);
      return () => this.#source.until(framing, Infinity)?.gotEnd;
    });
  }

  /**
   * Reads exactly n bytes.
   *
   * @param byteCount The number of bytes, from 0. Memory is allocated for
   * received bytes only.
   * @param options The limit on the number, for a number that a peer has sent,
   * and on the time.
   * @returns The bytes. They are copied only if they lie in several chunks.
   * @throws {RangeError} If the number is above `maxBytes`, or not a whole
   * number from 0. Before the first read.
   * @throws {Deno.errors.UnexpectedEof} If the end of file comes first. The
   * bytes stay: `some()` and `toEnd()` return them.
   * @throws As {@linkcode Reader.until} does.
   */
  exactly(byteCount: number, options: ReadOptions = {}): Promise<Uint8Array> {
    return this.#run(options, (maxBytes) => {
      checkByteCount(byteCount, maxBytes);
      return () => this.#source.exactly(byteCount);
    });
  }

  /**
   * Reads what has arrived, at least 1 byte; waits only if there is none.
   *
   * @param options The maximum number of bytes, at least 1, and the limit on
   * the time.
   * @returns The bytes, not copied; null at the end of file.
   * @throws As {@linkcode Reader.until} does.
   */
  some(options: ReadOptions = {}): Promise<Uint8Array | null> {
    return this.#run(options, (maxBytes) => {
      checkByteCount(1, maxBytes);
      return () => this.#source.some(maxBytes);
    });
  }

  /**
   * Reads all bytes up to the end of file.
   *
   * @param options The limit on the bytes and on the time.
   * @returns The bytes; none at the end of file.
   * @throws {RangeError} If more than `maxBytes` are left. They stay.
   * @throws As {@linkcode Reader.until} does.
   */
  toEnd(options: ReadOptions = {}): Promise<Uint8Array> {
    return this.#run(options, (limit) => () => this.#source.toEnd(limit));
  }

  /**
   * Reads an unsigned integer, such as a length.
   *
   * @param byteCount Its size in bytes, from 1 to 8.
   * @param order The order of its bytes. `"big"` is network byte order.
   * @param options The limit on the time.
   * @returns The value.
   * @throws {RangeError} If the value is above 2^53 - 1, which numbers cannot
   * hold exactly. Its 8 bytes stay: read them with `exactly()` and a `DataView`.
   * @throws {Deno.errors.UnexpectedEof} If the end of file comes first. The
   * bytes stay.
   * @throws As {@linkcode Reader.until} does.
   */
  uint(
    byteCount: number,
    order: ByteOrder = "big",
    options: ReadOptions = {},
  ): Promise<number> {
    return this.#run(options, (maxBytes) => {
      checkUint(byteCount, order);
      checkByteCount(byteCount, maxBytes);
      return () => this.#source.uint(byteCount, order);
    });
  }

  /**
   * Reads a netstring, `5:a1234,`, as `recvCount()` does.
   *
   * The result has `reason`: `"end"`, the message was consumed; `"eof"`, the end
   * of file came first; `"bad count"`, the bytes are not a netstring, or its
   * count is above `maxBytes`. Without `"end"` nothing is consumed: the same call
   * returns the same result, and `some()` the bytes.
   *
   * @param options The limit on the count and on the time.
   * @returns The message, or why there is none. Its `rest` is always empty.
   * @throws As {@linkcode Reader.until} does.
   */
  netstring(options: ReadOptions = {}): Promise<ReceivedCount> {
    return this.#counted({ framing: "netstring" }, options);
  }

  /**
   * Reads a message with octet counting, `5 a1234`, the framing of syslog over
   * TCP and TLS (RFC 6587 3.4.1). The results are those of `netstring()`.
   *
   * @param options The limit on the count and on the time.
   * @returns The message, or why there is none.
   * @throws As {@linkcode Reader.until} does.
   */
  octetCounted(options: ReadOptions = {}): Promise<ReceivedCount> {
    return this.#counted({ framing: "octetCounted" }, options);
  }

  /**
   * Reads a message with an unsigned integer in front, which counts the bytes
   * after itself. Unlike `uint()` and then `exactly()`, it can be aborted and
   * called again. The results are those of `netstring()`.
   *
   * @param lengthBytes The size of the integer in bytes, from 1 to 8.
   * @param order The order of its bytes. `"big"` is network byte order.
   * @param options The limit on the length and on the time.
   * @returns The message, or why there is none.
   * @throws As {@linkcode Reader.until} does.
   */
  lengthPrefixed(
    lengthBytes: number,
    order: ByteOrder = "big",
    options: ReadOptions = {},
  ): Promise<ReceivedCount> {
    const framing = { framing: "lengthPrefixed", lengthBytes, order } as const;
    return this.#counted(framing, options);
  }

  /**
   * Reads one message after another, up to the end of file.
   *
   * Each is what `until()` returns. The loop ends after a message that is not
   * complete (`gotEnd` is false); an end of file between two messages yields
   * none. Leaving the loop, or an abort, loses nothing: go on with any method,
   * or with another loop.
   *
   * @param end The end marker of each message, or several.
   * @param options The limits for each message.
   * @returns The messages.
   * @throws As {@linkcode Reader.until} does.
   */
  messages(
    end: Marker | readonly Marker[],
    options?: ReadOptions,
  ): AsyncGenerator<Received>;
  /**
   * Reads one message after another with the length in front.
   *
   * @param framing How the length is written.
   * @param options The limits for each message.
   * @returns The messages: what `netstring()`, for one, returns.
   * @throws As {@linkcode Reader.until} does.
   */
  messages(
    framing: CountFraming,
    options?: ReadOptions,
  ): AsyncGenerator<ReceivedCount>;
  async *messages(
    framing: Marker | readonly Marker[] | CountFraming,
    options: ReadOptions = {},
  ): AsyncGenerator<unknown> {
    const maxBytes = checkReadOptions(options);
    const attempt = typeof framing === "object" && "framing" in framing
      ? this.#counting(framing, maxBytes)
      : this.#searching(framing, maxBytes);
    for (;;) {
      const result = this.#source.run<Decoded>(attempt, options);
      const received = result instanceof Promise ? await result : result;
      if (!received.isEmpty) yield received;
      if (!received.gotEnd) return;
    }
  }

  /**
   * Ends reading, and returns what was read and not consumed: the `initial` of
   * whatever reads the source from now on. Unlocks a stream.
   *
   * @returns The bytes.
   * @throws {Deno.errors.Busy} If a call is pending, or the read of one that was
   * aborted: its bytes are still to come. `some()` waits for them.
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

  #searching(end: Marker | readonly Marker[], maxBytes: number) {
    const framing = this.#markers.framing(end);
    return () => this.#source.until(framing, maxBytes);
  }

  #counting(named: CountFraming, maxBytes: number) {
    const framing = toCountFraming(named);
    return () => this.#source.decode(framing, maxBytes);
  }

  #counted(named: CountFraming, options: ReadOptions): Promise<ReceivedCount> {
    return this.#run(options, (maxBytes) => this.#counting(named, maxBytes));
  }

  /** Checks the options, and the arguments as it prepares the attempt. */
  #run<T>(
    options: ReadOptions,
    prepare: (maxBytes: number) => Attempt<T>,
  ): Promise<T> {
    try {
      this.#source.checkIdle();
      const attempt = prepare(checkReadOptions(options));
      return Promise.resolve(this.#source.run(attempt, options));
    } catch (error) {
      return Promise.reject(error);
    }
  }
}
