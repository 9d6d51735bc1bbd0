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

const FAILURE_HINTS: Readonly<
  Partial<Record<ConversationError["reason"], string>>
> = {
  "no reply": "a proxy on the path may take a half-close for a close: " +
    "try --half-close after, or --check (or the reply was empty)",
  "truncated":
    "the server or a proxy on the path broke the connection: look at its " +
    "log; with a --reply-marker on both sides a truncated reply is detected",
  "timed out":
    "raise --timeout; or a proxy on the path keeps the reply back: " +
    "try --half-close after",
  "too large": "raise --max-bytes",
  "bad count": "the server needs --framing count as well",
  "unsolicited":
    "the server sends more than one reply to a message: look for its " +
    "--marker in the message, and for the --reply-marker in its reply",
};

/** Where the client wants to go on after a reply, nothing is half-closed. */
const NO_REPLY_KEPT_ALIVE =
  "the server closed the connection before the next reply: it needs " +
  "--keep-alive as well, or a longer --idle-timeout";

/** What may have happened when nothing comes for a long time. */
export const SILENCE_HINT =
  "nothing has come for a while: the server may still be working, a proxy on " +
  "the path may keep the reply back (try --half-close after, or --check), or " +
  "a NAT or firewall may have forgotten the connection; Ctrl-C ends the wait, " +
  "and so does --timeout";

/** Returns the hint for an error reply with this code, if there is one. */
export function hintForErrorReply(code: string): string | undefined {
  return ERROR_REPLY_HINTS.get(code);
}

/**
 * Returns the hint for a failed conversation, if there is one.
 *
 * @param keepAlive Whether the connection was for several messages.
 */
export function hintForFailure(
  { cause, reason }: ConversationError,
  keepAlive: boolean,
): string | undefined {
  if (cause instanceof Deno.errors.ConnectionRefused) {
    return "is a server running there?";
  }
  if (keepAlive && reason === "no reply") return NO_REPLY_KEPT_ALIVE;
  return FAILURE_HINTS[reason];
}
