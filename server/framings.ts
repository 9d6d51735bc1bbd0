/**
 * How a server tells where messages and replies end, and how it writes what it
 * says of its own: error replies and the greeting.
 *
 * @module
 */
import { concat } from "@std/bytes";
import { toCountFraming } from "../framing/count_framing.ts";
import { SERVER_MARKER } from "../framing/defaults.ts";
import { encode } from "../framing/encode.ts";
import { EndMarkerFraming } from "../framing/end_marker.ts";
import { endOfFileFraming } from "../framing/end_of_file.ts";
import type { Framing } from "../framing/framing.ts";
import { markerBytes, toMarkerSet } from "../framing/marker.ts";
import { netstringFraming } from "../framing/netstring.ts";
import { withStart } from "../framing/start_marker.ts";
import { ERROR_CODES } from "./outcomes.ts";
import type { ServeOptions } from "./serve_options.ts";

/** What depends on the framings of a server. */
export interface Framings {
  /** The framing of messages. */
  readonly messageFraming: Framing;
  /** The framing of replies. */
  readonly replyFraming: Framing;
  /**
   * The error reply with this code, framed; empty where none is to be sent.
   *
   * @throws What `errorReply` throws.
   * @throws {TypeError} If the error reply contains the end marker of replies.
   */
  encodeError(code: string): Uint8Array;
  /** What the server says first, framed; empty for nothing. */
  readonly greeting: Uint8Array;
}

const NOTHING = new Uint8Array(0);

/**
 * Resolves the framings.
 *
 * @param mayFollow Whether more messages may follow on a connection.
 * @throws {TypeError | RangeError} If an option is not valid.
 */
export function toFramings(
  options: ServeOptions,
  mayFollow: boolean,
): Framings {
  const messageFraming = toMessageFraming(options, mayFollow);
  const replyFraming = toReplyFraming(options, messageFraming, mayFollow);
  const { errorReply = (code) => `ERROR:${code}!`, greeting } = options;
  const encodeError = (code: string) => {
    const body = errorReply(code);
    return body === null ? NOTHING : encodeOne(body, replyFraming);
  };
  for (const code of errorCodes(options)) {
    try {
      encodeError(code);
    } catch (cause) {
      throw new TypeError(
        options.errorReply === undefined
          ? `Cannot use the end marker of replies: ERROR:${code}! contains it`
          : `Cannot use errorReply: it failed for "${code}"`,
        { cause },
      );
    }
  }
  return {
    messageFraming,
    replyFraming,
    encodeError,
    greeting: greeting === undefined
      ? NOTHING
      : encodeOne(greeting, replyFraming),
  };
}

/** The codes of the error replies of a server: one of each form. */
function errorCodes(
  { framing = "end", start }: ServeOptions,
): readonly string[] {
  if (framing !== "end") {
    return [...ERROR_CODES, "bad count", "got 3 of 5 bytes"];
  }
  return start === undefined ? ERROR_CODES : [...ERROR_CODES, "bad start"];
}

/** Text or bytes in a framing. Not meant for large ones: they are joined. */
function encodeOne(body: string | Uint8Array, framing: Framing): Uint8Array {
  if (typeof body !== "string" && !(body instanceof Uint8Array)) {
    throw new TypeError("Cannot send: neither text nor bytes");
  }
  return concat([...encode(body, framing) as Iterable<Uint8Array>]);
}

function toMessageFraming(
  { framing = "end", end = SERVER_MARKER, start }: ServeOptions,
  mayFollow: boolean,
): Framing {
  const hasMarkers = framing === "end" && end !== null;
  if (start !== undefined && !hasMarkers) {
    throw new TypeError("Cannot use start without an end marker");
  }
  if (framing === "count") return netstringFraming;
  if (typeof framing === "object") return toCountFraming(framing);
  if (framing !== "end") {
    throw new TypeError(
      `Cannot use ${framing} as framing: it must be "end", "count" ` +
        "or an object",
    );
  }
  if (end === null) {
    if (!mayFollow) return endOfFileFraming;
    throw new TypeError(
      "Cannot use null as end: no message follows an end of file",
    );
  }
  const endFraming = new EndMarkerFraming(toMarkerSet(end));
  return start === undefined
    ? endFraming
    : withStart(markerBytes(start), endFraming);
}

function toReplyFraming(
  { framing = "end", replyEnd }: ServeOptions,
  messageFraming: Framing,
  mayFollow: boolean,
): Framing {
  if (replyEnd === null) return endOfFileFraming;
  if (framing !== "end") return messageFraming;
  if (replyEnd !== undefined) {
    return new EndMarkerFraming(toMarkerSet(replyEnd));
  }
  // No end of file ends a reply that others may follow, so a marker has to.
  return mayFollow ? messageFraming : endOfFileFraming;
}
