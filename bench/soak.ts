/**
 * The server among strangers: for a minute or for hours, honest clients talk
 * to it while hostile ones do what they can, and every honest client must get
 * its reply. `deno task soak`.
 *
 * @module
 */
import {
  parseFlag,
  parseFlags,
  parseSeconds,
  runMain,
  UsageError,
  whole,
  writeOut,
} from "../cli.ts";
import { Load } from "./soak_load.ts";
import { pause, Random } from "./soak_random.ts";
import {
  type Figures,
  findFaults,
  inShort,
  LONG,
  mebibytes,
  report,
} from "./soak_report.ts";
import { ServerProcess } from "./soak_server.ts";

const HELP =
  `Talks to the server, honestly and not, and looks for replies that are lost.

Usage: deno task soak [OPTIONS]

Options:
  --seconds SECONDS  how long (60)
  --seed NUMBER      what the clients do follows from it (random, printed)
  --clients COUNT    at a time, half of them honest; floods come besides (48)
  --help             print this

Memory and descriptors are known on Linux only. From ${LONG} seconds on, memory
must not grow by more than a tenth after the first minute.

Exit status: 0 no reply was lost, and the server ended well; 1 otherwise; 2 the
command line is wrong.
`;

/** Honest conversations before the first figures are taken. */
const WARM_UP = 50;

/**
 * The same where memory is judged: what V8 keeps for young objects grows with
 * the first ten thousand conversations, and then no more.
 */
const LONG_WARM_UP = 10_000;

/** How long the server may take to end what was open, in ms. */
const REST = 10_000;

/** How long the server may take to end, in ms, once it refuses new clients. */
const STOP = 15_000;

/** How often it is said how far it is, in ms. */
const PROGRESS = 10_000;

/** What is to be done. */
interface Plan {
  readonly seconds: number;
  readonly seed: number;
  readonly clients: number;
}

/** Undefined if help is asked for. */
function parsePlan(args: string[]): Plan | undefined {
  const flags = parseFlags(args, {
    "seconds": "value",
    "seed": "value",
    "clients": "value",
    "help": "switch",
  });
  if (flags.help) return undefined;
  const seconds = (parseFlag(flags, "seconds", parseSeconds) ?? 60_000) / 1000;
  if (seconds < 1) throw new UsageError("--seconds needs 1 at least");
  return {
    seconds,
    seed: parseFlag(flags, "seed", whole(0, 2 ** 32 - 1)) ??
      crypto.getRandomValues(new Uint32Array(1))[0]!,
    // With a flood they are fewer than the backlog has places: beyond these,
    // connecting takes as long as it likes.
    clients: parseFlag(flags, "clients", whole(2, 200)) ?? 48,
  };
}

/** What the server needed over time, a figure at least every second. */
class Needing implements Disposable {
  readonly #server: ServerProcess;
  readonly #memory: number[] = [];
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(server: ServerProcess, interval: number) {
    this.#server = server;
    this.#timer = setInterval(() => this.#look(), interval);
  }

  /**
   * The memory lately: the median of some figures, for what the garbage
   * collector has not seen yet comes and goes.
   */
  get memory(): number {
    const lately = this.#memory.slice(-10).sort((a, b) => a - b);
    return lately[Math.floor(lately.length / 2)] ?? NaN;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const needs = this.#server.needs();
    if (needs !== undefined) this.#memory.push(needs.memory);
  }
}

/** Waits for what the server does by itself; not for ever. */
async function until(isSo: () => boolean): Promise<void> {
  const end = performance.now() + REST;
  while (!isSo() && performance.now() < end) await pause(20);
}

async function soak(
  { seconds, clients }: Plan,
  server: ServerProcess,
  load: Load,
): Promise<Figures> {
  const warmUp = seconds >= LONG ? LONG_WARM_UP : WARM_UP;
  await load.warmUp(warmUp);
  await until(() => server.log.count >= warmUp);
  const start = server.needs();
  const interval = Math.min(1000, 1000 * seconds / 60);
  using needing = new Needing(server, interval);
  let early = NaN;
  const mark = setTimeout(
    () => early = needing.memory,
    1000 * Math.min(60, seconds / 6),
  );
  const began = performance.now();
  const progress = setInterval(() => {
    const now = Math.round((performance.now() - began) / 1000);
    console.error(`${now} s: ${inShort(load)}, ${mebibytes(needing.memory)}`);
  }, PROGRESS);
  await load.run(clients, seconds);
  clearTimeout(mark);
  clearInterval(progress);
  const late = needing.memory;
  const descriptors = () => server.needs()?.descriptors ?? 0;
  await until(() => descriptors() <= (start?.descriptors ?? 0));
  const end = server.needs();
  const stop = server.hasExited ? undefined : await load.stopServer();
  const killing = setTimeout(() => server.kill("SIGKILL"), STOP);
  const status = await server.exited;
  clearTimeout(killing);
  const stopTime = performance.now() - (stop?.began ?? NaN);
  return { start, early, late, end, stop, status, stopTime };
}

async function main(args: string[]): Promise<number> {
  const plan = parsePlan(args);
  if (plan === undefined) return writeOut(HELP), 0;
  const { seed, seconds, clients } = plan;
  writeOut(`seed ${seed}, ${seconds} seconds, ${clients} clients\n`);
  await using server = new ServerProcess();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      server.kill("SIGKILL");
      Deno.exit(130);
    });
  }
  using load = new Load(server, await server.port, new Random(seed));
  const figures = await soak(plan, server, load);
  const faults = findFaults(figures, load, server.log, seconds);
  writeOut(report(figures, load, server.log));
  for (const fault of faults) writeOut(`fault: ${fault}\n`);
  writeOut(faults.length === 0 ? "passed\n" : `failed, seed ${seed}\n`);
  return faults.length === 0 ? 0 : 1;
}

if (import.meta.main) await runMain(main);
