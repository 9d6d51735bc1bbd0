/**
 * A source whose bytes stay until they are consumed, and whose pending read
 * survives the call that waits for it.
 *
 * @module
 */
import { concat } from "@std/bytes";
import { ByteQueue } from "./byte_queue.ts";
import type { ChunkReader } from "./chunk_reader.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { Decoder, Framing } from "./framing.ts";
import { Interrupter } from "./interrupter.ts";
import { LentBytes } from "./lent_bytes.ts";
import { type ByteOrder, uintOf } from "./length_prefix.ts";
import { byteLimitError, type ReadOptions } from "./read_options.ts";
import { Decoded, type StopReason } from "./received.ts";

const EMPTY = new Uint8Array(0);

/** Takes a result from the bytes that have arrived; undefined if it needs more. */
export type Attempt<T> = () => T | undefined;

/**
 * Reads ahead from chunks, and decodes messages from what was read.
 *
 * An attempt (`decode()`, `exactly()`, `some()`, `toEnd()`) takes what it needs
 * from the bytes that have arrived, or takes nothing and returns undefined;
 * `run()` repeats it after each chunk. A read that has begun adds its chunk to
 * the bytes, whether a call waits for it or not: so a call that is interrupted
 * loses nothing.
 */
export class BufferedSource {
  readonly #chunks: ChunkReader;
  readonly #clock: Clock;
  readonly #unread = new ByteQueue();
  #framing: Framing | undefined;
  #maxBytes = 0;
  #decoder: Decoder | undefined;
  /** The bytes of chunks whose memory was not taken back, if that is reused. */
  #heldBytes = 0;
  /** What the decoder has been given. Comes before the unread bytes. */
  readonly #lent = new LentBytes();
  /** The read that has begun: settled, never rejected, once its chunk is here. */
  #read: Promise<void> | undefined;
  #isEnded = false;
  /** Why no further byte will come, if it is not the end of file. */
  #failure: { readonly error: unknown } | undefined;
  /** A call is waiting. */
  #isBusy = false;
  /** Of the call that waits with a time limit or a signal. */
  #interrupter: Interrupter | undefined;

  /** @param initial Bytes that precede those of the chunks. */
  constructor(
    chunks: ChunkReader,
    initial: Uint8Array = EMPTY,
    clock = systemClock,
  ) {
    this.#chunks = chunks;
    this.#clock = clock;
    if (initial.length > 0) this.#unread.push(initial);
  }

