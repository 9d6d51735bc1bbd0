import { assert, assertEquals } from "@std/assert";
import { Transport } from "../../server/transport.ts";
import { type Plan, planOf } from "./plan.ts";
import { kindOf, shrink } from "./shrink.ts";
import { runWorld } from "./world.ts";

/** Worlds of the short run; each has about a dozen conversations. */
const WORLDS = 600;

Deno.test({
  name: `the server and its clients keep their promises in ${WORLDS} worlds`,
  timeout: 59_000,
}, async () => {
  for (let seed = 0; seed < WORLDS; seed++) {
    const { violations } = await runWorld(planOf(seed));
    assertEquals(violations, [], `deno task simulate --seed ${seed}`);
  }
});

/** Everything that happens in a world, a line each. */
async function traceOf(plan: Plan): Promise<string[]> {
  const lines: string[] = [];
  await runWorld(plan, (...event) => lines.push(event.join(" ")));
  return lines;
}

Deno.test("runWorld() repeats a world exactly", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const first = await traceOf(planOf(seed));
    assert(first.length > 10);
    assertEquals(await traceOf(planOf(seed)), first);
  }
});

Deno.test("runWorld() meets every kind of fault", async () => {
  const faults = new Set<string>();
  for (let seed = 0; seed < 300; seed++) {
    const result = await runWorld(planOf(seed));
    for (const name of result.faults.keys()) faults.add(name);
  }
  assertEquals([...faults].sort(), [
    "NAT forgot",
    "backlog full",
    "loss",
    "no descriptors",
    "outage",
    "reset before accept",
    "reset in the backlog",
    "stall",
  ]);
});

Deno.test("shrink() leaves out what a failure does not need", async () => {
  const { drain } = Transport.prototype;
  // A close with unread bytes is a reset, and loses replies.
  Transport.prototype.drain = () => {};
  try {
    // Some failures need the company of other clients: not the first ones do.
    let smallest: Plan | undefined;
    for (let seed = 0; smallest?.clients.length !== 1; seed++) {
      const plan = planOf(seed);
      const [violation] = (await runWorld(plan)).violations;
      if (violation === undefined) continue;
      const kind = kindOf(violation);
      smallest = await shrink(plan, kind);
      assert(smallest.clients.length < plan.clients.length);
      const { violations } = await runWorld(smallest);
      assert(violations.map(kindOf).includes(kind));
    }
  } finally {
    Transport.prototype.drain = drain;
  }
});
