/**
 * What one conversation of a path check shows about the path.
 *
 * @module
 */
import { equals } from "@std/bytes";
import type { ProbeResult } from "./probe.ts";

/**
 * Whether a reply came through: `kept`, complete; `lost`, truncated or not at
 * all; `unknown`, where the server did not send one to look for.
 */
export type Finding = "kept" | "lost" | "unknown";

/** What a path does that loses replies. */
export type Loss =
  /** Ends the connection when the client half-closes. */
  | "half-close"
  /** Ends a half-closed connection after a while. */
  | "time limit"
  /** Passes the reply on, and not the server's end of file. */
  | "end of file"
  /** Resets the connection after the reply. */
  | "reset"
  /** Drops a reply that the server sends in the middle of an upload. */
  | "upload";

/** Why a conversation has its finding, where its ending does not show it. */
export type Remark =
  /** The server sends no reply that is large enough to be read slowly. */
  | "no large reply"
  /** The reply is lost without a half-close, too: by the server's limit. */
  | "lost either way"
  /** The server accepted the complete upload. */
  | "not refused"
  /** No byte came for the time limit, and in a repetition they did. */
  | "silent at first";

/** What one conversation shows. */
export interface Observation {
  /** Whether the reply came through. */
  readonly finding: Finding;
  /** What lost the reply; undefined where it was not lost. */
  readonly loss?: Loss;
  /** The conversation. */
  readonly result: ProbeResult;
  /** Why, where that is not in the result. */
  readonly remark?: Remark;
}

/** Whether a reply came to its end. */
export function isComplete({ data, ending }: ProbeResult): boolean {
  return data.length > 0 &&
    (ending === "end marker" || ending === "end of file");
}

/** What a result shows where the reply should have been `expected`. */
export function observe(
  result: ProbeResult,
  expected: Uint8Array,
): Observation {
  if (result.ending === "no end") return { finding: "unknown", result };
  const loss = lossOf(result, expected);
  return loss === undefined
    ? { finding: "kept", result }
    : { finding: "lost", loss, result };
}

function lossOf(
  { data, ending }: ProbeResult,
  expected: Uint8Array,
): Loss | undefined {
  if (data.length === 0) return "half-close";
  // A server may answer differently every time, but not with a part of the
  // expected reply.
  const isPart = data.length < expected.length &&
    equals(data, expected.subarray(0, data.length));
  if (isPart || ending === "truncated") return "time limit";
  if (ending === "silence") return "end of file";
  if (ending === "reset") return "reset";
  return undefined;
}
