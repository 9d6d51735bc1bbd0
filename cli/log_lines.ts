/**
 * The lines of the server's log, for people and for programs.
 *
 * @module
 */
import type { ConversationReport } from "../server/report.ts";
import { printable } from "./output.ts";
import type { Tally } from "./tally.ts";

/** Formats of the log: text for people, or one JSON object a line. */
export type LogFormat = "text" | "json";

/** Returns the line of a conversation, for people. */
export function toLine(report: ConversationReport): string {
  const { outcome, bytesIn, bytesOut, durationMs, clientCertificate } = report;
  return `${now()} ${peerName(report.remoteAddr)} ` +
    `${printable(outcome)}, ${bytesIn} bytes in, ${bytesOut} out, ` +
    `${durationMs.toFixed(1)} ms` +
    (report.replyLost ? ", reply probably lost" : "") +
    (clientCertificate ? `, ${printable(clientCertificate.subject)}` : "") +
    ("error" in report ? `, ${printable(messageOf(report.error))}` : "");
}

/** Returns the line of a conversation, as JSON. */
export function toJson(report: ConversationReport): string {
  const { remoteAddr, durationMs, error, clientCertificate, ...counts } =
    report;
  return JSON.stringify({
    time: now(),
    peer: peerName(remoteAddr),
    ...counts,
    durationMs: Math.round(durationMs * 10) / 10,
    ...(clientCertificate && { subject: clientCertificate.subject }),
    ...("error" in report && { error: messageOf(error) }),
  });
}

/** Returns a line about the server. */
export function toNote(format: LogFormat, note: string): string {
  return format === "json"
    ? JSON.stringify({ time: now(), note })
    : `${now()} ${printable(note)}`;
}

/**
 * Returns the line of an error.
 *
 * @param peer Address of the client that it concerns; undefined if none.
 */
export function toErrorLine(
  format: LogFormat,
  error: unknown,
  peer?: Deno.Addr,
): string {
  const message = messageOf(error);
  const name = peer === undefined ? undefined : peerName(peer);
  if (format === "json") {
    return JSON.stringify({ time: now(), peer: name, error: message });
  }
  const start = name === undefined ? "" : `${name} `;
  return `${now()} ${start}${printable(message)}`;
}

/** Returns the line of the totals. */
export function toSummary(format: LogFormat, tally: Tally): string {
  if (format === "json") return JSON.stringify({ time: now(), ...tally });
  const { conversations, bytesIn, bytesOut, repliesLost } = tally;
  const counts = Object.values(conversations);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const each = Object.entries(conversations)
    .map(([outcome, count]) => `${printable(outcome)} ${count}`);
  return `${now()} ${total} conversations` +
    (total > 0 ? ` (${each.join(", ")})` : "") +
    `, ${bytesIn} bytes in, ${bytesOut} out, ` +
    `${repliesLost} replies probably lost`;
}

function now(): string {
  return new Date().toISOString();
}

/** Returns the address of a client as people write it. */
function peerName(addr: Deno.Addr): string {
  if (!("hostname" in addr)) return "unix";
  const { hostname, port } = addr;
  return hostname.includes(":")
    ? `[${hostname}]:${port}`
    : `${hostname}:${port}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error
    ? `${error.name}: ${error.message}`
    : String(error);
}
