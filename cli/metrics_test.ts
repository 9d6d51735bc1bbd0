import { assertEquals } from "@std/assert";
import type { ConversationReport } from "../server/report.ts";
import {
  DURATION_BOUNDS_S,
  Metrics,
  newCounters,
  OUTCOMES,
  quantileS,
  totalsOf,
} from "./metrics.ts";

function reportOf(report: Partial<ConversationReport>): ConversationReport {
  return {
    remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
    outcome: "ok",
    messages: 1,
    bytesIn: 10,
    bytesOut: 20,
    durationMs: 3,
    replyLost: false,
    ...report,
  };
}

/** The metrics of a thread that has had these conversations. */
function countersOf(...reports: Partial<ConversationReport>[]): Float64Array {
  const counters = newCounters();
  const metrics = new Metrics(counters);
  for (const report of reports) {
    metrics.accepted();
    metrics.conversation(reportOf(report));
  }
  return counters;
}

/** The counts that are not 0, by outcome. */
function outcomesOf(...threads: Float64Array[]): Record<string, number> {
  const { conversations } = totalsOf(threads);
  return Object.fromEntries(conversations.filter(([, count]) => count > 0));
}

Deno.test("totalsOf() adds up threads", () => {
  const [one, two] = [
    countersOf({ replyLost: true }, { outcome: "reset", messages: 0 }),
    countersOf({ bytesIn: 2 ** 40, durationMs: 1e6 }),
  ];
  const metrics = new Metrics(two);
  metrics.accepted();
  metrics.handlerError();
  metrics.bufferBytes = 7;
  for (const counters of [one, two]) new Metrics(counters).limits(5, Infinity);
  const { durations, durationSumS, conversations, ...numbers } = totalsOf([
    one,
    two,
  ]);
  assertEquals(numbers, {
    open: 1,
    accepted: 4,
    messages: 2,
    bytesIn: 2 ** 40 + 20,
    bytesOut: 60,
    repliesLost: 1,
    handlerErrors: 1,
    bufferBytes: 7,
    maxConnections: 5,
    maxBufferedBytes: Infinity,
  });
  assertEquals(conversations.map(([outcome]) => outcome), [...OUTCOMES]);
  assertEquals(outcomesOf(one, two), { ok: 2, reset: 1 });
  assertEquals(durationSumS.toFixed(6), "1000.006000");
  assertEquals(durations.length, DURATION_BOUNDS_S.length + 1);
  assertEquals(durations[2], 2);
  assertEquals(durations.at(-1), 1);
});

Deno.test("Metrics has one outcome for what clients and handlers choose", () => {
  const chosen = Array.from({ length: 500 }, (_, i) => `code ${i}`);
  const partial = Array.from({ length: 9 }, (_, i) => `got ${i} of 9 bytes`);
  const names = [...chosen, ...partial, "other", "__proto__", "toString", "ok"];
  const counters = countersOf(...names.map((outcome) => ({ outcome })));
  assertEquals(outcomesOf(counters), {
    "ok": 1,
    "got N of M bytes": 9,
    "other": 503,
  });
});

Deno.test("Metrics counts a duration below its bound, the bound included", () => {
  for (const [index, bound] of DURATION_BOUNDS_S.entries()) {
    const at = totalsOf([countersOf({ durationMs: bound * 1000 })]).durations;
    assertEquals(at.indexOf(1), index);
    const above = countersOf({ durationMs: bound * 1000.001 });
    assertEquals(totalsOf([above]).durations.indexOf(1), index + 1);
  }
});

Deno.test("quantileS() returns the bound of a part", () => {
  const quantile = (part: number, ...durationsMs: number[]) =>
    quantileS(
      totalsOf([
        countersOf(...durationsMs.map((durationMs) => ({ durationMs }))),
      ]),
      part,
    );
  assertEquals(quantile(0.5), NaN);
  assertEquals(quantile(0.5, 1), 0.001);
  assertEquals(quantile(0.5, 1, 4), 0.001);
  assertEquals(quantile(0.99, 1, 4), 0.005);
  assertEquals(quantile(0.5, 1, 4, 4), 0.005);
  assertEquals(quantile(0.99, 1, 1e9), Infinity);
});
