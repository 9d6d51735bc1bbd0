/**
 * One request of a connection, from the call to its reply.
 *
 * @module
 */
import { concat } from "@std/bytes";
import type { Clock } from "../framing/clock.ts";
import { COALESCE_BYTES } from "../framing/encode.ts";
import type { Framing } from "../framing/framing.ts";
import {
  encodeMessage,
  type Outgoing,
  type OutgoingData,
} from "../framing/outgoing.ts";
import { ConversationError } from "./reply.ts";
import type { RequestOptions } from "./requests.ts";
import { startTimeout } from "./time_limit.ts";

/** A request that was made. `abort()` decides what becomes of its message. */
export class PendingRequest {
  readonly message: Outgoing;
  /** Whether the message was sent completely. */
  isSent = false;
  /** Whether an earlier request has taken the message into its own write. */
  isTaken = false;
  /** The request that was made next, if there is one. */
  next: PendingRequest | undefined;
  readonly #isStream: boolean;
  #hasBegun = false;
  #isAborted = false;
  #isCancelled = false;
  #begun: PromiseWithResolvers<void> | undefined;
  #interruption: PromiseWithResolvers<never> | undefined;

  /** @throws {TypeError} If the data cannot be sent. */
  constructor(data: OutgoingData, framing: Framing) {
    this.message = encodeMessage(data, framing);
    this.#isStream = data instanceof ReadableStream;
  }

  /** Whether a byte of the message was sent, or will be. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Resolves when it has begun, or when it has turned out that it never will. */
  get begun(): Promise<void> {
    this.#begun ??= Promise.withResolvers();
    if (this.#hasBegun || this.#isAborted) this.#begun.resolve();
    return this.#begun.promise;
  }

  /** Whether no byte of the message was sent, and none will be. */
  get isSkipped(): boolean {
    return this.#isAborted && !this.#hasBegun;
  }

  /** Whether the message was broken off after its first bytes. */
  get isIncomplete(): boolean {
    return this.#isAborted && this.#isBrokenOff;
  }

  /** Whether the reply came after the first bytes and before the last ones. */
  get isReplied(): boolean {
    return this.#isCancelled && !this.#isAborted && this.#isBrokenOff;
  }

  get #isBrokenOff(): boolean {
    return this.#hasBegun && !this.isSent && !this.message.isComplete;
  }

  /** No further byte is wanted: the reply is here, or nobody waits for it. */
  cancel(): void {
    this.#isCancelled = true;
    this.message.cancel();
  }

  /** The turn of the request has come: a message whose bytes are all known is sent. */
  due(): void {
    if (!this.#isStream) this.begin();
  }

  /** The first byte is about to be written, or none ever will be. */
  begin(): void {
    if (this.#hasBegun || this.#isAborted) return;
    this.#hasBegun = true;
    this.#begun?.resolve();
  }

  /**
   * Adds the messages of the requests that follow to the chunk of this one, as
   * far as they are one small chunk each: together they are one write, and a
   * system call is most of what a small request costs. The requests have begun
   * then, and are `isTaken`.
   *
   * @param chunk A chunk of this message. If it is not all of it, or not small,
   * nothing is added.
   */
  withFollowing(chunk: Uint8Array): Uint8Array {
    if (chunk !== this.message.onlyChunk) return chunk;
    const chunks = [chunk];
    let byteLength = chunk.length;
    for (let next = this.next; next !== undefined; next = next.next) {
      if (next.isSkipped) continue;
      const { onlyChunk } = next.message;
      if (onlyChunk === undefined) break;
      byteLength += onlyChunk.length;
      if (byteLength > COALESCE_BYTES) break;
      next.begin();
      next.isTaken = true;
      chunks.push(onlyChunk);
    }
    return chunks.length === 1 ? chunk : concat(chunks);
  }

  /**
   * Nobody waits for the reply any more. Rejects what `wait()` has returned; its
   * caller cancels the message.
   */
  abort(reason: unknown): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    this.#begun?.resolve();
    this.#interruption?.reject(reason);
  }

  /**
   * Waits for the reply, or until the request is aborted.
   *
   * @throws What `replying` rejects with; the reason of the abort.
   */
  async wait<Result>(
    replying: Promise<Result>,
    { timeout = 0, signal }: RequestOptions,
    clock: Clock,
  ): Promise<Result> {
    this.#interruption = Promise.withResolvers<never>();
    const onAbort = () => this.abort(signal!.reason);
    signal?.addEventListener("abort", onAbort);
    const timer = startTimeout(clock, timeout, () => {
      const message = `Timed out after ${timeout} ms`;
      this.abort(new ConversationError("timed out", message));
    });
    try {
      return await Promise.race([replying, this.#interruption.promise]);
    } finally {
      signal?.removeEventListener("abort", onAbort);
      clock.clearTimeout(timer);
    }
  }
}
