/**
 * The command line of the benchmark.
 *
 * @module
 */
import { parseFlag, parseFlags, UsageError } from "../cli/flags.ts";
import { choice, parseSeconds, wholeNumber } from "../cli/values.ts";
import type { LoadOrder } from "./load.ts";
import { EARLIER, PEERS } from "./servers.ts";

const PEER_NAMES = PEERS.map((peer) => peer.name);

/** What `--help` prints. */
export const HELP =
  `Measures what one conversation costs the server, compared with its peers.

Usage: deno task bench [OPTIONS]

Options:
  --rounds COUNT       number of rounds; every server is measured once in
                       each (5)
  --seconds SECONDS    shortest time of load for each measurement (1)
  --sizes LIST         sizes of the messages (5,100k,1M,16M); k and M are
                       decimal, KiB, MiB and GiB are binary
  --memory SIZE        size of the one message for which memory is measured
                       (256MiB); 0: none
  --idle COUNT         number of silent connections for which memory is
                       measured (4000); 0: none
  --peers LIST         ${PEER_NAMES.join(",")}; or none (all of them)
  --against DIR        a checkout of an earlier version of this project, to be
                       measured as one more server, named ${EARLIER}
  --keep-alive         measure many small messages on a connection instead:
                       requests a second that redis-benchmark counts, next to
                       redis-server and servers of lines in other languages
  --all-cores          measure this server with a thread for each core instead,
                       next to one thread and to Go with all cores: messages a
                       second (sizes 5,100k)
  --clients            measure what a message costs sendData() and connect()
                       instead, next to clients in Go and Node, and the memory
                       of a large reply (sizes 5,100k,1M)
  --data bytes|text    content of the messages (bytes)
  --in-flight COUNT    concurrent conversations (16 small ones to 2 large ones)
  --server-args=TEXT   more flags for this server and the one of --against,
                       separated by spaces
  --json PATH          write all samples to this file
  --picture PATH       draw the results as an SVG file; without this flag,
                       docs/bench.svg is drawn if no flag but --idle and --json
                       is given, no peer is missing and none fails
  --quick              one short round, fewer idle connections
  --help               print this

At half load, messages of the smallest size (up to 100k) begin at a fixed rate,
a quarter of what this server reached at full load in the same round, and the
time of each counts from when it should have begun. Late is by how much the load
itself began too late (99.9th percentile): where that is not far below p99, the
machine was disturbed, or the server could not keep up.

The servers take turns in every round, and all figures are medians of the
rounds. CPU time for each message is the steady figure: messages a second, and
the time each takes, depend on how many are in flight and on the load. Where
the server is far less than 100% busy, the load or the kernel was the limit.
Peak memory is what the server took beyond its first small message, as a
multiple of all messages in flight. Spread is the distance from the lowest to
the highest round. Linux only.
`;

/** What to measure. */
export interface Plan {
  /** The number of rounds. */
  rounds: number;
  /** The shortest time of load for each measurement. */
  seconds: number;
  /** The sizes of the messages, in bytes. */
  sizes: number[];
  /** The size of the one message for memory, in bytes; 0 is none. */
  memory: number;
  /** The number of idle connections; 0 is none. */
  idle: number;
  /** The content of the messages. */
  data: LoadOrder["data"];
  /** The number of concurrent conversations, if it was given. */
  inFlight?: number;
}

/** A measurement of another kind, by the name of its flag. */
export type Mode = keyof typeof MODE_SIZES;

/** The sizes of the messages, in bytes, by the kind of measurement. */
const MODE_SIZES = {
  "keep-alive": [],
  "all-cores": [5, 1e5],
  "clients": [5, 1e5, 1e6],
} as const;

const USUAL_SIZES = [5, 1e5, 1e6, 16e6];

/** The command line, parsed. */
export interface Options {
  /** What to measure. */
  plan: Plan;
  /** The names of the peers. */
  peers: string[];
  /** The checkout of an earlier version, if it was given. */
  against?: string;
  /** More flags for this server. */
  serverArgs: string[];
  /** The file for the samples, if it was given. */
  json?: string;
  /** The file for the picture, if it was given. */
  picture?: string;
  /** What is measured instead of the usual, if it is something else. */
  mode?: Mode;
  /** Whether the usual is measured: nothing less, and nothing else. */
  isUsual: boolean;
}