  /** @throws {Deno.errors.Busy} If another call is waiting. */
  checkIdle(): void {
    if (!this.#isBusy) return;
    throw new Deno.errors.Busy(
      "Cannot read: another call of this reader is pending",
    );
  }

  /**
   * Repeats an attempt until it returns a result, each time after a chunk or
   * the end of file. At the end of file it must return or throw.
   *
   * @returns The result, if the first attempt has one; else a promise. Most
   * attempts need not wait, and a promise is most of what they would cost.
   * @throws What the attempt or the source threw, and the reason of `signal`.
   */
  run<T>(attempt: Attempt<T>, options: ReadOptions): T | Promise<T> {
    this.checkIdle();
    options.signal?.throwIfAborted();
    const result = this.#try(attempt);
    return result !== undefined ? result : this.#wait(attempt, options);
  }

  /** The bytes that have arrived and were not consumed. */
  get unreadBytes(): number {
    return this.#unread.byteLength + this.#lent.byteLength;
  }

  /**
   * Decodes one message. A complete message is consumed with its framing; if
   * there is none, for whatever reason, all its bytes stay.
   *
   * Interrupted, and called again with the same framing and the same limit, it
   * goes on where it was. Otherwise the bytes are decoded again from the first.
   */
  decode<Reason extends StopReason>(
    framing: Framing<Reason>,
    maxBytes: number,
  ): Decoded<Reason> | undefined {
    const decoder = this.#decoderOf(framing, maxBytes);
    // After as many bytes every decoder has a result: what is found does not
    // depend on the chunks, and a small limit does not search large chunks.
    const decisiveBytes = maxBytes + framing.overheadBytes + 1;
    for (let chunk; (chunk = this.#unread.first) !== undefined;) {
      const missing = decisiveBytes - this.#lent.byteLength;
      const part = chunk.length > missing ? chunk.subarray(0, missing) : chunk;
      const received = decoder.push(part);
      if (received === undefined) {
        this.#unread.drop(part.length);
        this.#lent.add(part, decoder);
        continue;
      }
      if (received.gotEnd) {
        if (part === chunk) this.#unread.shortenFirst(received.rest);
        else this.#unread.drop(part.length - received.rest.length);
      }
      return this.#settle(received);
    }
    if (!this.#isEnded) return undefined;
    this.#decoder = undefined;
    return this.#settle(decoder.end());
  }

  /**
   * Decodes one message, and consumes its bytes even if it is not complete: at
   * the limit, the first `maxBytes`; at the end of file, all.
   */
  until<Reason extends StopReason>(
    framing: Framing<Reason>,
    maxBytes: number,
  ): Decoded<Reason> | undefined {
    const received = this.decode(framing, maxBytes);
    if (received?.reason === "eof") this.takeAll();
    if (received?.reason !== "limit") return received;
    // All that was read would depend on the chunks, and 0 be no progress.
    const byteLength = Math.max(1, maxBytes);
    const chunks = [this.#keep(this.take(byteLength))];
    return new Decoded(received.reason, chunks, byteLength);
  }

  /** @throws {Deno.errors.UnexpectedEof} If fewer bytes are left. */
  exactly(byteCount: number): Uint8Array | undefined {
    const { byteLength } = this.#restored();
    if (byteLength >= byteCount) {
      return this.#keep(this.#unread.take(byteCount));
    }
    if (!this.#isEnded) return undefined;
    throw new Deno.errors.UnexpectedEof(
      `Cannot read exactly ${byteCount} bytes: ` +
        `the end of file came after ${byteLength}`,
    );
  }

  /** @throws {RangeError} If the value is not exact as a number. */
  uint(byteCount: number, order: ByteOrder): number | undefined {
    const bytes = this.exactly(byteCount);
    if (bytes === undefined) return undefined;
    const value = uintOf(bytes, order);
    if (value <= Number.MAX_SAFE_INTEGER) return value;
    this.#unread.prepend([bytes]);
    throw new RangeError("Cannot read an integer above 2^53 - 1 as a number");
  }

  /** The next bytes, at least 1; null at the end of file. */
  some(maxBytes: number): Uint8Array | null | undefined {
    const { first } = this.#restored();
    if (first === undefined) return this.#isEnded ? null : undefined;
    return this.#keep(this.#unread.take(Math.min(first.length, maxBytes)));
  }

  /** @throws {RangeError} If more than `maxBytes` are left. */
  toEnd(maxBytes: number): Uint8Array | undefined {
    const { byteLength } = this.#restored();
    if (byteLength > maxBytes) {
      throw byteLimitError(
        `Cannot read to the end of file: more than ${maxBytes} bytes are left`,
      );
    }
    return this.#isEnded ? this.#keep(this.takeAll()) : undefined;
  }

  /** Consumes bytes, of which as many must have arrived. */
  take(byteCount: number): Uint8Array[] {
    return this.#restored().take(byteCount);
  }

  /** Consumes all bytes that have arrived. */
  takeAll(): Uint8Array[] {
    return this.take(this.#restored().byteLength);
  }

  /**
   * Ends reading, and unlocks a stream.
   *
   * @throws {Deno.errors.Busy} If a read is pending whose bytes would be lost.
   */
  release(): Uint8Array {
    this.checkIdle();
    if (this.#read !== undefined && !this.#chunks.canAbandonRead) {
      throw new Deno.errors.Busy(
        "Cannot release the source: a read of an aborted call is pending",
      );
    }
    const rest = this.#keep(this.takeAll());
    this.dispose();
    return rest;
  }

  /** Ends reading, unlocks a stream, and drops all bytes that have arrived. */
  dispose(): void {
    this.takeAll();
    this.#isEnded = false;
    const error = new TypeError("Cannot read: the reader was released");
    this.#failure = { error };
    this.#interrupter?.interrupt(error);
    this.#chunks[Symbol.dispose]();
  }

  /** Starts a read, if none is pending. Resolves after it, see `peek()`. */
  readAhead(): Promise<void> {
    if (this.#isEnded || this.#failure !== undefined) return Promise.resolve();
    return this.#read ??= this.#chunks.next()
      .then(this.#onChunk, this.#onFailure);
  }

  /**
   * The first bytes that have arrived, not consumed; null at the end of file,
   * undefined if a read has to come first. Throws what the source threw.
   */
  peek(): Uint8Array | null | undefined {
    const { first } = this.#restored();
    if (first !== undefined) return first;
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.#isEnded ? null : undefined;
  }

  /** Makes an attempt, and has the memory reused of what it consumed. */
  #try<T>(attempt: Attempt<T>): T | undefined {
    const result = attempt();
    if (this.#chunks.takeBack !== undefined) {
      const consumedBytes = this.#heldBytes - this.unreadBytes;
      this.#heldBytes -= consumedBytes;
      if (consumedBytes > 0) this.#chunks.takeBack(consumedBytes);
    }
    return result;
  }

  /** Bytes that a caller may keep, in one chunk: a copy only if it has to be. */
  #keep(chunks: readonly Uint8Array[]): Uint8Array {
    return chunks.length === 1 && this.#chunks.takeBack === undefined
      ? chunks[0]!
      : concat(chunks);
  }

  async #wait<T>(
    attempt: Attempt<T>,
    options: ReadOptions,
  ): Promise<T> {
    this.#isBusy = true;
    this.#chunks.onWait?.(true);
    if (options.signal !== undefined || options.timeout) {
      this.#interrupter = new Interrupter(options, this.#clock);
    }
    try {
      for (;;) {
        if (this.#failure !== undefined) throw this.#failure.error;
        if (this.#interrupter !== undefined || this.#read !== undefined) {
          const read = this.readAhead();
          await (this.#interrupter?.wait() ?? read);
        } else {
          // The call cannot leave this read behind: a promise less.
          try {
            this.#onChunk(await this.#chunks.next());
          } catch (error) {
            this.#onFailure(error);
          }
        }
        const result = this.#try(attempt);
        if (result !== undefined) return result;
      }
    } finally {
      this.#isBusy = false;
      this.#chunks.onWait?.(false);
      this.#interrupter?.stop();
      this.#interrupter = undefined;
    }
  }

  // Called once for each read, whoever waits by then.
  readonly #onChunk = (chunk: Uint8Array | null): void => {
    this.#read = undefined;
    if (chunk === null) this.#isEnded = true;
    else if (this.#failure === undefined) {
      this.#unread.push(chunk);
      this.#heldBytes += chunk.length;
    }
    this.#interrupter?.wake();
  };

  readonly #onFailure = (error: unknown): void => {
    this.#read = undefined;
    this.#failure ??= { error };
    this.#interrupter?.wake();
  };

  #decoderOf<Reason extends StopReason>(
    framing: Framing<Reason>,
    maxBytes: number,
  ): Decoder<Reason> {
    if (
      this.#decoder === undefined || framing !== this.#framing ||
      maxBytes !== this.#maxBytes
    ) {
      this.#restored();
      this.#framing = framing;
      this.#maxBytes = maxBytes;
      this.#decoder = framing.decoder(maxBytes);
    }
    return this.#decoder as Decoder<Reason>;
  }

  /** Forgets the bytes of a complete message; restores those of another. */
  #settle<Reason extends StopReason>(
    received: Decoded<Reason>,
  ): Decoded<Reason> {
    if (!received.gotEnd) {
      this.#restored();
      this.#decoder = undefined;
    } else {
      // The bytes that follow are kept here.
      received.setRest(EMPTY, 0);
      if (this.#lent.byteLength > 0) this.#lent.takeAll();
    }
    return this.#chunks.takeBack === undefined ? received : received.copy();
  }

  /** All bytes that were not consumed, after ending what a decoder has begun. */
  #restored(): ByteQueue {
    // A decoder that has been given nothing can decode the next message.
    if (this.#lent.byteLength > 0) {
      this.#decoder = undefined;
      this.#unread.prepend(this.#lent.takeAll());
    }
    return this.#unread;
  }
}
