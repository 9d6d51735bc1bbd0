import { assert, assertEquals, assertMatch } from "@std/assert";
import { Metrics, newCounters, totalsOf } from "./metrics.ts";
import { toPrometheus, toStatus } from "./metrics_text.ts";

/** Two conversations, and a connection that is open. */
function someTotals(durationMs = 4) {
  const counters = newCounters();
  const metrics = new Metrics(counters);
  for (const outcome of ["ok", "no end"]) {
    metrics.accepted();
    metrics.conversation({
      remoteAddr: { transport: "unix", path: "/a" },
      outcome,
      messages: 2,
      bytesIn: 10,
      bytesOut: 20,
      durationMs,
      replyLost: outcome === "ok",
    });
  }
  metrics.accepted();
  metrics.handlerError();
  metrics.bufferBytes = 128 * 1024;
  metrics.limits(100, Infinity);
  return totalsOf([counters]);
}

/** The values of all samples, by their names and labels. */
function samplesOf(text: string): Map<string, number> {
  const samples = text.matchAll(/^(recv_end_\w+(?:\{.*\})?) (\S+)$/gm);
  return new Map(
    [...samples].map(([, name = "", value = ""]) => [
      name,
      Number(value.replace("+Inf", "Infinity")),
    ]),
  );
}

Deno.test("toPrometheus() writes each number", () => {
  const samples = samplesOf(toPrometheus(someTotals()));
  const numbers = [...samples].filter(([name]) => !name.includes("_duration_"))
    .filter(([, value]) => value > 0);
  assertEquals(Object.fromEntries(numbers), {
    "recv_end_connections_open": 1,
    "recv_end_connections_limit": 100,
    "recv_end_connections_accepted_total": 3,
    "recv_end_messages_total": 4,
    "recv_end_received_bytes_total": 20,
    "recv_end_sent_bytes_total": 40,
    "recv_end_replies_lost_total": 1,
    "recv_end_handler_errors_total": 1,
    "recv_end_buffer_bytes": 131072,
    "recv_end_buffer_limit_bytes": Infinity,
    'recv_end_conversations_total{outcome="ok"}': 1,
    'recv_end_conversations_total{outcome="no end"}': 1,
  });
});

Deno.test("toPrometheus() writes a histogram that only grows", () => {
  const samples = samplesOf(toPrometheus(someTotals()));
  const name = "recv_end_conversation_duration_seconds";
  const buckets = [...samples].filter(([each]) =>
    each.startsWith(`${name}_bucket`)
  );
  assertEquals(samples.get(`${name}_bucket{le="0.0025"}`), 0);
  assertEquals(samples.get(`${name}_bucket{le="0.005"}`), 2);
  assertEquals(samples.get(`${name}_bucket{le="+Inf"}`), 2);
  assertEquals(samples.get(`${name}_count`), 2);
  assertEquals(samples.get(`${name}_sum`), 0.008);
  const counts = buckets.map(([, count]) => count);
  assertEquals(counts, counts.toSorted((a, b) => a - b));
});

Deno.test("toPrometheus() writes the same lines whatever it counts", () => {
  const names = (text: string) => [...samplesOf(text).keys()];
  const none = toPrometheus(totalsOf([newCounters()]));
  assertEquals(names(none), names(toPrometheus(someTotals())));
  assert(none.endsWith("\n"));
});

Deno.test("toStatus() writes a line for people", () => {
  assertMatch(
    toStatus("text", someTotals()),
    /^\S+Z 1 connections open, 3 accepted; 2 conversations \(ok 1, no end 1\), 4 messages, 20 bytes in, 40 out, 1 replies probably lost, 1 handler errors, 128 KiB of buffers in use; half took up to 5\.0 ms, 99 % up to 5\.0 ms$/,
  );
  assertMatch(
    toStatus("text", someTotals(1e6)),
    /; half took more than 5 min 0 s, 99 % more than 5 min 0 s$/,
  );
  assertMatch(
    toStatus("text", totalsOf([newCounters()])),
    / 0 conversations, 0 messages, .* 0 B of buffers in use$/,
  );
});

Deno.test("toStatus() writes a line of JSON", () => {
  const { time, ...status } = JSON.parse(toStatus("json", someTotals()));
  assertMatch(time, /Z$/);
  assertEquals(status, {
    open: 1,
    accepted: 3,
    conversations: { "ok": 1, "no end": 1 },
    messages: 4,
    bytesIn: 20,
    bytesOut: 40,
    repliesLost: 1,
    handlerErrors: 1,
    bufferBytes: 131072,
    durationMs: { "50%": 5, "99%": 5 },
  });
  const none = JSON.parse(toStatus("json", totalsOf([newCounters()])));
  assertEquals(none.durationMs, { "50%": null, "99%": null });
});
