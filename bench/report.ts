/**
 * From samples to tables: medians of the rounds, and ratios within a round,
 * because what disturbs a shared machine disturbs all servers of a round alike.
 *
 * @module
 */
import type { LoadResult } from "./load.ts";
import type { Panel } from "./picture.ts";
import { OURS } from "./servers.ts";

/** What a server did with one size in one round. */
export interface Sample extends LoadResult {
  server: string;
  size: number;
  inFlight: number;
  round: number;
}

/** The middle one, or the mean of the two in the middle; NaN of none. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.filter(Number.isFinite).sort((a, b) => a - b);
  const half = sorted.length / 2;
  const lower = sorted[Math.ceil(half - 1)] ?? NaN;
  const upper = sorted[Math.floor(half)] ?? NaN;
  return (lower + upper) / 2;
}

/** 5 B, 100 kB, 1 MB, 256 MiB. */
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

/** CPU time of the server for a message, in microseconds. */
function cost(sample: Sample): number {
  return sample.serverSeconds / sample.messages * 1e6;
}

/** How much memory it took, as a multiple of the messages in flight. */
function memory({ peakBytes, size, inFlight }: Sample): number {
  return peakBytes / (size * inFlight);
}

/**
 * In each round, what a server's messages cost relative to those of another:
 * the one that is named, or else the best of the peers.
 */
function ratios(
  samples: readonly Sample[],
  server: string,
  other?: string,
): number[] {
  return samples.filter((sample) => sample.server === server)
    .flatMap((sample) => {
      const costs = samples.filter((rival) =>
        rival.round === sample.round &&
        (other === undefined ? rival.server !== OURS : rival.server === other)
      ).map(cost);
      return costs.length === 0 ? [] : [cost(sample) / Math.min(...costs)];
    });
}

/** How far apart the rounds are, relative to their median. */
function spread(numbers: readonly number[]): string {
  const width = Math.max(...numbers) - Math.min(...numbers);
  return numbers.length < 2 ? "-" : `${fixed(width / median(numbers) * 100)}%`;
}

/** As many digits as mean something; a dash for no number. */
function fixed(number: number): string {
  if (!Number.isFinite(number)) return "-";
  const digits = number < 10 ? 2 : number < 100 ? 1 : 0;
  return number.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** Columns under their headings; the first to the left, the others right. */
function table(rows: readonly (readonly string[])[]): string {
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

/** Who took part, this server first. */
function contestants(samples: readonly Sample[]): string[] {
  const names = new Set(samples.map((sample) => sample.server));
  const peers = [...names].filter((name) => name !== OURS);
  return names.has(OURS) ? [OURS, ...peers] : peers;
}

const HEADINGS = [
  ...["server", "CPU µs/msg", "spread", "to best peer", "messages/s"],
  ...["server busy", "p50 ms", "p99 ms", "peak memory"],
];

/** The table of one size; nothing if there are no samples. */
export function sizeTable(samples: readonly Sample[]): string {
  const [first] = samples;
  if (first === undefined) return "";
  const { size, inFlight } = first;
  // What a small message takes is lost in what the runtime takes.
  const isLarge = size * inFlight >= 1e6;
  const names = contestants(samples);
  const rows = names.map((name) => {
    const mine = samples.filter((sample) => sample.server === name);
    const middle = (figure: (sample: Sample) => number) =>
      median(mine.map(figure));
    return [
      name,
      fixed(middle(cost)),
      spread(mine.map(cost)),
      fixed(median(ratios(samples, name))),
      fixed(middle((sample) => sample.messages / sample.seconds)),
      `${fixed(middle((each) => each.serverSeconds / each.seconds * 100))}%`,
      fixed(middle((sample) => sample.p50)),
      fixed(middle((sample) => sample.p99)),
      isLarge ? `${fixed(middle(memory))}×` : "-",
    ];
  });
  return `${formatSize(size)}, ${inFlight} in flight\n\n` +
    table([HEADINGS, ...rows]);
}

/** The table of the idle connections. */
export function idleTable(samples: readonly Sample[], count: number): string {
  const names = contestants(samples);
  const rows = names.map((name) => {
    const bytes = samples.filter((sample) => sample.server === name)
      .map((sample) => sample.idleBytes);
    return [name, fixed(median(bytes) / 1000), spread(bytes)];
  });
  return `${count} connections that have sent one byte\n\n` +
    table([["server", "kB each", "spread"], ...rows]);
}

/** The picture's panel of one size; nothing if no peer was measured. */
export function sizePanel(samples: readonly Sample[]): Panel | undefined {
  const bars = contestants(samples).map((server) => {
    const value = median(ratios(samples, server));
    return { server, value, label: fixed(value) };
  });
  const [first] = samples;
  if (first === undefined || bars.every(({ value }) => Number.isNaN(value))) {
    return undefined;
  }
  const mine = samples.filter(({ server }) => server === OURS);
  return {
    heading: formatSize(first.size),
    note: `${OURS} ${fixed(median(mine.map(cost)))} µs`,
    bars,
  };
}

/** The picture's panel of the idle connections; nothing if there were none. */
export function idlePanel(
  samples: readonly Sample[],
  count: number,
): Panel | undefined {
  if (samples.length === 0) return undefined;
  const bars = contestants(samples).map((server) => {
    const mine = samples.filter((sample) => sample.server === server);
    const value = median(mine.map((sample) => sample.idleBytes)) / 1000;
    return { server, value, label: fixed(value) };
  });
  const note = `${count.toLocaleString("en")} connections`;
  return { heading: "kB per idle connection", note, bars };
}

/** This server against one peer, a line for each size. */
export function summary(samples: readonly Sample[], peer: string): string {
  const sizes = [...new Set(samples.map((sample) => sample.size))];
  const rows = sizes.flatMap((size) => {
    const mine = samples.filter((sample) => sample.size === size);
    const all = ratios(mine, OURS, peer);
    if (all.length === 0) return [];
    return [[
      formatSize(size),
      fixed(median(all)),
      `${fixed(Math.min(...all))} to ${fixed(Math.max(...all))}`,
    ]];
  });
  return table([["size", `CPU ratio to ${peer} (median)`, "rounds"], ...rows]);
}
