/**
 * What one conversation costs the server, next to what it costs peers that do
 * the same work: `deno task bench`. Each measurement has a fresh server on one
 * core and the load on another; the servers take turns, round after round.
 *
 * @module
 */
import { join } from "node:path";
import { EXIT, runMain, writeOut } from "../cli.ts";
import type { LoadOrder } from "./load.ts";
import {
  fewest,
  HELP,
  type Options,
  parseOptions,
  type Plan,
  usualInFlight,
} from "./options.ts";
import { draw } from "./picture.ts";
import { loadAverage, processor } from "./proc.ts";
import {
  chooseCores,
  isStopped,
  runLoad,
  RunningServer,
  stopAll,
} from "./processes.ts";
import {
  formatSize,
  idlePanel,
  idleTable,
  type Sample,
  sizePanel,
  sizeTable,
  summary,
} from "./report.ts";
import { type Contestant, makeReady, ourServer, PEERS } from "./servers.ts";

/** One turn: a fresh server, the load, and their end. */
async function measure(
  server: Contestant,
  order: Omit<LoadOrder, "port" | "pid">,
  round: number,
): Promise<Sample> {
  await using running = await RunningServer.start(server);
  const { port, pid } = running;
  const path = join(import.meta.dirname!, "load.ts");
  const result = JSON.parse(await runLoad(path, { ...order, port, pid }));
  const { size, inFlight } = order;
  return { server: server.name, size, inFlight, round, ...result };
}

/** What came of all turns. */
class Results {
  /** Conversations of the usual sizes. */
  readonly talking: Sample[] = [];
  /** One message alone, for the memory it takes. */
  readonly big: Sample[] = [];
  /** Idle connections. */
  readonly idle: Sample[] = [];
  /** A line for each turn that failed. */
  readonly failures: string[] = [];
}

/**
 * One turn for every server, a different one first in each round. One that
 * fails does not keep the others from theirs.
 */
async function turns(
  servers: readonly Contestant[],
  order: Omit<LoadOrder, "port" | "pid">,
  round: number,
  samples: Sample[],
  failures: string[],
): Promise<void> {
  const first = round % servers.length;
  const inTurn = [...servers.slice(first), ...servers.slice(0, first)];
  for (const server of inTurn) {
    try {
      samples.push(await measure(server, order, round));
    } catch (error) {
      if (isStopped()) throw error;
      const what = order.idle || formatSize(order.size);
      failures.push(`${server.name} failed (${what}): ${error}`);
    }
  }
}

/** All turns of all servers. */
async function run(
  { data, seconds, ...plan }: Plan,
  servers: readonly Contestant[],
): Promise<Results> {
  const results = new Results();
  const { talking, big, idle, failures } = results;
  const alone = { data, inFlight: 1, seconds: 0, messages: 0, idle: 0 };
  for (let round = 0; round < plan.rounds; round++) {
    console.error(`round ${round + 1} of ${plan.rounds}`);
    for (const size of plan.sizes) {
      const inFlight = plan.inFlight ?? usualInFlight(size);
      const messages = fewest(size);
      const order = { data, size, inFlight, seconds, messages, idle: 0 };
      await turns(servers, order, round, talking, failures);
    }
    // Memory is steady: more rounds would tell nothing new.
    if (round >= MEMORY_ROUNDS) continue;
    if (plan.memory > 0) {
      const order = { ...alone, size: plan.memory };
      await turns(servers, order, round, big, failures);
    }
    if (plan.idle > 0) {
      const order = { ...alone, size: 1, idle: plan.idle };
      await turns(servers, order, round, idle, failures);
    }
  }
  return results;
}

const MEMORY_ROUNDS = 3;

/** The servers that can run here; prints a line for each, and who is missing. */
async function gather(
  { peers, serverArgs }: Options,
  directory: string,
): Promise<Contestant[]> {
  const servers = [ourServer(serverArgs)];
  for (const peer of PEERS.filter(({ name }) => peers.includes(name))) {
    const ready = await makeReady(peer, directory);
    if (ready) servers.push(ready);
    else console.log(`${peer.name}: not installed`);
  }
  for (const { name, version } of servers) console.log(`${name}: ${version}`);
  return servers;
}

/** The samples of each size. */
function bySize({ sizes }: Plan, { talking, big }: Results): Sample[][] {
  return [
    ...sizes.map((size) => talking.filter((each) => each.size === size)),
    big,
  ];
}

/** Prints the tables. */
function print(
  plan: Plan,
  results: Results,
  servers: readonly Contestant[],
): void {
  const { talking } = results;
  const tables = bySize(plan, results).map(sizeTable);
  if (results.idle.length > 0) tables.push(idleTable(results.idle, plan.idle));
  if (servers.some(({ name }) => name === "go")) {
    tables.push(summary(talking, "go"));
  }
  for (const table of tables) if (table !== "") console.log(`\n${table}`);
}

/** Writes a file; tells whether it could. */
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

/** Where README shows it. */
const PICTURE = join(import.meta.dirname!, "..", "docs", "bench.svg");

/**
 * Draws the tables, if it was asked to, or if they are fit for README; tells
 * whether what was asked for is done.
 */
async function drawPicture(
  { plan, picture, isUsual }: Options,
  results: Results,
  servers: readonly Contestant[],
): Promise<boolean> {
  const isWhole = isUsual && results.failures.length === 0 &&
    servers.length === 1 + PEERS.length;
  const path = picture ?? (isWhole ? PICTURE : undefined);
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

async function main(args: string[]): Promise<number> {
  const options = parseOptions(args);
  if (options === undefined) return writeOut(HELP), EXIT.ok;
  if (Deno.build.os !== "linux") {
    console.error("Cannot measure: what a process costs is read from /proc");
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
    const cores = chooseCores();
    console.log(
      typeof cores === "string"
        ? `not pinned: ${cores}`
        : `server on core ${cores[0]}, load on core ${cores[1]}`,
    );
    const servers = await gather(options, directory);
    const results = await run(plan, servers);
    const all = { machine, cores, servers, plan, ...results };
    const isSaved = json === undefined ||
      await save(json, JSON.stringify(all, null, 2) + "\n");
    print(plan, results, servers);
    for (const failure of results.failures) console.error(failure);
    const isDrawn = await drawPicture(options, results, servers);
    const isWhole = results.failures.length === 0;
    return isSaved && isDrawn && isWhole ? EXIT.ok : EXIT.failed;
  } catch (error) {
    if (!isStopped()) throw error;
    return 130;
  } finally {
    stopAll();
    await Deno.remove(directory, { recursive: true });
  }
}

if (import.meta.main) await runMain(main);
