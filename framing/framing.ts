/**
 * How a message says where it ends, and its reply: by an end marker, or by a
 * count in front.
 *
 * @module
 */
import type { Pieces } from "./chunk_reader.ts";
import { COUNT_OVERHEAD, netstring, receiveCount } from "./netstring.ts";
import { receive, type Received } from "../recv_end.ts";
import { joinSmall, type ReplyBody } from "../server/handler.ts";
import type { EndMarkers } from "./marker_set.ts";

const encoder = new TextEncoder();

/** A whole message. */
export interface Whole {
  readonly chunks: readonly Uint8Array[];
  readonly byteLength: number;
  /** In one piece; joined when first asked for. */
  readonly data: Uint8Array;
  /** What was read past the message already. */
  readonly rest: Uint8Array;
  /** Which marker ended it: its place in the list. Undefined with a count. */
  readonly which?: number;
}

/** What is heard of a client: a message, or the last word that fits. */
export type Heard = Whole | string;

/** Heard where the client said goodbye: an end of file, and not a byte. */
export const GOODBYE = "";

/** A way to say where a message ends. */
export interface Framing {
  /** The bytes of a message beside its own, at the most. */
  readonly overhead: number;
  /** The markers that can end a message. None with a count. */
  readonly markers: readonly Uint8Array[];
  /** Reads one message. */
  hear(
    pieces: Pieces,
    maxBytes: number,
    initial: Uint8Array,
  ): Promise<Heard>;
  /** A reply or a last word, so that it says where it ends. */
  frame(body: ReplyBody): ReplyBody;
  /** The same, where all of it must be there before. */
  enclose?(pieces: readonly Uint8Array[]): Iterable<Uint8Array>;
}

/** Messages that end with a marker, and replies that do, or with the file. */
export function endFraming(
  ends: EndMarkers,
  replyEnd: Uint8Array | undefined,
): Framing {
  return {
    overhead: ends.longest,
    markers: ends.markers,
    // No async function: one that waits takes half a kB, for each of many
    // silent connections.
    hear: (pieces, maxBytes, initial) =>
      receive(pieces, ends, maxBytes, initial).then(toHeard),
    frame: (body) => replyEnd === undefined ? body : withEnd(body, replyEnd),
  };
}

function toHeard(received: Received): Heard {
  if (received.reason === "end") return received;
  if (received.reason === "limit") return "too large";
  return received.byteLength === 0 ? GOODBYE : "no end";
}

/** Netstrings, both ways. */
export const countFraming: Framing = {
  overhead: COUNT_OVERHEAD,
  markers: [],
  async hear(pieces, maxBytes, initial) {
    const received = await receiveCount(pieces, maxBytes, initial);
    const { reason, count, byteLength, isEmpty } = received;
    if (reason === "end") return received;
    if (reason === "bad count") return "bad count";
    if (isEmpty) return GOODBYE;
    return count !== null && byteLength < count
      ? `got ${byteLength} of ${count} bytes`
      : "no end";
  },
  frame: (body) => body,
  enclose: (pieces) => joinSmall(netstring(pieces)),
};

/** A reply with its end marker behind it, as it comes. */
function withEnd(body: ReplyBody, end: Uint8Array): ReplyBody {
  if (typeof body === "string") return [encoder.encode(body), end];
  if (body instanceof Uint8Array) return [body, end];
  if (Array.isArray(body)) return [...body, end];
  // What is no reply at all is told by whoever sends it.
  if (typeof body !== "object" || body === null) return body;
  return Symbol.asyncIterator in body
    ? eachAndEndLater(body, end)
    : eachAndEnd(body, end);
}

function* eachAndEnd(
  pieces: Iterable<string | Uint8Array>,
  end: Uint8Array,
): Iterable<string | Uint8Array> {
  yield* pieces;
  yield end;
}

async function* eachAndEndLater(
  pieces: AsyncIterable<string | Uint8Array>,
  end: Uint8Array,
): AsyncIterable<string | Uint8Array> {
  yield* pieces;
  yield end;
}
