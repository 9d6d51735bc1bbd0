/**
 * Measures what one conversation costs the server, compared with peers that do
 * the same work: `deno task bench`. Each measurement has a new server process
 * on one core and the load on another; the servers take turns, round after
 * round.
 *
 * @module
 */
import { join } from "node:path";
import { writeOut } from "../cli/output.ts";
import { EXIT, runMain } from "../cli/run.ts";
import { benchAllCores } from "./all_cores.ts";
import { benchClients } from "./clients.ts";
import { benchKeepAlive } from "./keep_alive.ts";
import { measure, type Order } from "./measure.ts";
import {
  HELP,
  minMessages,
  type Options,
  parseOptions,
  type Plan,
  usualInFlight,
} from "./options.ts";
import { draw } from "./picture.ts";
import { loadAverage, processor } from "./proc.ts";
import { chooseCores, isStopped, stopAll } from "./processes.ts";
import {
  comparisonTable,
  formatSize,
  halfLoadTable,
  idlePanel,
  idleTable,
  type Sample,
  sizePanel,
  sizeTable,
} from "./report.ts";
import {
  type Contestant,
  EARLIER,
  earlierServer,
  inTurn,
  LIBRARY,
  OURS,
  ourServer,
  PEERS,
  prepareInstalled,
} from "./servers.ts";

/** The results of all turns. */
class Results {
  /** Conversations of the usual sizes. */
  readonly conversations: Sample[] = [];
  /** Conversations of the smallest size, at half load. */
  readonly halfLoad: Sample[] = [];
  /** A single large message, for the memory that it takes. */
  readonly big: Sample[] = [];
  /** Idle connections. */
  readonly idle: Sample[] = [];
  /** A line for each turn that failed. */
  readonly failures: string[] = [];
}

/**
 * Measures every server once, a different one first in each round. A failure
 * is recorded, and the next server measured.
 */
async function takeTurns(
  servers: readonly Contestant[],
  order: Order,
  round: number,
  samples: Sample[],
  failures: string[],
): Promise<void> {
  for (const server of inTurn(servers, round)) {
    try {
      samples.push(await measure(server, order, round));
    } catch (error) {
      if (isStopped()) throw error;
      const what = order.idle || formatSize(order.size);
      failures.push(`${server.name} failed (${what}): ${error}`);
    }
  }
}

/** Runs all rounds. */
async function run(
  { data, seconds, ...plan }: Plan,
  servers: readonly Contestant[],
): Promise<Results> {
  const results = new Results();
  const { conversations, big, idle, failures } = results;
  const closed = { data, rate: 0, idle: 0 };
  const alone = { ...closed, inFlight: 1, seconds: 0, messages: 0 };
  for (let round = 0; round < plan.rounds; round++) {
    console.error(`round ${round + 1} of ${plan.rounds}`);
    for (const size of plan.sizes) {
      const inFlight = plan.inFlight ?? usualInFlight(size);
      const messages = minMessages(size);
      const order = { ...closed, size, inFlight, seconds, messages };
      await takeTurns(servers, order, round, conversations, failures);
    }
    const half = halfLoad({ data, seconds, ...plan }, conversations, round);
    if (half !== undefined) {
      await takeTurns(servers, half, round, results.halfLoad, failures);
    }
    // Memory is steady: more rounds would show nothing new.
    if (round >= MEMORY_ROUNDS) continue;
    if (plan.memory > 0) {
      const order = { ...alone, size: plan.memory };
      await takeTurns(servers, order, round, big, failures);
    }
    if (plan.idle > 0) {
      const order = { ...alone, size: 1, idle: plan.idle };
      await takeTurns(servers, order, round, idle, failures);
    }
  }
  return results;
}

const MEMORY_ROUNDS = 3;

/**
 * The load at which the tail is measured: the smallest size, begun at a quarter
 * of the rate that this server reached at full load in the same round. A message
 * takes up to twice as much CPU time then, because fewer share a wake-up, so the
 * server is busy for a quarter to a half of the time. Undefined if the full load
 * was not measured, if there is no core for the load alone, or if so many
 * messages would take too long.
 */
function halfLoad(
  { data, seconds, sizes }: Plan,
  conversations: readonly Sample[],
  round: number,
): Order | undefined {
  // This load takes a core of its own.
  if (typeof chooseCores() === "string") return undefined;
  const size = Math.min(...sizes);
  const full = conversations.find((sample) =>
    sample.server === OURS && sample.size === size && sample.round === round
  );
  if (full === undefined || size > MAX_HALF_LOAD_SIZE) return undefined;
  const rate = full.messages / full.seconds / 4;
  const [inFlight, messages] = [HALF_LOAD_PLACES, HALF_LOAD_MESSAGES];
  return { data, size, inFlight, rate, seconds, messages, idle: 0 };
}

const MAX_HALF_LOAD_SIZE = 100_000;

/** Of these, ten take longer than the 99.9th percentile. */
const HALF_LOAD_MESSAGES = 10_000;

/** Fewer than the backlog of any of the servers: no connect has to wait. */
const HALF_LOAD_PLACES = 256;

