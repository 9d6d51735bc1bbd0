/**
 * How a conversation can end: the words of reports, of the log and of metrics.
 *
 * @module
 */

/** The codes of the error replies of every server. */
export const ERROR_CODES = [
  "no end",
  "too large",
  "timed out",
  "busy",
  "failed",
  "shutting down",
] as const;

/** Outcomes of conversations that ended without a reply or an error reply. */
export const NO_REPLY_OUTCOMES = [
  "reset",
  "stalled",
  "aborted",
  "cancelled",
  "truncated",
  "not TLS",
  "not allowed",
  "bad proxy header",
] as const;
