/**
 * Runs simulated worlds, one after another, until one fails:
 *
 *     deno task simulate [--seed N] [--conversations N] [--minutes N] [--trace]
 *     deno task simulate --plan FILE
 *
 * @module
 */
import { parseArgs } from "node:util";
import { parsePlan, type Plan, printPlan } from "./plan.ts";
import { planOf } from "./plan_of.ts";
import { kindOf, shrink } from "./shrink.ts";
import { runWorld } from "./world.ts";

const USAGE = `Usage: deno task simulate [OPTIONS]

Options:
  --seed N           The first world. [default: a random one]
  --conversations N  How many conversations to run. [default: 100000]
  --minutes N        Run worlds for this time instead.
  --plan FILE        Run one world: a plan that a failure has printed.
  --trace            Print everything that happens, in the first world only.
  --help             Print this help.`;

interface Options {
  readonly plan: Plan | undefined;
  readonly seed: number;
  readonly conversations: number;
  readonly minutes: number;
  readonly trace: boolean;
  readonly help: boolean;
}

/** Random seeds are below this. */
const SEEDS = 2 ** 40;

const MAX_NUMBER = 2 ** 48;

const options = parseOptions(Deno.args);
if (options.help) {
  console.log(USAGE);
} else if (!await run(options)) {
  Deno.exitCode = 1;
}

/** Runs what the options ask for. Returns whether no world failed. */
function run(options: Options): Promise<boolean> {
  return options.plan === undefined ? simulate(options) : replay(options.plan);
}

function parseOptions(args: string[]): Options {
  try {
    const { values } = parseArgs({
      args,
      options: {
        seed: { type: "string" },
        conversations: { type: "string" },
        minutes: { type: "string" },
        plan: { type: "string" },
        trace: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    const { trace, help, plan, minutes } = values;
    if (minutes !== undefined && values.conversations !== undefined) {
      throw new Error("--minutes does not go with --conversations");
    }
    return {
      plan: plan === undefined ? undefined : readPlan(plan),
      seed: numberOf("--seed", values.seed, 0, Math.random() * SEEDS),
      conversations: numberOf(
        "--conversations",
        values.conversations,
        1,
        minutes === undefined ? 100_000 : MAX_NUMBER,
      ),
      minutes: numberOf("--minutes", minutes, 1, MAX_NUMBER),
      trace,
      help,
    };
  } catch (error) {
    const [line] = (error as Error).message.split(/\. |\n/);
    console.error(`simulate: ${line}`);
    Deno.exit(2);
  }
}

/** Reads a plan from a file. */
function readPlan(path: string): Plan {
  try {
    return parsePlan(Deno.readTextFileSync(path));
  } catch (error) {
    throw new Error(
      `Cannot read the plan ${path}: ${(error as Error).message}`,
    );
  }
}

function numberOf(
  flag: string,
  text: string | undefined,
  min: number,
  otherwise: number,
): number {
  if (text === undefined) return Math.floor(otherwise);
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= MAX_NUMBER) return value;
  throw new Error(
    `${flag} must be a number from ${min} to 2^48, and is "${text}"`,
  );
}

/** Returns whether no world failed. */
async function simulate(
  { seed: firstSeed, conversations, minutes, trace }: Options,
): Promise<boolean> {
  console.log(`seed ${firstSeed}`);
  const startMs = performance.now();
  const isOver = () => performance.now() - startMs > minutes * 60_000;
  const faults = new Map<string, number>();
  const outcomes = new Map<string, number>();
  let [count, events, virtualMs] = [0, 0, 0];
  for (let seed = firstSeed; count < conversations && !isOver(); seed++) {
    const plan = planOf(seed);
    const result = await runWorld(plan, trace ? print : undefined);
    if (result.violations.length > 0) {
      await explain(seed, result.violations[0]!);
      return false;
    }
    count += result.conversations;
    events += result.events;
    virtualMs += result.durationMs;
    add(faults, result.faults);
    add(outcomes, result.outcomes);
    if (trace) break;
  }
  const seconds = (performance.now() - startMs) / 1000;
  console.log(
    `${format(count)} conversations, ${format(events)} events, ` +
      `${format(virtualMs / 3.6e6)} hours in ${seconds.toFixed(1)} s: ` +
      `${format(count / seconds)} conversations a second`,
  );
  console.log(`faults: ${list(faults)}`);
  console.log(`outcomes: ${list(outcomes)}`);
  console.log("no violation");
  return true;
}

/** Prints the shortest case that fails as this one does, with its time line. */
async function explain(seed: number, violation: string): Promise<void> {
  console.log(`seed ${seed} fails: ${violation}`);
  const plan = await shrink(planOf(seed), kindOf(violation));
  console.log("The shortest case that fails in the same way:");
  console.log(printPlan(plan));
  await replay(plan);
  console.log(`Repeat it: deno task simulate --seed ${seed}`);
  console.log("or save the plan above: deno task simulate --plan FILE");
}

/** Runs a plan, and prints its time line. Returns whether it did not fail. */
async function replay(plan: Plan): Promise<boolean> {
  const { violations } = await runWorld(plan, print);
  for (const text of violations) console.log(`violation: ${text}`);
  if (violations.length === 0) console.log("no violation");
  return violations.length === 0;
}

function print(atMs: number, port: number, who: string, what: string): void {
  console.log(`${atMs.toFixed(3).padStart(12)} ms  ${port} ${who} ${what}`);
}

function add(
  all: Map<string, number>,
  some: ReadonlyMap<string, number>,
): void {
  for (const [name, count] of some) {
    // The numbers of a count that was not reached say little.
    const kind = name.replace(/got \d+ of \d+/, "got N of M");
    all.set(kind, (all.get(kind) ?? 0) + count);
  }
}

function list(counts: ReadonlyMap<string, number>): string {
  return [...counts].sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${format(count)}`).join(", ");
}

function format(value: number): string {
  return Math.round(value).toLocaleString("en");
}
