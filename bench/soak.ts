/**
 * The server under load from honest and hostile clients, for a minute or for
 * hours: every honest client must get its reply. `deno task soak`.
 *
 * @module
 */
import { parseFlag, parseFlags, UsageError } from "../cli/flags.ts";
import { writeOut } from "../cli/output.ts";
import { runMain } from "../cli/run.ts";
import { parseSeconds, wholeNumber } from "../cli/values.ts";
import { Load } from "./soak_load.ts";
import { pause, Random } from "./soak_random.ts";
import {
  type Figures,
  findFaults,
  LONG_SECONDS,
  mebibytes,
  report,
  summarize,
} from "./soak_report.ts";
import { ServerProcess } from "./soak_server.ts";

const HELP =
  `Runs honest and hostile clients against the server; no reply may be lost.

Usage: deno task soak [OPTIONS]

Options:
  --seconds SECONDS  duration of the load (60)
  --seed NUMBER      seed of all that the clients do (random, printed)
  --clients COUNT    number of concurrent clients, half of them honest; floods
                     of connections come in addition (48)
  --help             print this

Memory and descriptors are measured on Linux only. In runs of ${LONG_SECONDS} seconds
or more, memory must not grow by more than a tenth after the first minute.

Exit status: 0 no reply was lost, and the server ended well; 1 otherwise; 2 the
command line is wrong.
`;

/** The number of honest conversations before the first measurement. */
const WARM_UP = 50;

/**
 * The number of honest conversations before the first measurement of a long
 * run: V8's space for young objects grows during the first ten thousand.
 */
const LONG_WARM_UP = 10_000;

/** The time for the server to end the open conversations. */
const REST_MS = 10_000;

/** The time for the server to end, once it refuses new clients. */
const STOP_MS = 15_000;

/** The time between two lines of progress. */
const PROGRESS_MS = 10_000;

/** The parsed command line. */
interface Plan {
  readonly seconds: number;
  readonly seed: number;
  readonly clients: number;
}

/** Parses the command line; undefined if `--help` is given. */
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
    seed: parseFlag(flags, "seed", wholeNumber(0, 2 ** 32 - 1)) ??
      crypto.getRandomValues(new Uint32Array(1))[0]!,
    // Together with a flood, fewer than the places of the backlog: beyond
    // these, connecting takes any time.
    clients: parseFlag(flags, "clients", wholeNumber(2, 200)) ?? 48,
  };
}

/** The server's memory over time. */
class MemoryHistory implements Disposable {
  readonly #server: ServerProcess;
  readonly #memory: number[] = [];
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(server: ServerProcess, intervalMs: number) {
    this.#server = server;
    this.#timer = setInterval(() => this.#measure(), intervalMs);
  }

  /**
   * The current memory, in bytes: the median of the last measurements, for
   * garbage comes and goes.
   */
  get current(): number {
    const latest = this.#memory.slice(-10).sort((a, b) => a - b);
    return latest[Math.floor(latest.length / 2)] ?? NaN;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #measure(): void {
    const usage = this.#server.usage();
    if (usage !== undefined) this.#memory.push(usage.memory);
  }
}

/** Waits for a condition, but not longer than {@linkcode REST_MS}. */
async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + REST_MS;
  while (!condition() && performance.now() < end) await pause(20);
}

async function soak(
  { seconds, clients }: Plan,
  server: ServerProcess,
  load: Load,
): Promise<Figures> {
  const warmUp = seconds >= LONG_SECONDS ? LONG_WARM_UP : WARM_UP;
  await load.warmUp(warmUp);
  await until(() => server.log.count >= warmUp);
  const start = server.usage();
  const intervalMs = Math.min(1000, 1000 * seconds / 60);
  using memory = new MemoryHistory(server, intervalMs);
  let early = NaN;
  const earlyTimer = setTimeout(
    () => early = memory.current,
    1000 * Math.min(60, seconds / 6),
  );
  const startedAt = performance.now();
  const progressTimer = setInterval(() => {
    const now = Math.round((performance.now() - startedAt) / 1000);
    const text = `${summarize(load)}, ${mebibytes(memory.current)}`;
    console.error(`${now} s: ${text}`);
  }, PROGRESS_MS);
  await load.run(clients, seconds);
  clearTimeout(earlyTimer);
  clearInterval(progressTimer);
  const late = memory.current;
  const descriptors = () => server.usage()?.descriptors ?? 0;
  await until(() => descriptors() <= (start?.descriptors ?? 0));
  const end = server.usage();
  const stop = server.hasExited ? undefined : await load.stopServer();
  const killTimer = setTimeout(() => server.kill("SIGKILL"), STOP_MS);
  const status = await server.exited;
  clearTimeout(killTimer);
  const stopMs = performance.now() - (stop?.signalledAt ?? NaN);
  return { start, early, late, end, stop, status, stopMs };
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
