/**
 * Many small messages on a connection: how many a server answers in a second,
 * measured by `redis-benchmark` (`deno task bench --keep-alive`).
 *
 * @module
 */
import { WARM_UP_SECONDS } from "./load.ts";
import type { Options } from "./options.ts";
import { RunningServer, runProgram } from "./processes.ts";
import { median } from "./report.ts";
import {
  type Contestant,
  denoPeer,
  goPeer,
  inTurn,
  nodePeer,
  type Peer,
  peerFile,
  prepareInstalled,
} from "./servers.ts";

/** The numbers of requests that each connection sends ahead. */
const PIPELINES = [1, 16, 64];

/** Connections of the load. */
const CLIENTS = 50;

/** The requests of the first run, and the least of each other. */
const FIRST_REQUESTS = 100_000;

/** This server, redis-server, and servers of lines in a few lines of code. */
const SERVERS: readonly Peer[] = [
  denoPeer("recv_end", "lines_ours.ts"),
  {
    name: "redis-server",
    program: "redis-server",
    version: ["--version"],
    prepare: (path) =>
      Promise.resolve(["sh", peerFile("redis_server.sh"), path]),
  },
  denoPeer("deno, 30 lines", "lines_deno.ts"),
  goPeer("lines.go"),
  nodePeer("lines_node.mjs"),
  {
    name: "asyncio",
    program: "python3",
    version: ["--version"],
    prepare: (path) => Promise.resolve([path, peerFile("lines_asyncio.py")]),
  },
];

/** The requests a second of one measurement. */
async function measure(
  server: Contestant,
  pipeline: number,
  seconds: number,
): Promise<number> {
  await using running = await RunningServer.start(server);
  const run = (requests: number) =>
    runProgram([
      ...["redis-benchmark", "-p", `${running.port}`, "-t", "ping_inline"],
      ...["-P", `${pipeline}`, "-c", `${CLIENTS}`, "-n", `${requests}`, "-q"],
    ]);
  const rate = (text: string) =>
    Number(/([\d.]+) requests per second/.exec(text)?.[1]);
  const runFor = async (rateBefore: number, runSeconds: number) => {
    const requests = Math.ceil(rateBefore * runSeconds / CLIENTS) * CLIENTS;
    return rate(await run(Math.max(requests, FIRST_REQUESTS)));
  };
  // The first run says how many requests are enough for the warm-up.
  const first = rate(await run(FIRST_REQUESTS));
  const warm = await runFor(first, WARM_UP_SECONDS);
  return await runFor(warm, seconds);
}

/** Measures all servers in turn, and prints a table. */
export async function benchKeepAlive(
  { plan: { rounds, seconds } }: Options,
  directory: string,
): Promise<void> {
  const servers = await prepareInstalled(SERVERS, directory);
  const rates = new Map<string, number[]>();
  const key = (name: string, pipeline: number) => `${name} ${pipeline}`;
  for (let round = 0; round < rounds; round++) {
    console.error(`round ${round + 1} of ${rounds}`);
    for (const pipeline of PIPELINES) {
      for (const server of inTurn(servers, round)) {
        const list = rates.get(key(server.name, pipeline)) ?? [];
        rates.set(key(server.name, pipeline), list);
        list.push(await measure(server, pipeline, seconds));
      }
    }
  }
  const head = PIPELINES.map((pipeline) => `-P ${pipeline}`.padStart(20));
  console.log(`\n${"requests a second".padEnd(18)}${head.join("")}`);
  for (const { name } of servers) {
    const cells = PIPELINES.map((pipeline) => {
      const own = rates.get(key(name, pipeline))!;
      const redis = rates.get(key("redis-server", pipeline)) ?? [];
      const ratio = median(own.map((rate, round) => rate / redis[round]!));
      const rate = Math.round(median(own)).toLocaleString("en");
      return `${rate} (${ratio.toFixed(2)})`.padStart(20);
    });
    console.log(`${name.padEnd(18)}${cells.join("")}`);
  }
  console.log("In parentheses: over redis-server, medians of the rounds.");
}
