/**
 * Metrics as text: for Prometheus, and for people.
 *
 * @module
 */
import { bytesOf, timeOf } from "./amounts.ts";
import { type LogFormat, toNote } from "./log_lines.ts";
import { DURATION_BOUNDS_S, quantileS, type Totals } from "./metrics.ts";

/** The media type of {@linkcode toPrometheus}. */
export const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Metrics that are one number: type, name, meaning, member of `Totals`. */
const NUMBERS = [
  ["gauge", "connections_open", "Connections that are open.", "open"],
  [
    "gauge",
    "connections_limit",
    "Connections that may be open before clients get ERROR:busy!.",
    "maxConnections",
  ],
  [
    "counter",
    "connections_accepted_total",
    "Connections that were accepted.",
    "accepted",
  ],
  ["counter", "messages_total", "Complete messages.", "messages"],
  ["counter", "received_bytes_total", "Bytes received.", "bytesIn"],
  ["counter", "sent_bytes_total", "Bytes of replies sent.", "bytesOut"],
  [
    "counter",
    "replies_lost_total",
    "Conversations whose reply was probably lost.",
    "repliesLost",
  ],
  [
    "counter",
    "handler_errors_total",
    "Messages whose handler threw, or whose reply could not be sent.",
    "handlerErrors",
  ],
  [
    "gauge",
    "buffer_bytes",
    "Memory that messages were read into, a second ago or less.",
    "bufferBytes",
  ],
  [
    "gauge",
    "buffer_limit_bytes",
    "Memory that messages may need before clients get ERROR:busy!.",
    "maxBufferedBytes",
  ],
] as const;

/** Returns metrics in Prometheus's text format, version 0.0.4. */
export function toPrometheus(totals: Totals): string {
  const numbers = NUMBERS.map(([type, name, help, member]) =>
    metric(type, name, help, [["", totals[member]]])
  );
  return numbers.join("") + outcomes(totals) + durations(totals);
}

/** One metric, with its samples: what follows the name, and the value. */
function metric(
  type: "counter" | "gauge" | "histogram",
  name: string,
  help: string,
  samples: readonly (readonly [suffix: string, value: number])[],
): string {
  return `# HELP recv_end_${name} ${help}\n# TYPE recv_end_${name} ${type}\n` +
    samples.map(([suffix, value]) =>
      `recv_end_${name}${suffix} ${numberOf(value)}\n`
    ).join("");
}

function outcomes({ conversations }: Totals): string {
  return metric(
    "counter",
    "conversations_total",
    "Conversations that have ended, by outcome. Error replies with a code of " +
      "the handler count as other.",
    conversations.map(([name, count]) => [`{outcome="${name}"}`, count]),
  );
}

function durations(totals: Totals): string {
  let count = 0;
  const buckets = totals.durations.map((each, index) => {
    count += each;
    const bound = numberOf(DURATION_BOUNDS_S[index] ?? Infinity);
    return [`_bucket{le="${bound}"}`, count] as const;
  });
  return metric(
    "histogram",
    "conversation_duration_seconds",
    "Time from accept to close.",
    [...buckets, ["_sum", totals.durationSumS], ["_count", count]],
  );
}

function numberOf(value: number): string {
  return value === Infinity ? "+Inf" : `${value}`;
}

/** Returns a line with metrics for people, or for programs that read the log. */
export function toStatus(format: LogFormat, totals: Totals): string {
  const { open, accepted, messages, bytesIn, bytesOut } = totals;
  const { repliesLost, handlerErrors, bufferBytes } = totals;
  const named = totals.conversations.filter(([, count]) => count > 0);
  const limitsMs = [0.5, 0.99].map((part) => 1000 * quantileS(totals, part));
  const [halfMs = NaN, mostMs = NaN] = limitsMs;
  if (format === "json") {
    // What is unknown, or beyond the last bound, is null.
    return JSON.stringify({
      time: new Date().toISOString(),
      open,
      accepted,
      conversations: Object.fromEntries(named),
      messages,
      bytesIn,
      bytesOut,
      repliesLost,
      handlerErrors,
      bufferBytes,
      durationMs: { "50%": halfMs, "99%": mostMs },
    });
  }
  const ended = named.reduce((sum, [, count]) => sum + count, 0);
  const each = named.map(([outcome, count]) => `${outcome} ${count}`);
  return toNote(
    format,
    `${open} connections open, ${accepted} accepted; ${ended} conversations` +
      (ended > 0 ? ` (${each.join(", ")})` : "") +
      `, ${messages} messages, ${bytesIn} bytes in, ${bytesOut} out, ` +
      `${repliesLost} replies probably lost, ${handlerErrors} handler errors, ` +
      `${bytesOf(bufferBytes)} of buffers in use` +
      (ended > 0
        ? `; half took ${spanOf(halfMs)}, 99 % ${spanOf(mostMs)}`
        : ""),
  );
}

function spanOf(ms: number): string {
  return ms === Infinity
    ? `more than ${timeOf(1000 * DURATION_BOUNDS_S.at(-1)!)}`
    : `up to ${timeOf(ms)}`;
}
