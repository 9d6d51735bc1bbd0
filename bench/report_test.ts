import { assertEquals, assertMatch } from "@std/assert";
import { allCoresTable } from "./all_cores.ts";
import { type ClientSample, clientTable } from "./clients.ts";
import { comparisonTable, halfLoadTable, type Sample } from "./report.ts";
import { OURS } from "./servers.ts";

/** A measurement at half load. */
function sample(server: string, round: number, p99: number): Sample {
  return {
    ...{ server, round, size: 5, inFlight: 256, rate: 8000 + round },
    ...{ messages: 10_000, seconds: 2, serverSeconds: 0.5, loadSeconds: 2 },
    ...{ p50: 0.1, p99, p999: 3 * p99, delay999: 0.01 },
    ...{ peakBytes: 0, idleBytes: 0 },
  };
}

const HALF_LOAD = [
  ...[sample(OURS, 0, 3), sample("go", 0, 2)],
  ...[sample(OURS, 1, 4), sample("go", 1, 8)],
  ...[sample(OURS, 2, 2), sample("go", 2, 1)],
];

Deno.test("halfLoadTable() has the median of the ratios in each round", () => {
  const [title, _space, _headings, ...rows] = halfLoadTable(HALF_LOAD)
    .split("\n");
  assertEquals(title, "5 B at half load, 8,001 messages a second");
  assertEquals(rows.map((row) => row.split(/ {2,}/)), [
    [OURS, "50.0", "25.0%", "0.10", "3.00", "9.00", "1.50", "0.01"],
    ["go", "50.0", "25.0%", "0.10", "2.00", "6.00", "1.00", "0.01"],
  ]);
});

Deno.test("halfLoadTable() is empty without samples", () => {
  assertEquals(halfLoadTable([]), "");
});

Deno.test("comparisonTable() has the tail at half load", () => {
  const table = comparisonTable(
    { conversations: [], halfLoad: HALF_LOAD, big: [], idle: [] },
    OURS,
    "go",
  );
  assertMatch(table, /^p99 at half load, 5 B +1\.50 +0\.50 to 2\.00$/m);
});

Deno.test("allCoresTable() divides the first by each, round by round", () => {
  const samples = [
    ...[{ ...sample("two", 0, 1), seconds: 1 }, sample("one", 0, 1)],
    ...[{ ...sample("two", 1, 1), serverSeconds: 1 }, sample("one", 1, 1)],
    ...[{ ...sample("two", 2, 1), seconds: 4 }, sample("one", 2, 1)],
  ];
  const [title, _space, _headings, ...rows] = allCoresTable(samples, "two")
    .split("\n");
  assertEquals(title, "5 B, 256 in flight");
  assertEquals(rows.map((row) => row.split(/ {2,}/)), [
    ["two", "5,000", "1.00", "50.0", "1.00", "0.50", "1.00"],
    ["one", "5,000", "1.00", "50.0", "1.00", "0.25", "1.00"],
  ]);
});

Deno.test("clientTable() has the median of the ratios in each round", () => {
  const client = (client: string, round: number, cpuSeconds: number) => {
    const sample = { client, round, cpuSeconds, count: 1000, seconds: 2 };
    return { ...sample, peakBytes: 0 } satisfies ClientSample;
  };
  const table = clientTable([
    ...[client(OURS, 0, 0.3), client(OURS, 1, 0.2), client(OURS, 2, 0.2)],
    ...[client("go", 0, 0.2), client("go", 1, 0.1), client("go", 2, 0.4)],
  ]);
  const [_headings, ...rows] = table.split("\n");
  assertEquals(rows.map((row) => row.split(/ {2,}/)), [
    [OURS, "200", "50.0%", "1.00", "500"],
    ["go", "200", "150%", "1.50", "500"],
  ]);
});
