/**
 * One measurement: a new server, the load, and what it cost.
 *
 * @module
 */
import { join } from "node:path";
import type { LoadOrder } from "./load.ts";
import { runLoad, RunningServer } from "./processes.ts";
import type { Sample } from "./report.ts";
import type { Contestant } from "./servers.ts";

/** What the load is to do with any server. */
export type Order = Omit<LoadOrder, "port" | "pid">;

const LOAD = join(import.meta.dirname!, "load.ts");

/** Starts a server, runs the load, and ends the server. */
export async function measure(
  server: Contestant,
  order: Order,
  round: number,
): Promise<Sample> {
  await using running = await RunningServer.start(server);
  const { port, pid } = running;
  const result = JSON.parse(await runLoad(LOAD, { ...order, port, pid }));
  const { size, inFlight, rate } = order;
  return { server: server.name, size, inFlight, rate, round, ...result };
}
