/**
 * One measurement: a new server, the load, and what it cost.
 *
 * @module
 */
import { join } from "node:path";
import type { LoadOrder } from "./load.ts";
import { type Place, runLoad, RunningServer } from "./processes.ts";
import type { Sample } from "./report.ts";
import type { Contestant } from "./servers.ts";

/** What the load is to do with any server. */
export type Order = Omit<LoadOrder, "port" | "pid">;

const LOAD = join(import.meta.dirname!, "load.ts");

/**
 * Starts a server, runs the load, and ends the server.
 *
 * @param places Where the two run: by default, on a core each.
 */
export async function measure(
  server: Contestant,
  order: Order,
  round: number,
  places: { server: Place; load: Place } = { server: "server", load: "load" },
): Promise<Sample> {
  await using running = await RunningServer.start(server, places.server);
  const { port, pid } = running;
  const text = await runLoad(LOAD, { ...order, port, pid }, places.load);
  const result = JSON.parse(text);
  const { size, inFlight, rate } = order;
  return { server: server.name, size, inFlight, rate, round, ...result };
}
