/**
 * Replies on one connection: complete, in parts, or read by a function.
 *
 * @module
 */
import { BufferedSource } from "../framing/buffered_source.ts";
import type { Clock } from "../framing/clock.ts";
import type { Decoder, Framing } from "../framing/framing.ts";
import { ReadMethods } from "../framing/read_methods.ts";
import type { Decoded } from "../framing/received.ts";
import {
  incompleteReply,
  reasonOf,
  type Reply,
  toReply,
  truncated,
} from "./reply.ts";
import type { ReplyReader } from "./requests.ts";
import type { ClientTransport } from "./transport.ts";

const NO_LIMITS = {};

/** Reads replies, one at a time, and keeps the bytes that follow. */
export class ReplySource {
  readonly #transport: ClientTransport;
  readonly #source: BufferedSource;
  readonly #framing: Framing;
  readonly #maxReplyBytes: number;
  #reader: ReadMethods | undefined;
  readonly #attempt = () =>
    this.#source.decode(this.#framing, this.#maxReplyBytes);

  constructor(
    transport: ClientTransport,
    framing: Framing,
    maxReplyBytes: number,
    clock: Clock,
  ) {
    this.#transport = transport;
    this.#framing = framing;
    this.#maxReplyBytes = maxReplyBytes;
    this.#source = new BufferedSource(transport, undefined, clock);
  }

  /** Starts to read, if no read is pending. Resolves when it has ended. */
  readAhead(): Promise<void> {
    return this.#source.readAhead();
  }

  /**
   * What has arrived of the next reply; null at the end of file, undefined if
   * nothing has.
   *
   * @throws What the connection threw.
   */
  peek(): Uint8Array | null | undefined {
    return this.#source.peek();
  }

  /**
   * Reads one reply.
   *
   * @throws {ConversationError} If it is not complete.
   */
  async read(): Promise<Reply> {
    let decoded: Decoded;
    try {
      const result = this.#source.run(this.#attempt, NO_LIMITS);
      decoded = result instanceof Promise ? await result : result;
    } catch (error) {
      throw this.#truncated(error);
    }
    if (!decoded.gotEnd) throw incompleteReply(decoded, this.#maxReplyBytes);
    this.#next();
    return toReply(this.#transport.join(decoded), decoded.markerIndex);
  }

  /**
   * Lets a function read one reply.
   *
   * @throws {ConversationError} `no reply`, if the connection ended before. What
   * the function throws.
   */
  async readWith<Result>(readReply: ReplyReader<Result>): Promise<Result> {
    await this.#first(this.#framing.decoder(0));
    this.#reader ??= new ReadMethods(this.#source);
    const result = await readReply(this.#reader);
    // Of a call that was not awaited, nobody knows what it will consume.
    this.#source.checkIdle();
    this.#next();
    return result;
  }

  /**
   * Starts a reply that is read in parts, as they arrive.
   *
   * @returns Reads the next part; null after the last. It throws a
   * `ConversationError`, if the reply is not complete.
   */
  parts(): () => Promise<Uint8Array | null> {
    const decoder = this.#framing.decoder(Infinity);
    let parts: Iterator<Uint8Array> = [][Symbol.iterator]();
    let isComplete = false;
    return async () => {
      for (;;) {
        const { done, value } = parts.next();
        if (!done) return value;
        if (isComplete) return null;
        const chunk = await this.#first(decoder);
        const decoded = decoder.push(chunk);
        const restBytes = decoded?.rest.length ?? 0;
        this.#source.take(chunk.length - restBytes);
        if (decoded?.gotEnd === false) throw incompleteReply(decoded, Infinity);
        isComplete = decoded !== undefined;
        const taken = decoded?.chunks ?? decoder.takePart?.() ?? [];
        parts = taken[Symbol.iterator]();
        if (isComplete) this.#next();
      }
    };
  }

  /** Waits for the next bytes of a reply. The decoder has those before them. */
  async #first(decoder: Decoder): Promise<Uint8Array> {
    let chunk;
    try {
      chunk = await this.#source.run(() => this.#source.peek(), NO_LIMITS);
    } catch (error) {
      const { data, byteLength } = decoder.end();
      throw truncated(data, byteLength, reasonOf(error), error);
    }
    if (chunk === null) throw incompleteReply(decoder.end(), Infinity);
    return chunk;
  }

  /** The error for a reply whose connection has failed. */
  #truncated(error: unknown) {
    const decoder = this.#framing.decoder(this.#maxReplyBytes);
    for (const chunk of this.#source.takeAll()) decoder.push(chunk);
    const { data, byteLength } = decoder.end();
    return truncated(data, byteLength, reasonOf(error), error);
  }

  #next(): void {
    this.#transport.nextReply(this.#source.unreadBytes > 0);
  }
}
