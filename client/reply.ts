/**
 * What a client hears: a reply, a last word, or how the conversation failed.
 *
 * @module
 */
import { concat } from "@std/bytes";
import type { Pieces } from "../framing/chunk_reader.ts";
import { receiveCount } from "../framing/netstring.ts";
import { receive } from "../recv_end.ts";
import { EndMarkers } from "../framing/marker_set.ts";

/** A step of a conversation, from the client's side. */
export type SendEvent =
  /** The connection stands. */
  | { type: "connected" }
  /** So many bytes more are on their way. */
  | { type: "wrote"; byteLength: number }
  /** The whole message is: so many bytes, and its marker. */
  | { type: "sent"; byteLength: number }
  /** We are done sending. */
  | { type: "half-close" }
  /** So many bytes more of the reply are here. */
  | { type: "read"; byteLength: number }
  /** The server is done sending. */
  | { type: "end of file" }
  /** The connection is closed. */
  | { type: "closed" };

/** What the server answered, whole. */
export interface Reply {
  /** The bytes of the reply. */
  readonly data: Uint8Array;
  /** The reply as text. What is no UTF-8 becomes U+FFFD. */
  text(): string;
  /**
   * The server's last word, where it said one instead of a reply: `no end`
   * for `ERROR:no end!`. A reply of this very form is taken for one.
   */
  readonly lastWord: string | null;
}

/**
 * A conversation that failed. `reason` tells how:
 *
 * - `"refused"`: there was no connection.
 * - `"cut"`: the connection broke before the end of the reply.
 * - `"no last word"`: the server was done before any byte of a reply. Often
 *   something between the two took our half-close for a close: see
 *   `halfClose`.
 * - `"timed out"`: it took longer than `timeout`.
 * - `"too large"`: the reply has more than `maxReplyBytes`.
 * - `"bad count"`: the reply is no netstring.
 */
export class ConversationError extends Error {
  /** The name of the class. */
  override name = "ConversationError";

  /** How it failed. */
  readonly reason:
    | "refused"
    | "cut"
    | "no last word"
    | "timed out"
    | "too large"
    | "bad count";
  /** What had come of the reply. */
  readonly received: Uint8Array;

  /** The message is for people; `cause` is the error below. */
  constructor(
    reason: ConversationError["reason"],
    message: string,
    received: Uint8Array,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.reason = reason;
    this.received = received;
  }
}

/** What was read of a reply. */
export interface ReadReply {
  /** Whether it is whole; else what is wrong with it. */
  reason: "whole" | "cut" | "no last word" | "too large" | "bad count";
  /** The reply, without what frames it. */
  data: Uint8Array;
  /** What was read past it already. */
  rest: Uint8Array;
}

/** How a reply says where it ends. */
export type ReplyReader = (
  pieces: Pieces,
  maxBytes: number,
  initial: Uint8Array,
) => Promise<ReadReply>;

const NOTHING = new Uint8Array(0);

/** A reply that ends with the file. Whether it is whole, nobody can tell. */
export const replyToEndOfFile: ReplyReader = async (pieces, maxBytes) => {
  const chunks: Uint8Array[] = [];
  let byteLength = 0;
  for (;;) {
    const piece = await pieces.next();
    if (piece === null) break;
    chunks.push(piece);
    byteLength += piece.length;
    if (byteLength > maxBytes) {
      return { reason: "too large", data: NOTHING, rest: NOTHING };
    }
  }
  const reason = byteLength > 0 ? "whole" : "no last word";
  return { reason, data: concat(chunks), rest: NOTHING };
};

/** A reply that ends with a marker. */
export function replyToMarker(marker: Uint8Array): ReplyReader {
  const ends = new EndMarkers([marker]);
  return async (pieces, maxBytes, initial) => {
    const received = await receive(pieces, ends, maxBytes, initial);
    const { data, rest, byteLength } = received;
    if (received.gotEnd) return { reason: "whole", data, rest };
    if (received.reason === "limit") return { reason: "too large", data, rest };
    return { reason: byteLength > 0 ? "cut" : "no last word", data, rest };
  };
}

/** A reply that is a netstring. */
export const replyByCount: ReplyReader = async (pieces, maxBytes, initial) => {
  const received = await receiveCount(pieces, maxBytes, initial);
  const { data, rest, gotEnd, isEmpty } = received;
  if (gotEnd) return { reason: "whole", data, rest };
  if (received.reason === "bad count") {
    return { reason: "bad count", data, rest };
  }
  return { reason: isEmpty ? "no last word" : "cut", data, rest };
};

/** What to say of a reply that is not whole, for people. */
export function describe(
  reason: Exclude<ReadReply["reason"], "whole">,
  byteLength: number,
  maxBytes: number,
): string {
  switch (reason) {
    case "cut":
      return `The reply was cut after ${byteLength} bytes: ` +
        "the connection ended before it did";
    case "no last word":
      return "No last word: the connection ended before any byte of a reply";
    case "too large":
      return `The reply has more than ${maxBytes} bytes`;
    case "bad count":
      return "The reply has no count in front that fits it";
  }
}

/** What a server says instead of a reply. */
const LAST_WORD = /^ERROR:([^!\r\n]{1,200})!$/;

/** No last word is longer than this, in bytes. */
const LONGEST_LAST_WORD = 1000;

/** The reply for what was read. */
export function toReply(data: Uint8Array): Reply {
  const text = () => new TextDecoder().decode(data);
  const lastWord = data.length <= LONGEST_LAST_WORD
    ? LAST_WORD.exec(text())?.[1] ?? null
    : null;
  return { data, text, lastWord };
}

/** What an error says. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
