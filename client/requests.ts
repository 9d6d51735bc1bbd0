/**
 * The client that `connect()` returns, and the options of its requests.
 *
 * @module
 */
import type { OutgoingData } from "../framing/outgoing.ts";
import type { ReadMethods } from "../framing/read_methods.ts";
import type { Reply } from "./reply.ts";

/**
 * Reads one reply, or the greeting, and returns what the caller is to get.
 *
 * The function is called when the first byte has arrived. It must read the
 * complete reply and no more, await each call of the reader, and look at `gotEnd`: an end of
 * file in the middle of a reply does not throw in `until()`. What it throws ends
 * the connection, because nobody knows where the next reply starts. The limits
 * are those of each call, such as its `maxBytes`.
 */
export type ReplyReader<Result> = (
  reader: ReadMethods,
) => Result | PromiseLike<Result>;

/**
 * Options of one request.
 *
 * A request that is aborted or has timed out rejects at once, and later requests
 * still get their own replies:
 *
 * - If no byte of it was sent, it is not sent.
 * - Otherwise the rest of its data is sent, and its reply is read and dropped
 *   when it comes. Later replies, and with `oneAtATime` later requests, wait for
 *   that. For a server that may never reply, close the client.
 * - A stream that was sent in part is cancelled. Nothing can follow an incomplete
 *   message: the connection ends after the replies to the requests before.
 */
export interface RequestOptions {
  /**
   * The longest time for the request, from the call to the complete reply, in
   * ms; 0 is no limit. When it has passed, the request rejects with a
   * `ConversationError`, `"timed out"`. By default the `timeout` of `connect()`.
   */
  timeout?: number;
  /** Aborts the request: it rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** Options of one request whose reply has a form of its own. */
export interface ReadingRequestOptions<Result> extends RequestOptions {
  /** Reads this reply, instead of what `connect()` was given. */
  readReply: ReplyReader<Result>;
}

/**
 * A connection for any number of requests.
 *
 * @typeParam Result What `request()` resolves to.
 * @typeParam Greeting What the server's greeting is.
 */
export interface Client<Result = Reply, Greeting = Result>
  extends AsyncDisposable {
  /** What the server said first; undefined without the option `greeting`. */
  readonly greeting: Greeting | undefined;
  /**
   * Sends a message, and resolves to its reply. Further requests may be made at
   * once: they are sent ahead (unless `oneAtATime` is set), and the replies come
   * in the same order.
   *
   * @throws {ConversationError} If there is no complete reply. After that, unless
   * this request has timed out, every further `request()` fails.
   * @throws The reason of `signal`, if it aborts; what `readReply` throws.
   */
  request(data: OutgoingData, options?: RequestOptions): Promise<Result>;
  /** Sends a message whose reply has a form of its own. */
  request<Own>(
    data: OutgoingData,
    options: ReadingRequestOptions<Own>,
  ): Promise<Own>;
  /**
   * Sends a message, and returns its reply as it arrives, for a long reply or
   * one that is made while it is read. Bytes are read when they are asked for,
   * and memory is bounded: `maxReplyBytes` has no effect.
   *
   * The stream ends with the reply, without its marker, and fails where
   * `request()` would reject. An error reply is not told from others: its bytes
   * are `ERROR:code!`. Later requests wait for the end of the reply. Cancelling
   * the stream, or leaving a `for await` loop, is an abort of the request: the
   * rest of the reply is read and dropped.
   *
   * @throws {TypeError} If the connection has the option `readReply`.
   */
  requestStream(
    data: OutgoingData,
    options?: RequestOptions,
  ): ReadableStream<Uint8Array>;
  /**
   * Half-closes when all requests are answered, and closes. It waits for the end
   * of each `requestStream()`, so cancel one that is not read to its end. Replies
   * to aborted requests are not waited for. May be called again.
   */
  close(): Promise<void>;
}
