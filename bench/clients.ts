/**
 * What a message costs the client: `sendData()` and `connect()` next to clients
 * in Go and Node that do the same, against a server in Go
 * (`deno task bench --clients`). The server has one core, the client the other.
 *
 * @module
 */
import { minMessages, type Options } from "./options.ts";
import { RunningServer, runProgram } from "./processes.ts";
import { fixed, formatSize, median, ratios, spread, table } from "./report.ts";
import {
  type Contestant,
  goPeer,
  inTurn,
  nodePeer,
  ourClients,
  OURS,
  prepare,
  prepareInstalled,
} from "./servers.ts";

/** One measurement of a client. */
export interface ClientSample {
  /** The name of the client. */
  client: string;
  /** The number of the round, from 0. */
  round: number;
  /** The number of requests. */
  count: number;
  /** From the first to the last of them. */
  seconds: number;
  /** CPU time of the client. */
  cpuSeconds: number;
  /** Peak memory of the client since its start. */
  peakBytes: number;
}

/** What to measure: the arguments of a client after the port. */
interface Work {
  heading: string;
  kind: "messages" | "lines";
  /** The size of a message; of lines, the number that are sent ahead. */
  size: number;
  /** The least number of requests, and of those of the warm-up before. */
  least: number;
}

const WARM_UP_SECONDS = 2;

/** The numbers of lines that are sent ahead. */
const AHEAD = [1, 64];

/** The size of the reply for which memory is measured. */
const LARGE_REPLY = 256 * 1024 ** 2;

function workOf(sizes: readonly number[]): Work[] {
  return [
    ...sizes.map((size): Work => ({
      heading: `sendData(), ${formatSize(size)}, a connection for each message`,
      ...{ kind: "messages", size, least: minMessages(size) },
    })),
    ...AHEAD.map((size): Work => ({
      heading: `connect(), lines, ${size} at a time on one connection`,
      ...{ kind: "lines", size, least: 5000 * size },
    })),
  ];
}

/** Runs a client to its end. */
async function run(
  { name, command }: Contestant,
  round: number,
  args: readonly (string | number)[],
): Promise<ClientSample> {
  const text = await runProgram([...command, ...args.map(String)]);
  return { client: name, round, ...JSON.parse(text) };
}

/** CPU time of the client for a request, in microseconds. */
function cost({ cpuSeconds, count }: ClientSample): number {
  return cpuSeconds / count * 1e6;
}

/** The table of one kind of work. */
export function clientTable(samples: readonly ClientSample[]): string {
  const names = [...new Set(samples.map((sample) => sample.client))];
  const ours = samples.filter((sample) => sample.client === OURS);
  const rows = names.map((name) => {
    const mine = samples.filter((sample) => sample.client === name);
    return [
      name,
      fixed(median(mine.map(cost))),
      spread(mine.map(cost)),
      fixed(median(ratios(ours, mine, cost))),
      fixed(median(mine.map(({ count, seconds }) => count / seconds))),
    ];
  });
  const headings = ["client", "CPU µs", "spread", `${OURS}/it`, "a second"];
  return table([headings, ...rows]);
}

/**
 * Answers every conversation with {@linkcode LARGE_REPLY} bytes; or, if
 * `isSmall`, with a few.
 */
async function answer(conn: Deno.TcpConn, isSmall: boolean): Promise<void> {
  using _conn = conn;
  const chunk = new Uint8Array(isSmall ? 16 : 1024 ** 2);
  for (let left = isSmall ? 1 : LARGE_REPLY; left > 0; left -= chunk.length) {
    for (let sent = 0; sent < chunk.length;) {
      sent += await conn.write(chunk.subarray(sent));
    }
  }
  await conn.closeWrite();
  while (await conn.read(chunk) !== null);
}

/** Peak memory of a client that reads one reply. */
async function peakOf(client: Contestant, isSmall: boolean): Promise<number> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = listener.accept().then((conn) => answer(conn, isSmall));
  const args = [listener.addr.port, "messages", 5, 1, 0, 0];
  const [{ peakBytes }] = await Promise.all([run(client, 0, args), accepting]);
  return peakBytes;
}

/** The table of the memory that one large reply takes. */
async function memoryTable(clients: readonly Contestant[]): Promise<string> {
  const rows = [];
  for (const client of clients) {
    const small = await peakOf(client, true);
    const large = await peakOf(client, false);
    rows.push([client.name, `${fixed((large - small) / LARGE_REPLY)}×`]);
  }
  return `A reply of ${formatSize(LARGE_REPLY)}, read as a whole\n\n` +
    table([["client", "peak memory"], ...rows]);
}

/** This client, that of `--against`, and those of other languages. */
async function prepareClients(
  against: string | undefined,
  directory: string,
): Promise<Contestant[]> {
  const peers = [goPeer("client.go"), nodePeer("client_node.mjs")];
  const others = await prepareInstalled(peers, directory);
  return [...await ourClients(against), ...others];
}

/** Measures all clients in turn, and prints a table for each kind of work. */
export async function benchClients(
  { plan: { sizes, rounds, seconds, memory }, against }: Options,
  directory: string,
): Promise<void> {
  const messages = await prepare(goPeer("peer.go"), directory);
  const lines = await prepare(goPeer("lines.go"), directory);
  if (messages === undefined || lines === undefined) {
    return console.log("Cannot measure clients: the server needs Go");
  }
  const clients = await prepareClients(against, directory);
  const allWork = workOf(sizes);
  const samples = new Map<Work, ClientSample[]>();
  for (let round = 0; round < rounds; round++) {
    console.error(`round ${round + 1} of ${rounds}`);
    for (const work of allWork) {
      const { kind, size, least } = work;
      const mine = samples.get(work) ?? [];
      samples.set(work, mine);
      for (const client of inTurn(clients, round)) {
        // A server of its own, so that the ports of earlier clients are free.
        await using server = await RunningServer.start(
          kind === "messages" ? messages : lines,
        );
        const args = [server.port, kind, size, least, WARM_UP_SECONDS, seconds];
        mine.push(await run(client, round, args));
      }
    }
  }
  for (const [{ heading }, mine] of samples) {
    const ordered = clients.flatMap(({ name }) =>
      mine.filter(({ client }) => client === name)
    );
    console.log(`\n${heading}\n\n${clientTable(ordered)}`);
  }
  if (memory > 0) console.log(`\n${await memoryTable(clients)}`);
}
