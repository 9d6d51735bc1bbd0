/**
 * Why a server's first reply makes further conversations of a path check
 * pointless.
 *
 * @module
 */
import type { Address } from "../client/address.ts";
import { toReply } from "../client/reply.ts";
import type { ProbeResult } from "./probe.ts";

/** Why a check ended before its last conversation. */
export type Obstacle =
  /** There was no connection; `message` says why. */
  | { readonly reason: "not connected"; readonly message: string }
  /** Connecting took longer than `timeoutMs`. */
  | {
    readonly reason: "connect timed out";
    readonly address: Address;
    readonly timeoutMs: number;
  }
  /** The server looks for another end marker: it replied with this error. */
  | { readonly reason: "other marker"; readonly error: string }
  /** The server turns clients away: it replied with this error. */
  | { readonly reason: "busy"; readonly error: string }
  /** The reply has no end. */
  | { readonly reason: "endless reply" }
  /** The server answered with a TLS alert. */
  | { readonly reason: "TLS" }
  /** The server keeps the connection open, and so sends no end of file. */
  | { readonly reason: "keep-alive" }
  /** Neither a reply nor an end of file came. */
  | { readonly reason: "silence" }
  /** The connection ended without a reply. */
  | { readonly reason: "no reply" };

/** The errors of a server that looks for another end marker. */
const OTHER_MARKER_ERRORS = ["no end", "timed out", "bad count"];

/** The errors of a server that turns clients away. */
const BUSY_ERRORS = ["busy", "shutting down"];

/** An error reply after another reply: the connection was kept open. */
const LATE_ERROR = /[^]ERROR:(timed out|shutting down)!/;

/**
 * What the reply to a small message says about further conversations.
 *
 * @returns Undefined where the reply is one to compare others with.
 */
export function obstacleOf(
  { data, ending }: ProbeResult,
): Obstacle | undefined {
  const { error } = toReply(data);
  if (error !== null && OTHER_MARKER_ERRORS.includes(error)) {
    return { reason: "other marker", error };
  }
  if (error !== null && BUSY_ERRORS.includes(error)) {
    return { reason: "busy", error };
  }
  if (ending === "no end") return { reason: "endless reply" };
  if (isTlsAlert(data)) return { reason: "TLS" };
  if (LATE_ERROR.test(new TextDecoder().decode(data))) {
    return { reason: "keep-alive" };
  }
  if (data.length > 0) return undefined;
  return { reason: ending === "silence" ? "silence" : "no reply" };
}

/** A TLS server sends an alert to a plain client (RFC 8446, 5.1 and 6). */
function isTlsAlert(data: Uint8Array): boolean {
  return data.length === 7 && data[0] === 21 && data[1] === 3;
}
