/**
 * The command line of the benchmark, and what it amounts to.
 *
 * @module
 */
import {
  choice,
  parseFlag,
  parseFlags,
  parseSeconds,
  UsageError,
  whole,
} from "../cli.ts";
import type { LoadOrder } from "./load.ts";
import { PEERS } from "./servers.ts";

const PEER_NAMES = PEERS.map((peer) => peer.name);

/** What `--help` prints. */
export const HELP =
  `Measures what one conversation costs the server, next to its peers.

Usage: deno task bench [OPTIONS]

Options:
  --rounds COUNT       every server takes a turn in each (5)
  --seconds SECONDS    of load in each turn, or more (1)
  --sizes LIST         of the messages (5,100k,1M,16M); k and M are decimal,
                       KiB, MiB and GiB are not
  --memory SIZE        one message of this size, for memory (256MiB); 0: none
  --idle COUNT         silent connections, for memory (4000); 0: none
  --peers LIST         ${PEER_NAMES.join(",")}; or none
  --data bytes|text    what messages are made of (bytes)
  --in-flight COUNT    conversations at a time (16 small ones to 2 large ones)
  --server-args=TEXT   more flags for this server, separated by spaces
  --json PATH          write all samples there
  --picture PATH       draw what was measured, as an SVG file; without it,
                       docs/bench.svg is drawn where no flag but --idle and
                       --json is given, no peer is missing and none fails
  --quick              one short round, fewer idle connections
  --help               print this

CPU time for each message is the steady figure: messages a second, and the
time each takes, depend on how many are in flight and on the load. Where the
server is far less than 100% busy, the load or the kernel was the limit.
Peak memory is what the server took beyond its first small message, as a
multiple of all messages in flight. Spread is from the lowest to the highest
round. Linux only.
`;

/** What is to be measured. */
export interface Plan {
  rounds: number;
  seconds: number;
  sizes: number[];
  memory: number;
  idle: number;
  data: LoadOrder["data"];
  inFlight?: number;
}

/** All that the command line says. */
export interface Options {
  plan: Plan;
  peers: string[];
  serverArgs: string[];
  /** Where to write the samples. */
  json?: string;
  /** Where to draw the picture, whatever was measured. */
  picture?: string;
  /** Whether the usual is measured: no less, and nothing else. */
  isUsual: boolean;
}

/** Small messages many at a time, large ones few. */
export function usualInFlight(size: number): number {
  return size <= 100_000 ? 16 : size <= 1e6 ? 4 : size <= 16e6 ? 2 : 1;
}

/**
 * How many messages a turn has at least, and before that its warm-up: so many
 * that compilers have seen them, and so few that large ones do not take long.
 */
export function fewest(size: number): number {
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

/** With any other flag, less is measured than usual, or something else. */
const HARMLESS = ["idle", "json", "picture"];

/**
 * Reads the command line.
 *
 * @returns Undefined if help is asked for.
 * @throws {UsageError} If it is wrong.
 */
export function parseOptions(args: readonly string[]): Options | undefined {
  const flags = parseFlags(args, {
    "rounds": "value",
    "seconds": "value",
    "sizes": "value",
    "memory": "value",
    "idle": "value",
    "peers": "value",
    "data": "value",
    "in-flight": "value",
    "server-args": "value",
    "json": "value",
    "picture": "value",
    "quick": "switch",
    "help": "switch",
  });
  if (flags.help) return undefined;
  const quick = flags.quick === true;
  const count = whole(1, 1000);
  const milliseconds = parseFlag(flags, "seconds", parseSeconds);
  const idle = parseFlag(flags, "idle", whole(0, 19_000)) ??
    (quick ? 1000 : 4000);
  return {
    plan: {
      rounds: parseFlag(flags, "rounds", count) ?? (quick ? 1 : 5),
      seconds: (milliseconds ?? (quick ? 200 : 1000)) / 1000,
      sizes: parseFlag(flags, "sizes", parseSizes) ?? [5, 1e5, 1e6, 16e6],
      memory: parseFlag(flags, "memory", parseSizes)?.[0] ??
        (quick ? 0 : 256 * 1024 ** 2),
      idle,
      data: parseFlag(flags, "data", choice("bytes", "text")) ?? "bytes",
      inFlight: parseFlag(flags, "in-flight", count),
    },
    peers: parseFlag(flags, "peers", parsePeers) ?? PEER_NAMES,
    serverArgs: flags["server-args"]?.split(" ") ?? [],
    json: flags.json,
    picture: flags.picture,
    isUsual: idle > 0 &&
      Object.keys(flags).every((name) => HARMLESS.includes(name)),
  };
}
