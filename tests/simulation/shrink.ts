/**
 * The shortest failing case: leaves out of a failing world what it can do
 * without, as long as it fails in the same way.
 *
 * @module
 */
import { PERFECT_LINE } from "./line.ts";
import { type ClientPlan, type Plan, printPlan } from "./plan.ts";
import { runWorld } from "./world.ts";

/** Worlds that are tried to make one smaller, and their events in all. */
const MAX_TRIES = 400;
const MAX_EVENTS = 5_000_000;

/** What a violation is about, without names and numbers. */
export function kindOf(violation: string): string {
  return violation.replace(/Client .*?\): /, "").replace(/: .*/s, "")
    .replace(/\d+/g, "N");
}

/** Ways to make a client simpler. */
const SIMPLER_CLIENT: ((client: ClientPlan) => ClientPlan)[] = [
  (client) => ({ ...client, line: PERFECT_LINE }),
  (client) => ({ ...client, line: { ...client.line, outages: [] } }),
  (client) => ({ ...client, line: { ...client.line, loss: 0 } }),
  (client) => ({ ...client, line: { ...client.line, rate: Infinity } }),
  (client) => ({ ...client, line: { ...client.line, jitterMs: 0 } }),
  (client) => ({ ...client, extraBytes: 0 }),
  (client) => ({ ...client, resumesAtMs: 0 }),
  (client) => ({ ...client, abortsAfterMs: Infinity }),
  (client) => ({ ...client, streams: false, sendsAhead: false }),
  (client) => ({ ...client, messages: client.messages.slice(0, 1) }),
  (client) => ({
    ...client,
    messages: client.messages.slice(0, Math.max(client.messages.length - 1, 1)),
  }),
  (client) => ({
    ...client,
    messages: client.messages.map((message) => ({
      ...message,
      byteLength: Math.floor(message.byteLength / 2),
    })),
  }),
  (client) => ({ ...client, writePauseMs: 0, writeBytes: 65_536 }),
  (client) => ({ ...client, readPauseMs: 0, readBytes: 65_536 }),
  (client) => ({
    ...client,
    host: {
      sendBufferBytes: 65_536,
      receiveBufferBytes: 65_536,
      resetPurges: false,
    },
  }),
];

/** Ways to make a world simpler, beside its clients. */
const SIMPLER_WORLD: ((plan: Plan) => Plan)[] = [
  (plan) => ({ ...plan, stalls: [] }),
  (plan) => ({ ...plan, shutdownAtMs: Infinity }),
  (plan) => ({ ...plan, abortAtMs: Infinity }),
  (plan) => ({ ...plan, handlerMs: 0 }),
  (plan) => ({ ...plan, handler: "at once" }),
  (plan) => ({ ...plan, host: { ...plan.host, descriptors: Infinity } }),
  (plan) => ({ ...plan, server: { ...plan.server, keepAlive: false } }),
  (plan) => ({ ...plan, server: { ...plan.server, maxConnections: 10_000 } }),
];

/** Makes a failing world smaller. */
export async function shrink(plan: Plan, kind: string): Promise<Plan> {
  let [tries, allEvents] = [0, 0];
  const fails = async (candidate: Plan) => {
    if (tries++ >= MAX_TRIES || allEvents > MAX_EVENTS) return false;
    const { violations, events } = await runWorld(candidate);
    allEvents += events;
    return violations.some((violation) => kindOf(violation) === kind);
  };
  let smallest = plan;
  const attempt = async (candidate: Plan) => {
    if (printPlan(candidate) === printPlan(smallest)) return false;
    if (!await fails(candidate)) return false;
    smallest = candidate;
    return true;
  };
  for (let count = Math.ceil(plan.clients.length / 2); count > 0;) {
    let hasChanged = false;
    for (let start = 0; start < smallest.clients.length;) {
      const clients = smallest.clients.toSpliced(start, count);
      const isSmaller = await attempt({ ...smallest, clients });
      if (isSmaller) hasChanged = true;
      else start += count;
    }
    if (!hasChanged) count = count === 1 ? 0 : Math.ceil(count / 2);
  }
  for (let hasChanged = true; hasChanged;) {
    hasChanged = false;
    for (const simpler of SIMPLER_WORLD) {
      if (await attempt(simpler(smallest))) hasChanged = true;
    }
    for (const index of smallest.clients.keys()) {
      for (const simpler of SIMPLER_CLIENT) {
        const client = simpler(smallest.clients[index]!);
        const clients = smallest.clients.with(index, client);
        if (await attempt({ ...smallest, clients })) hasChanged = true;
      }
    }
  }
  return smallest;
}
