/**
 * The tables of the benchmark: medians of the rounds, and ratios within a
 * round, because what disturbs a shared machine disturbs all servers of a round
 * alike.
 *
 * @module
 */
import type { LoadResult } from "./load.ts";
import type { Panel } from "./picture.ts";
import { EARLIER, LIBRARY, OURS } from "./servers.ts";

/** The measurement of one server with one size in one round. */
export interface Sample extends LoadResult {
  /** The name of the server. */
  server: string;
  /** The size of a message, in bytes. */
  size: number;
  /** The number of concurrent conversations. */
  inFlight: number;
  /** The number of conversations that began in a second; 0 is full load. */
  rate: number;
  /** The number of the round, from 0. */
  round: number;
}

/** The median; NaN if there is no number. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.filter(Number.isFinite).sort((a, b) => a - b);
  const half = sorted.length / 2;
  const lower = sorted[Math.ceil(half - 1)] ?? NaN;
  const upper = sorted[Math.floor(half)] ?? NaN;
  return (lower + upper) / 2;
}

/** A size as text: 5 B, 100 kB, 1 MB, 256 MiB. */
export function formatSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  for (const [unit, name] of UNITS) {
    if (bytes % unit === 0) return `${bytes / unit} ${name}`;
  }
  return `${bytes} B`;
}

const UNITS: [number, string][] = [
  [1024 ** 3, "GiB"],
  [1024 ** 2, "MiB"],
  [1e6, "MB"],
  [1e3, "kB"],
];

/** A figure of a sample. */
export type Figure = (sample: Sample) => number;

/** CPU time of the server for a message, in microseconds. */
export function cost(sample: Sample): number {
  return sample.serverSeconds / sample.messages * 1e6;
}

/** The 99th percentile of the times, in ms. */
const p99: Figure = (sample) => sample.p99;

/** Peak memory, as a multiple of the messages in flight. */
function memory({ peakBytes, size, inFlight }: Sample): number {
  return peakBytes / (size * inFlight);
}

/**
 * A figure of some samples, relative to the lowest of their rivals in the same
 * round. A round without a rival has no ratio.
 */
export function ratios<S extends { readonly round: number }>(
  samples: readonly S[],
  rivals: readonly S[],
  figure: (sample: S) => number,
): number[] {
  return samples.flatMap((sample) => {
    const figures = rivals.filter(({ round }) => round === sample.round)
      .map(figure);
    return figures.length === 0 ? [] : [figure(sample) / Math.min(...figures)];
  });
}

/** The samples of one server. */
function samplesOf(samples: readonly Sample[], server: string): Sample[] {
  return samples.filter((sample) => sample.server === server);
}

/** CPU time of a server in each round, relative to the best peer. */
function ratiosToPeers(samples: readonly Sample[], server: string): number[] {
  const peers = samples.filter((sample) =>
    ![OURS, LIBRARY, EARLIER].includes(sample.server)
  );
  return ratios(samplesOf(samples, server), peers, cost);
}

/** The distance from the lowest to the highest round, in % of the median. */
export function spread(numbers: readonly number[]): string {
  const width = Math.max(...numbers) - Math.min(...numbers);
  return numbers.length < 2 ? "-" : `${fixed(width / median(numbers) * 100)}%`;
}

/** A number with the digits that are significant; a dash for NaN. */
export function fixed(number: number): string {
  if (!Number.isFinite(number)) return "-";
  const digits = number < 10 ? 2 : number < 100 ? 1 : 0;
  return number.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** Columns under headings; the first is aligned left, the others right. */
export function table(rows: readonly (readonly string[])[]): string {
  const width = (column: number) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0));
  return rows.map((row) =>
    row.map((cell, column) =>
      column === 0
        ? cell.padEnd(width(column))
        : cell.padStart(width(column) + 2)
    ).join("")
  ).join("\n");
}

/** The names of the servers, this one first. */
function contestants(samples: readonly Sample[]): string[] {
  const names = new Set(samples.map((sample) => sample.server));
  const peers = [...names].filter((name) => name !== OURS);
  return names.has(OURS) ? [OURS, ...peers] : peers;
}

const HEADINGS = [
  ...["server", "CPU µs/msg", "spread", "to best peer", "messages/s"],
  ...["server busy", "p50 ms", "p99 ms", "peak memory"],
];

/** The table of one size; empty if there are no samples. */
export function sizeTable(samples: readonly Sample[]): string {
  const [first] = samples;
  if (first === undefined) return "";
  const { size, inFlight } = first;
  // The memory of small messages is lost in that of the runtime.
  const isLarge = size * inFlight >= 1e6;
  const names = contestants(samples);
  const rows = names.map((name) => {
    const mine = samplesOf(samples, name);
    const middle = (figure: Figure) => median(mine.map(figure));
    return [
      name,
      fixed(middle(cost)),
      spread(mine.map(cost)),
      fixed(median(ratiosToPeers(samples, name))),
      fixed(middle((sample) => sample.messages / sample.seconds)),
      `${fixed(middle((each) => each.serverSeconds / each.seconds * 100))}%`,
      fixed(middle((sample) => sample.p50)),
      fixed(middle(p99)),
      isLarge ? `${fixed(middle(memory))}×` : "-",
    ];
  });
  return `${formatSize(size)}, ${inFlight} in flight\n\n` +
    table([HEADINGS, ...rows]);
}

