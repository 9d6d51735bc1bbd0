/**
 * Mutation testing: `deno task mutate` makes each realistic mistake of a list
 * in a copy of the project, and reports which of them the tests notice.
 *
 * A mutant that no stage notices is a missing test. A hang counts as noticed.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { Copy, exists, PROJECT, type Stage } from "./copy.ts";
import type { Mutant } from "./mutant.ts";
import { MUTANTS } from "./mutants.ts";

const USAGE = `deno task mutate [--only TEXT] [--quick] [--simulate] [--list]

  --only TEXT  only mutants whose name or file contains the text
  --quick      without the complete suite, which takes minutes for a survivor
  --simulate   run the simulation alone, for a minute, and print the seed that
               fails; without --only, on the mutants that it has to notice
  --list       print the mutants, and run nothing`;

/** The least part of the mutants that the tests have to notice. */
const MIN_NOTICED = 0.95;

/** The simulation, which is a stage where it exists. */
const SIMULATION = "tests/simulation/simulate.ts";

/** The time that the simulation alone has to notice a mutant, in ms. */
const SIMULATION_MS = 60_000;

/** More conversations than the simulation has time for. */
const MANY = 10 ** 9;

/** The name of a test that failed, or of a module. */
const FAILED_TEST =
  /^(?:\S+ *=> *)?(.+?) (?:\.\.\. FAILED|\(uncaught error\))/m;

/** The seed of a world that failed, and how. */
const FAILED_WORLD = /^(seed \d+ fails: .*)$/m;

const FOLDERS = ["framing/", "server/", "client/", "check/", "cli/"];

/** Arguments of a test run. Without type checks: mistakes do compile. */
function testArgs(...args: readonly string[]): string[] {
  const permissions = ["net", "run", "read", "write", "env"]
    .map((name) => `--allow-${name}`);
  return [
    ...["test", "--no-check", "--parallel", "--fail-fast"],
    ...permissions,
    ...args,
  ];
}

/** Arguments of a run of the simulation, from the first seed. */
function simulationArgs(conversations: number): string[] {
  return [
    ...["run", "--no-check", "--allow-read", SIMULATION],
    ...["--seed=1", `--conversations=${conversations}`],
  ];
}

/** The stages that run one after another until one notices the mutant. */
function stagesFor(tests: readonly string[], isQuick: boolean): Stage[] {
  const stages: Stage[] = [];
  const add = (
    name: string,
    timeoutMs: number,
    args: readonly string[],
    attempts = 1,
    failure = FAILED_TEST,
  ) => stages.push({ name, timeoutMs, args, attempts, failure });
  if (tests.length > 0) add("likely tests", 400_000, testArgs(...tests));
  if (exists(PROJECT + SIMULATION)) {
    add("simulation", 300_000, simulationArgs(2000), 1, FAILED_WORLD);
  }
  add("unit tests", 200_000, testArgs("recv_end_test.ts", ...FOLDERS));
  // The list of mutants itself fails where one of them has been made. Tests with
  // programs of others may fail on a busy machine, but hardly twice.
  const all = testArgs("--doc", "--ignore=tests/mutation");
  if (!isQuick) add("complete suite", 900_000, all, 2);
  return stages;
}

/** Runs the simulation alone on each mutant. Returns an exit status. */
async function simulateAll(
  copy: Copy,
  mutants: readonly Mutant[],
): Promise<number> {
  const stages: Stage[] = [{
    name: "simulation",
    args: simulationArgs(MANY),
    timeoutMs: SIMULATION_MS,
    attempts: 1,
    failure: FAILED_WORLD,
    endsAtFailure: true,
  }];
  const failsIn = (result: string | undefined) => result?.includes(" fails: ");
  const failure = await copy.notice(stages);
  if (failsIn(failure)) {
    console.error(`Cannot test mutants: without one, the ${failure}`);
    return 2;
  }
  let noticed = 0;
  for (const mutant of mutants) {
    const startMs = performance.now();
    const result = await copy.noticeMutant(mutant, stages);
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    if (failsIn(result)) noticed++;
    console.log(`${mutant.file}: ${mutant.name}`);
    console.log(`    ${seconds} s, ${failsIn(result) ? result : "SURVIVED"}`);
  }
  console.log(`${noticed} of ${mutants.length} mutants noticed`);
  return noticed === mutants.length ? 0 : 1;
}

async function main(): Promise<number> {
  const options = parseArgs(Deno.args, {
    boolean: ["quick", "simulate", "list", "help"],
    string: ["only"],
  });
  if (options.help) return console.log(USAGE), 0;
  const only = `${options.only ?? ""}`;
  const isSimulation = options.simulate === true;
  const mutants = MUTANTS.filter(({ name, file, isSimulated = false }) =>
    `${file}: ${name}`.includes(only) &&
    (!isSimulation || isSimulated || only !== "")
  );
  const isQuick = options.quick === true;
  if (options.list) {
    for (const { file, name } of mutants) console.log(`${file}: ${name}`);
    return 0;
  }
  await using copy = await Copy.make();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      copy.abort();
      Deno.exit(130);
    });
  }
  if (isSimulation) return await simulateAll(copy, mutants);
  const likely = new Set(mutants.flatMap(({ tests }) => tests));
  const failure = await copy.notice(stagesFor([...likely], isQuick));
  if (failure !== undefined) {
    console.error(`Cannot test mutants: without one, the ${failure} fails`);
    return 2;
  }
  let noticed = 0;
  for (const mutant of mutants) {
    const stages = stagesFor(mutant.tests, isQuick);
    const result = await copy.noticeMutant(mutant, stages);
    if (result !== undefined) noticed++;
    const { file, name } = mutant;
    console.log(`${file}: ${name}\n    ${result ?? "SURVIVED"}`);
  }
  const part = mutants.length === 0 ? 0 : noticed / mutants.length;
  const percent = (100 * part).toFixed(1);
  console.log(`${noticed} of ${mutants.length} mutants noticed (${percent} %)`);
  return part >= MIN_NOTICED ? 0 : 1;
}

if (import.meta.main) Deno.exitCode = await main();