/** The number of concurrent conversations: many small ones, few large ones. */
export function usualInFlight(size: number): number {
  return size <= 100_000 ? 16 : size <= 1e6 ? 4 : size <= 16e6 ? 2 : 1;
}

/**
 * The least number of messages of a warm-up, and of a measurement: enough for
 * the compilers, and few enough that large ones do not take long.
 */
export function minMessages(size: number): number {
  return Math.min(3000, Math.ceil(100e6 / size));
}

const UNITS: Record<string, number> = {
  "": 1,
  k: 1e3,
  M: 1e6,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

const PATTERN = /^(\d+)(|k|M|[KMG]iB)$/;

function parseSizes(name: string, text: string): number[] {
  return text.split(",").map((size) => {
    const [, digits = "", unit = ""] = PATTERN.exec(size) ?? [];
    const bytes = Number(digits) * (UNITS[unit] ?? NaN);
    if (digits !== "" && Number.isSafeInteger(bytes)) return bytes;
    throw new UsageError(`--${name} needs sizes, as 5,100k,1M, not ${text}`);
  });
}

function parsePeers(name: string, text: string): string[] {
  const names = text === "none" ? [] : text.split(",");
  const wrong = names.find((peer) => !PEER_NAMES.includes(peer));
  if (wrong === undefined) return names;
  throw new UsageError(`--${name} knows ${PEER_NAMES}, not ${wrong}`);
}

/** Flags with which the measurement is still the usual one. */
const HARMLESS = ["idle", "json", "picture"];

/**
 * Parses the command line.
 *
 * @returns Undefined if `--help` is given.
 * @throws {UsageError} If a flag or its value is invalid.
 */
export function parseOptions(args: readonly string[]): Options | undefined {
  const flags = parseFlags(args, {
    "rounds": "value",
    "seconds": "value",
    "sizes": "value",
    "memory": "value",
    "idle": "value",
    "peers": "value",
    "against": "value",
    "data": "value",
    "in-flight": "value",
    "server-args": "value",
    "json": "value",
    "picture": "value",
    "keep-alive": "switch",
    "all-cores": "switch",
    "clients": "switch",
    "quick": "switch",
    "help": "switch",
  });
  if (flags.help) return undefined;
  const quick = flags.quick === true;
  const modes = (Object.keys(MODE_SIZES) as Mode[])
    .filter((mode) => flags[mode] === true);
  if (modes.length > 1) {
    throw new UsageError(`--${modes[0]} and --${modes[1]} exclude each other`);
  }
  const [mode] = modes;
  const sizes = mode === undefined ? USUAL_SIZES : MODE_SIZES[mode];
  const count = wholeNumber(1, 1000);
  const milliseconds = parseFlag(flags, "seconds", parseSeconds);
  const idle = parseFlag(flags, "idle", wholeNumber(0, 19_000)) ??
    (quick ? 1000 : 4000);
  return {
    plan: {
      rounds: parseFlag(flags, "rounds", count) ?? (quick ? 1 : 5),
      seconds: (milliseconds ?? (quick ? 200 : 1000)) / 1000,
      sizes: parseFlag(flags, "sizes", parseSizes) ?? [...sizes],
      memory: parseFlag(flags, "memory", parseSizes)?.[0] ??
        (quick ? 0 : 256 * 1024 ** 2),
      idle,
      data: parseFlag(flags, "data", choice("bytes", "text")) ?? "bytes",
      inFlight: parseFlag(flags, "in-flight", count),
    },
    peers: parseFlag(flags, "peers", parsePeers) ?? PEER_NAMES,
    against: flags.against,
    serverArgs: flags["server-args"]?.split(" ") ?? [],
    json: flags.json,
    picture: flags.picture,
    mode,
    isUsual: idle > 0 &&
      Object.keys(flags).every((name) => HARMLESS.includes(name)),
  };
}