/** The table of the tail at half load; empty if there are no samples. */
export function halfLoadTable(samples: readonly Sample[]): string {
  const [first] = samples;
  if (first === undefined) return "";
  const rate = Math.round(median(samples.map((sample) => sample.rate)));
  const rows = contestants(samples).map((name) => {
    const mine = samplesOf(samples, name);
    const middle = (figure: Figure) => median(mine.map(figure));
    const toGo = ratios(mine, samplesOf(samples, "go"), p99);
    return [
      name,
      fixed(middle(cost)),
      `${fixed(middle((each) => each.serverSeconds / each.seconds * 100))}%`,
      fixed(middle((sample) => sample.p50)),
      fixed(middle(p99)),
      fixed(middle((sample) => sample.p999)),
      fixed(median(toGo)),
      fixed(middle((sample) => sample.delay999)),
    ];
  });
  const headings = [
    ...["server", "CPU µs/msg", "server busy"],
    ...["p50 ms", "p99 ms", "p99.9 ms", "p99 to go", "late ms"],
  ];
  return `${formatSize(first.size)} at half load, ` +
    `${rate.toLocaleString("en")} messages a second\n\n` +
    table([headings, ...rows]);
}

/** The table of the idle connections. */
export function idleTable(samples: readonly Sample[], count: number): string {
  const names = contestants(samples);
  const rows = names.map((name) => {
    const bytes = samplesOf(samples, name).map((sample) => sample.idleBytes);
    return [name, fixed(median(bytes) / 1000), spread(bytes)];
  });
  return `${count} connections that have sent one byte\n\n` +
    table([["server", "kB each", "spread"], ...rows]);
}

/** The picture's panel of one size; undefined if no peer was measured. */
export function sizePanel(samples: readonly Sample[]): Panel | undefined {
  const bars = contestants(samples).map((server) => {
    const value = median(ratiosToPeers(samples, server));
    return { server, value, label: fixed(value) };
  });
  const [first] = samples;
  if (first === undefined || bars.every(({ value }) => Number.isNaN(value))) {
    return undefined;
  }
  const mine = samplesOf(samples, OURS);
  return {
    heading: formatSize(first.size),
    note: `${OURS} ${fixed(median(mine.map(cost)))} µs`,
    bars,
  };
}

/** The picture's panel of the idle connections; undefined if there are none. */
export function idlePanel(
  samples: readonly Sample[],
  count: number,
): Panel | undefined {
  if (samples.length === 0) return undefined;
  const bars = contestants(samples).map((server) => {
    const mine = samplesOf(samples, server);
    const value = median(mine.map((sample) => sample.idleBytes)) / 1000;
    return { server, value, label: fixed(value) };
  });
  const note = `${count.toLocaleString("en")} connections`;
  return { heading: "kB per idle connection", note, bars };
}

/** Samples of the four kinds of measurement. */
export interface Samples {
  /** Conversations of the usual sizes. */
  readonly conversations: readonly Sample[];
  /** Conversations of the smallest size, at half load. */
  readonly halfLoad: readonly Sample[];
  /** A single large message. */
  readonly big: readonly Sample[];
  /** Idle connections. */
  readonly idle: readonly Sample[];
}

/**
 * A server relative to another one, a line for each figure: CPU time for
 * each size, the tail at half load, memory of the single large message, and of
 * an idle connection.
 */
export function comparisonTable(
  { conversations, halfLoad, big, idle }: Samples,
  server: string,
  rival: string,
): string {
  const row = (what: string, samples: readonly Sample[], figure: Figure) => {
    const all = ratios(
      samplesOf(samples, server),
      samplesOf(samples, rival),
      figure,
    );
    if (all.length === 0) return [];
    const rounds = `${fixed(Math.min(...all))} to ${fixed(Math.max(...all))}`;
    return [[what, fixed(median(all)), rounds]];
  };
  const sizes = [...new Set(conversations.map((sample) => sample.size))];
  const rows = [
    ...sizes.flatMap((size) => {
      const mine = conversations.filter((sample) => sample.size === size);
      return row(`CPU for a message, ${formatSize(size)}`, mine, cost);
    }),
    ...row(
      `p99 at half load, ${formatSize(halfLoad[0]?.size ?? 0)}`,
      halfLoad,
      p99,
    ),
    ...row(`peak memory, ${formatSize(big[0]?.size ?? 0)}`, big, memory),
    ...row("memory of an idle connection", idle, (each) => each.idleBytes),
  ];
  return table([["", `${server}/${rival} (median)`, "rounds"], ...rows]);
}
