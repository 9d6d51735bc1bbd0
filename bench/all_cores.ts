/**
 * This server with a thread for each core, next to itself with one thread and
 * to Go with all cores: `deno task bench --all-cores`. Nothing is pinned, and
 * the load takes its part of the same cores.
 *
 * @module
 */
import { measure } from "./measure.ts";
import { minMessages, type Options, usualInFlight } from "./options.ts";
import { allowedCores } from "./proc.ts";
import {
  cost,
  type Figure,
  fixed,
  formatSize,
  median,
  ratios,
  type Sample,
  table,
} from "./report.ts";
import {
  type Contestant,
  goPeer,
  inTurn,
  ourServer,
  prepareInstalled,
} from "./servers.ts";

const EVERYWHERE = { server: "all cores", load: "all cores" } as const;

/** Messages in a second. */
const throughput: Figure = (sample) => sample.messages / sample.seconds;

/** The servers; the first is the one that the others are compared with. */
async function prepareServers(
  serverArgs: readonly string[],
  directory: string,
): Promise<Contestant[]> {
  const ours = (threads: number): Contestant => ({
    ...ourServer([...serverArgs, "--parallel", `${threads}`]),
    name: `recv_end, ${threads} ${threads === 1 ? "thread" : "threads"}`,
  });
  const threads = allowedCores().length;
  const servers = threads === 1 ? [ours(1)] : [ours(threads), ours(1)];
  const go = await prepareInstalled([goPeer("peer.go")], directory);
  return [...servers, ...go];
}

/**
 * The table of one size.
 *
 * @param first The name of the server whose throughput and CPU time are divided
 * by those of each server in the same round.
 */
export function allCoresTable(
  samples: readonly Sample[],
  first: string,
): string {
  const names = [...new Set(samples.map((sample) => sample.server))];
  const ours = samples.filter((sample) => sample.server === first);
  const rows = names.map((name) => {
    const mine = samples.filter((sample) => sample.server === name);
    const middle = (figure: Figure) => fixed(median(mine.map(figure)));
    const ratio = (figure: Figure) => fixed(median(ratios(ours, mine, figure)));
    return [
      name,
      middle(throughput),
      ratio(throughput),
      middle(cost),
      ratio(cost),
      middle(({ serverSeconds, seconds }) => serverSeconds / seconds),
      middle(({ loadSeconds, seconds }) => loadSeconds / seconds),
    ];
  });
  const headings = [
    ...["server", "messages/s", "ratio", "CPU µs/msg", "ratio"],
    ...["server's cores", "load's cores"],
  ];
  const { size, inFlight } = samples[0]!;
  return `${formatSize(size)}, ${inFlight} in flight\n\n` +
    table([headings, ...rows]);
}

/** Measures all servers in turn, and prints a table for each size. */
export async function benchAllCores(
  { plan, serverArgs }: Options,
  directory: string,
): Promise<void> {
  const { data, seconds, sizes, rounds } = plan;
  const servers = await prepareServers(serverArgs, directory);
  const samples: Sample[] = [];
  for (let round = 0; round < rounds; round++) {
    console.error(`round ${round + 1} of ${rounds}`);
    for (const size of sizes) {
      const inFlight = plan.inFlight ?? usualInFlight(size);
      const messages = minMessages(size);
      const order = { data, size, inFlight, messages, seconds };
      for (const server of inTurn(servers, round)) {
        const complete = { ...order, rate: 0, idle: 0 };
        samples.push(await measure(server, complete, round, EVERYWHERE));
      }
    }
  }
  const first = servers[0]!.name;
  for (const size of sizes) {
    const mine = servers.flatMap(({ name }) =>
      samples.filter((each) => each.size === size && each.server === name)
    );
    console.log(`\n${allCoresTable(mine, first)}`);
  }
  console.log(
    `\nRatio: ${first}, divided by this server, medians of the rounds.\n` +
      "The load shares the cores with the server, and uses one at most.",
  );
}
