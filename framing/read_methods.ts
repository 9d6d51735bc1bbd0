/**
 * The methods of whatever reads messages, numbers and bytes.
 *
 * @module
 */
import { DEFAULT_MAX_BYTES } from "./defaults.ts";
import type { Attempt, BufferedSource } from "./buffered_source.ts";
import { type CountFraming, toCountFraming } from "./count_framing.ts";
import { type ByteOrder, checkUint } from "./length_prefix.ts";
import type { Marker } from "./marker.ts";
import { MarkerCache } from "./marker_cache.ts";
import {
  checkByteCount,
  checkReadOptions,
  type ReadOptions,
} from "./read_options.ts";
import type { Decoded, Received, ReceivedCount } from "./received.ts";

/**
 * The methods of a {@linkcode Reader}, without the end of reading. A
 * conversation has them, too, and a function that reads one reply of a client.
 */
export class ReadMethods {
  readonly #source: BufferedSource;
  readonly #maxBytes: number;
  readonly #markers = new MarkerCache();
  readonly #mayBeLeft: boolean;

  /**
   * Reads nothing yet: the first call does.
   *
   * @param source Where the bytes come from.
   * @param maxBytes The default of `maxBytes` of each call.
   * @param mayBeLeft Whether a call that nobody waits for may reject, without
   * ending the process.
   */
  constructor(
    source: BufferedSource,
    maxBytes: number = DEFAULT_MAX_BYTES,
    mayBeLeft = false,
  ) {
    this.#source = source;
    this.#maxBytes = maxBytes;
    this.#mayBeLeft = mayBeLeft;
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
   * @throws As `until()` does.
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
   * @throws As `until()` does.
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
   * @throws As `until()` does.
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
   * @throws As `until()` does.
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
   * @throws As `until()` does.
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
   * @throws As `until()` does.
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
   * @throws As `until()` does.
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
   * @throws As `until()` does.
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
   * @throws As `until()` does.
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
   * @throws As `until()` does.
   */
  messages(
    framing: CountFraming,
    options?: ReadOptions,
  ): AsyncGenerator<ReceivedCount>;
  messages(
    framing: Marker | readonly Marker[] | CountFraming,
    options: ReadOptions = {},
  ): AsyncGenerator<unknown> {
    const messages = this.#messages(framing, options);
    if (!this.#mayBeLeft) return messages;
    const next = messages.next.bind(messages);
    messages.next = (...args) => {
      const call = next(...args);
      call.catch(() => {});
      return call;
    };
    return messages;
  }

  async *#messages(
    framing: Marker | readonly Marker[] | CountFraming,
    options: ReadOptions,
  ): AsyncGenerator<unknown> {
    const maxBytes = checkReadOptions(options, this.#maxBytes);
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
    let call: Promise<T>;
    try {
      this.#source.checkIdle();
      const attempt = prepare(checkReadOptions(options, this.#maxBytes));
      const result = this.#source.run(attempt, options);
      if (!(result instanceof Promise)) return Promise.resolve(result);
      call = result;
    } catch (error) {
      call = Promise.reject(error);
    }
    if (this.#mayBeLeft) call.catch(() => {});
    return call;
  }
}
