/**
 * What a client receives: a reply, an error reply, or a failure.
 *
 * @module
 */
import type { Decoded } from "../framing/received.ts";

/** A complete reply. */
export interface Reply {
  /** The bytes of the reply. */
  readonly data: Uint8Array;
  /** The reply as text. Bytes that are not UTF-8 become U+FFFD. */
  text(): string;
  /**
   * The code, if the reply is an error reply: `no end` for `ERROR:no end!`;
   * else null. A reply of exactly that form counts as an error reply.
   */
  readonly error: string | null;
  /**
   * The position of the marker that ended the reply in the list `replyEnd`; -1 if
   * none did, as with byte counts and at the end of file.
   */
  readonly markerIndex: number;
}

/**
 * A conversation that failed. `reason` is the cause:
 *
 * - `"refused"`: no connection was established.
 * - `"truncated"`: the connection broke before the end of the reply.
 * - `"no reply"`: the server closed without sending a byte. Often a proxy took
 *   the half-close for a close: see `halfClose`.
 * - `"timed out"`: the conversation or the request took longer than `timeout`.
 * - `"too large"`: the reply has more than `maxReplyBytes` bytes.
 * - `"bad count"`: the reply is not a netstring.
 * - `"unsolicited"`: bytes arrived that no request asked for. Bytes that arrive
 *   while the caller's code blocks the event loop, just before a request, cannot
 *   be told from its reply.
 */
export class ConversationError extends Error {
  /** The name of the class. */
  override name = "ConversationError";

  /** How the conversation failed. */
  readonly reason:
    | "refused"
    | "truncated"
    | "no reply"
    | "timed out"
    | "too large"
    | "bad count"
    | "unsolicited";
  /** The bytes of the reply that were received. */
  readonly received: Uint8Array;

  /** The message is for people; `cause` is the underlying error. */
  constructor(
    reason: ConversationError["reason"],
    message: string,
    received: Uint8Array = new Uint8Array(0),
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.reason = reason;
    this.received = received;
  }
}

/** An error reply. */
const ERROR_REPLY = /^ERROR:([^!\r\n]{1,200})!$/;

/** The last byte of each error reply. */
const EXCLAMATION_MARK = "!".charCodeAt(0);

/** An error reply has at most this many bytes. */
const MAX_ERROR_REPLY_BYTES = 1000;

/** Makes a reply of its bytes. */
export function toReply(data: Uint8Array, markerIndex = -1): Reply {
  const text = () => new TextDecoder().decode(data);
  // The last byte tells most replies from an error: no decoder, and no search.
  const mayBeError = data.length <= MAX_ERROR_REPLY_BYTES &&
    data[data.length - 1] === EXCLAMATION_MARK;
  const error = mayBeError ? ERROR_REPLY.exec(text())?.[1] ?? null : null;
  return { data, text, error, markerIndex };
}

/** The error for what was decoded, if it is not a complete reply. */
export function incompleteReply(
  decoded: Decoded,
  maxReplyBytes: number,
): ConversationError {
  const { reason, byteLength, data, isEmpty } = decoded;
  if (reason === "limit") {
    const message = `The reply has more than ${maxReplyBytes} bytes`;
    return new ConversationError("too large", message, data);
  }
  if (reason === "bad count") {
    const message = "The reply has no valid byte count in front";
    return new ConversationError("bad count", message, data);
  }
  if (isEmpty) {
    const message = "No reply: the connection ended before any byte of a reply";
    return new ConversationError("no reply", message);
  }
  return truncated(data, byteLength, "the connection ended before it did");
}

/** The error for a reply that was truncated. */
export function truncated(
  data: Uint8Array,
  byteLength: number,
  why: string,
  cause?: unknown,
): ConversationError {
  const message = `The reply was truncated after ${byteLength} bytes: ${why}`;
  return new ConversationError("truncated", message, data, { cause });
}

/** The message of an error. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
