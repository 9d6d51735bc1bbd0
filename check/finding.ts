/**
 * What one conversation of a check shows.
 *
 * @module
 */
import { equals } from "@std/bytes";
import { toReply } from "./answer.ts";
import type { Heard } from "./probe.ts";

/**
 * Whether a last word came through: whole, or not at all, or cut; or nobody
 * can tell, because the server did not do its part.
 */
export type Finding = "kept" | "lost" | "unknown";

/** What a path does that loses last words. */
export type Loss =
  /** It ends the connection when we half-close. */
  | "half-close"
  /** It ends a half-closed connection after a while. */
  | "time limit"
  /** It brings the reply, and not the server's end of file. */
  | "end of file"
  /** It resets the connection behind the reply. */
  | "reset"
  /** It drops what the server says in the middle of an upload. */
  | "upload";

/** What a conversation showed. */
export interface Shown {
  /** Whether the last word came through. */
  readonly finding: Finding;
  /** How it was lost, where it was. */
  readonly loss?: Loss;
  /** What was heard in the conversation that it is about. */
  readonly heard: Heard;
  /** What else is to be said of it. */
  readonly remark?: string;
}

/** What a server says that does not look for this marker. */
const OTHER_MARKER = ["no end", "timed out", "bad count"];

/** What a server says that has no time for anybody. */
const NO_TIME = ["busy", "shutting down"];

/** The last word behind another reply, on a connection that is kept. */
const LATE_WORD = /[^]ERROR:(timed out|shutting down)!/;

/** Why the other conversations would show nothing; undefined if they would. */
export function whyUnfit(heard: Heard): string | undefined {
  const { lastWord } = toReply(heard.data);
  if (lastWord !== null && OTHER_MARKER.includes(lastWord)) {
    return `the server says ERROR:${lastWord}!: both sides need the same ` +
      "--marker";
  }
  if (lastWord !== null && NO_TIME.includes(lastWord)) {
    return `the server says ERROR:${lastWord}!`;
  }
  if (heard.ending === "no end") return "the reply has no end";
  if (isAlert(heard.data)) return "the server speaks TLS: --tls";
  if (LATE_WORD.test(new TextDecoder().decode(heard.data))) {
    return "the server keeps the connection: give its --reply-marker";
  }
  if (heard.data.length > 0) return undefined;
  return heard.ending === "silence"
    ? "the server says nothing: both sides need the same --marker, or it " +
      "needs a longer --timeout"
    : "not even a half-close after the reply brings one";
}

/** What TLS says to those who do not speak it (RFC 8446, 5.1 and 6). */
function isAlert(data: Uint8Array): boolean {
  return data.length === 7 && data[0] === 21 && data[1] === 3;
}

/** A reply that came to its end. */
export function isWhole({ data, ending }: Heard): boolean {
  return data.length > 0 &&
    (ending === "end marker" || ending === "end of file");
}

/** What is shown by what was heard, where `expected` should have been. */
export function toShown(heard: Heard, expected: Uint8Array): Shown {
  if (heard.ending === "no end") return { finding: "unknown", heard };
  const loss = lossOf(heard, expected);
  return loss === undefined
    ? { finding: "kept", heard }
    : { finding: "lost", loss, heard };
}

function lossOf(heard: Heard, expected: Uint8Array): Loss | undefined {
  const { data } = heard;
  if (data.length === 0) return "half-close";
  // Servers may answer differently every time, but not with less of the same.
  const isLess = data.length < expected.length &&
    equals(data, expected.subarray(0, data.length));
  if (isLess || heard.ending === "cut") return "time limit";
  if (heard.ending === "silence") return "end of file";
  if (heard.ending === "reset") return "reset";
  return undefined;
}
