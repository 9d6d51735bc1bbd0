/**
 * What the client script suggests after an error reply or a failure.
 *
 * @module
 */
import type { ConversationError } from "../client/reply.ts";

const SAME_MARKER = "both sides need the same --marker";

const ERROR_REPLY_HINTS = new Map([
  ["no end", `the server did not find its end marker: ${SAME_MARKER}`],
  ["timed out", `a server that finds no end marker waits: ${SAME_MARKER}`],
  ["bad count", "the server wants netstrings: --framing count"],
]);

const FAILURE_HINTS = new Map<string, string>(
  [
    [
      "no reply",
      "a proxy on the path may take a half-close for a close: " +
      "try --half-close after, or --check (or the reply was empty)",
    ],
    [
      "truncated",
      "the server or a proxy on the path broke the connection: look at its " +
      "log; with a --reply-marker on both sides a truncated reply is detected",
    ],
    [
      "timed out",
      "raise --timeout; or a proxy on the path keeps the reply back: " +
      "try --half-close after",
    ],
    ["too large", "raise --max-bytes"],
    ["bad count", "the server needs --framing count as well"],
  ] satisfies [ConversationError["reason"], string][],
);

/** Returns the hint for an error reply with this code, if there is one. */
export function hintForErrorReply(code: string): string | undefined {
  return ERROR_REPLY_HINTS.get(code);
}

/** Returns the hint for a failed conversation, if there is one. */
export function hintForFailure(error: ConversationError): string | undefined {
  return error.cause instanceof Deno.errors.ConnectionRefused
    ? "is a server running there?"
    : FAILURE_HINTS.get(error.reason);
}
