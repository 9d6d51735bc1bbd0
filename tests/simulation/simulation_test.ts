import { assert, assertEquals } from "@std/assert";
import { Transport } from "../../server/transport.ts";
import {
  HANDLERS,
  HONEST_KINDS,
  HOSTILE_KINDS,
  parsePlan,
  type Plan,
  printPlan,
} from "./plan.ts";
import { planOf } from "./plan_of.ts";
import { kindOf, shrink } from "./shrink.ts";
import { runWorld } from "./world.ts";

/** Every kind of fault. */
const FAULTS = [
  "NAT forgot",
  "backlog full",
  "loss",
  "no descriptors",
  "outage",
  "reset before accept",
  "reset in the backlog",
  "stall",
];

/** Every outcome of a conversation, but for those of TLS. */
const OUTCOMES = [
  "aborted",
  "bad count",
  "busy",
  "failed",
  "got N of N bytes",
  "no end",
  "ok",
  "refused",
  "reset",
  "shutting down",
  "stalled",
  "timed out",
  "too large",
];

/** Worlds of the short run; each has about a dozen conversations. */
const WORLDS = 600;

Deno.test({
  name: `the server and its clients keep their promises in ${WORLDS} worlds`,
  timeout: 59_000,
}, async () => {
  const [kinds, handlers] = [new Set<string>(), new Set<string>()];
  const [faults, outcomes] = [new Set<string>(), new Set<string>()];
  for (let seed = 0; seed < WORLDS; seed++) {
    const plan = planOf(seed);
    const result = await runWorld(plan);
    assertEquals(result.violations, [], `deno task simulate --seed ${seed}`);
    handlers.add(plan.handler);
    for (const { kind } of plan.clients) kinds.add(kind);
    for (const name of result.faults.keys()) faults.add(name);
    for (const name of result.outcomes.keys()) {
      outcomes.add(name.replace(/\d+/g, "N"));
    }
  }
  assertEquals([...kinds].sort(), [...HONEST_KINDS, ...HOSTILE_KINDS].sort());
  assertEquals([...handlers].sort(), [...HANDLERS].sort());
  assertEquals([...faults].sort(), FAULTS);
  assertEquals([...outcomes].sort(), OUTCOMES);
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

Deno.test("parsePlan() restores what printPlan() printed", () => {
  for (let seed = 0; seed < 50; seed++) {
    const text = printPlan(planOf(seed));
    assert(text.includes('"Infinity"'));
    assertEquals(printPlan(parsePlan(text)), text);
    assert(!Object.values(parsePlan(text)).includes("Infinity"));
  }
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