/** Prepares the servers; prints a line for each, and for each missing one. */
async function prepareAll(
  { peers, against, serverArgs }: Options,
  directory: string,
): Promise<Contestant[]> {
  const servers = [ourServer(serverArgs)];
  if (against !== undefined) {
    servers.push(await earlierServer(against, serverArgs));
  }
  const wanted = PEERS.filter(({ name }) => peers.includes(name));
  servers.push(...await prepareInstalled(wanted, directory));
  for (const { name, version } of servers) console.log(`${name}: ${version}`);
  return servers;
}

/** The samples of each size. */
function bySize(
  { sizes }: Plan,
  { conversations, big }: Results,
): Sample[][] {
  return [
    ...sizes.map((size) => conversations.filter((each) => each.size === size)),
    big,
  ];
}

/** The servers that are compared figure by figure. */
const COMPARISONS = [
  [OURS, EARLIER],
  [OURS, "go"],
  [LIBRARY, "go"],
  [LIBRARY, "deno"],
] as const;

/** Prints the tables. */
function print(
  plan: Plan,
  results: Results,
  servers: readonly Contestant[],
): void {
  const tables = bySize(plan, results).map(sizeTable);
  tables.push(halfLoadTable(results.halfLoad));
  if (results.idle.length > 0) tables.push(idleTable(results.idle, plan.idle));
  const names = new Set(servers.map(({ name }) => name));
  for (const [server, rival] of COMPARISONS) {
    if (!names.has(server) || !names.has(rival)) continue;
    tables.push(comparisonTable(results, server, rival));
  }
  for (const table of tables) if (table !== "") console.log(`\n${table}`);
}

/** Writes a file. Returns whether that succeeded. */
async function save(path: string, text: string): Promise<boolean> {
  try {
    await Deno.writeTextFile(path, text);
    return true;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    console.error(`Cannot write ${path}: ${error.message}`);
    return false;
  }
}

/** The picture that the documents show. */
const PICTURE = join(import.meta.dirname!, "..", "docs", "bench.svg");

/**
 * Draws the results if `--picture` is given, or if they are fit for the
 * documents. Returns whether a picture that is wanted was written.
 */
async function drawPicture(
  { plan, picture, isUsual }: Options,
  results: Results,
  servers: readonly Contestant[],
): Promise<boolean> {
  const isComplete = isUsual && results.failures.length === 0 &&
    servers.length === 1 + PEERS.length;
  const path = picture ?? (isComplete ? PICTURE : undefined);
  if (path === undefined) {
    console.error("no picture: not the usual measurement (see --picture)");
    return true;
  }
  const sizes = bySize(plan, results)
    .flatMap((samples) => sizePanel(samples) ?? []);
  if (sizes.length === 0) {
    console.error("no picture: no peer was measured");
    return false;
  }
  const idle = idlePanel(results.idle, plan.idle);
  const [kernel] = Deno.osRelease().split("-");
  const versions = servers.map(({ name, version }) => `${name}: ${version}`);
  const machine = [`${processor()}, Linux ${kernel}`, ...versions].join("; ");
  if (!await save(path, draw({ sizes, idle, machine }))) return false;
  console.error(`picture: ${path}`);
  return true;
}

/** Measurements of other kinds, by their flags. */
const BENCHES = {
  "keep-alive": benchKeepAlive,
  "all-cores": benchAllCores,
  "clients": benchClients,
};

async function main(args: string[]): Promise<number> {
  const options = parseOptions(args);
  if (options === undefined) return writeOut(HELP), EXIT.ok;
  if (Deno.build.os !== "linux") {
    console.error("Cannot measure: the cost of a process is read from /proc");
    return EXIT.failed;
  }
  const { plan, json } = options;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, stopAll);
  }
  const directory = await Deno.makeTempDir({ prefix: "bench-" });
  try {
    const machine = `${processor()}, Linux ${Deno.osRelease()}`;
    console.log(`${machine}, load average ${loadAverage().toFixed(2)}`);
    const cores = options.mode === "all-cores"
      ? "the load shares all cores with the server"
      : chooseCores();
    console.log(
      typeof cores === "string"
        ? `not pinned: ${cores}`
        : `server on core ${cores[0]}, load on core ${cores[1]}`,
    );
    if (options.mode !== undefined) {
      await BENCHES[options.mode](options, directory);
      return EXIT.ok;
    }
    const servers = await prepareAll(options, directory);
    const results = await run(plan, servers);
    const all = { machine, cores, servers, plan, ...results };
    const isSaved = json === undefined ||
      await save(json, JSON.stringify(all, null, 2) + "\n");
    print(plan, results, servers);
    for (const failure of results.failures) console.error(failure);
    const isDrawn = await drawPicture(options, results, servers);
    const isComplete = results.failures.length === 0;
    return isSaved && isDrawn && isComplete ? EXIT.ok : EXIT.failed;
  } catch (error) {
    if (!isStopped()) throw error;
    return 130;
  } finally {
    stopAll();
    await Deno.remove(directory, { recursive: true });
  }
}

if (import.meta.main) await runMain(main);
