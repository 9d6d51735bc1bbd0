/**
 * server.ts as a script: serves the default handler until a signal ends it.
 *
 * @module
 */
import config from "../deno.json" with { type: "json" };
import { DEFAULT_HOSTNAME } from "../framing/defaults.ts";
import { removeStaleSocket } from "../server/socket_file.ts";
import {
  type Configuration,
  configure,
  type Request,
} from "./configuration.ts";
import { kindsOf, optionsOf, readFlags } from "./flag_table.ts";
import { parseCommandLine, UsageError } from "./flags.ts";
import { HealthPort } from "./health.ts";
import { helpText, SERVER_SCRIPT } from "./help.ts";
import { Log } from "./log.ts";
import { newCounters, totalsOf } from "./metrics.ts";
import { MetricsPort } from "./metrics_port.ts";
import { toPrometheus, toStatus } from "./metrics_text.ts";
import { type StatusPort, withNotice } from "./notice.ts";
import { inherited, startServer } from "./observed_server.ts";
import { OutputError, printable, printError, writeOut } from "./output.ts";
import { EXIT, runMain } from "./run.ts";
import { DEFAULT_NOTICE_MS, SERVER_FLAGS } from "./server_flags.ts";
import { ModuleError } from "./server_module.ts";
import { Signals, type Stoppable } from "./signals.ts";
import { nameOf, StartError } from "./start_error.ts";
import { Notifier, passedSockets } from "./systemd.ts";
import { Threads } from "./threads.ts";
import {
  CertificateWatch,
  type ReplaceTls,
  replaceTlsOf,
} from "./tls_files.ts";
import { FreshSocketFile } from "./unix_server.ts";

/** Runs the server script with the arguments of the process. */
export async function run(): Promise<void> {
  await runMain(main);
}

/**
 * Serves until a signal has ended the server.
 *
 * @param args Arguments of the command line.
 * @returns The exit status.
 * @throws {UsageError} If the command line is wrong.
 */
export async function main(args: string[]): Promise<number> {
  const { flags: given, operands: [module] } = parseCommandLine(
    args,
    kindsOf(SERVER_FLAGS),
    1,
  );
  if (given.help) return writeOut(helpText(SERVER_SCRIPT)), EXIT.ok;
  if (given.version) return writeOut(`${config.version}\n`), EXIT.ok;
  const request = { module, flags: readFlags(given, SERVER_FLAGS) };
  const status = await serve(request);
  // What a module has started would keep the process alive.
  if (module !== undefined) Deno.exit(status);
  return status;
}

/** Serves, and returns the exit status. */
async function serve(request: Request): Promise<number> {
  const { log: format = "text", quiet = false, parallel = 1 } = request.flags;
  const log = new Log(format, quiet ? null : Deno.stderr);
  // Whoever sends a signal wants an answer, without a log as well.
  const answers = quiet ? new Log(format, Deno.stderr) : log;
  const counters = Array.from({ length: parallel }, newCounters);
  let address = nameOf(optionsOf(request.flags, SERVER_FLAGS));
  try {
    // Before there are listeners for signals: a signal ends the process while
    // the module loads, however long that takes.
    const configuration = parallel === 1 ? await configure(request) : undefined;
    if (configuration !== undefined) address = nameOf(configuration.options);
    using signals = new Signals(() => {
      answers.append(`${toStatus(format, totalsOf(counters))}\n`);
    });
    const server = await start({ request, configuration, log, counters });
    signals.stop(server, log);
    await server.finished;
  } catch (error) {
    return failed(error, address);
  }
  log.summary();
  const isWritten = await Promise.all([log.close(), answers.close()]);
  // A pending write would keep the process alive.
  if (isWritten.includes(false)) Deno.exit(EXIT.ok);
  return EXIT.ok;
}

/**
 * Prints why the server cannot start or go on; returns the exit status.
 *
 * @throws {UsageError} If the command line is wrong.
 */
function failed(error: unknown, address: string): number {
  if (error instanceof OutputError) throw error;
  const { message } = error as Error;
  if (error instanceof UsageError) throw new UsageError(printable(message));
  const isComplete = error instanceof StartError ||
    error instanceof ModuleError;
  printError(
    printable(isComplete ? message : `Cannot serve on ${address}: ${message}`),
  );
  return error instanceof ModuleError ? EXIT.usage : EXIT.error;
}

/** What a server is started with. */
interface Parts {
  readonly request: Request;
  /** Undefined if there are several threads, which find it themselves. */
  readonly configuration: Configuration | undefined;
  readonly log: Log;
  /** Memory of the metrics of each thread. */
  readonly counters: readonly Float64Array[];
}

/** Starts the server, and the ports that tell of its state. */
async function start(parts: Parts): Promise<Stoppable> {
  const { request, configuration, log, counters } = parts;
  const { flags } = request;
  const ports = statusPorts(parts);
  const notifier = Notifier.ifWanted(log);
  const onListen = (addr: Deno.Addr) => {
    const own = "hostname" in addr ? addr.hostname : DEFAULT_HOSTNAME;
    for (const port of ports) port.open(flags.hostname ?? own);
    const name = "port" in addr
      ? addr.port
      : (addr as Deno.UnixAddr).path || "an inherited socket";
    writeOut(`started on ${name}\n`);
    notifier?.ready();
  };
  const { log: format = "text", quiet = false, parallel = 1 } = flags;
  const { "systemd-socket": name } = flags;
  const fds = name === undefined ? [] : passedSockets(name, parallel);
  const observers = { log, counters: counters[0]!, onListen };
  const server = configuration === undefined
    ? new Threads({ counters, request, fds, format, quiet, onListen }, log)
    : await serveInThisThread(configuration, fds[0], observers);
  const noticing = withNotice(server, ports, flags.notice ?? DEFAULT_NOTICE_MS);
  const stoppable = notifier?.watching(noticing) ?? noticing;
  const watch = new CertificateWatch(flags, server.replaceTls, log);
  const unwatch = () => watch[Symbol.dispose]();
  stoppable.finished.then(unwatch, unwatch);
  return stoppable;
}

/** A server whose certificates can be replaced. */
type Replaceable = Stoppable & { readonly replaceTls: ReplaceTls };

function statusPorts({ request: { flags }, counters }: Parts): StatusPort[] {
  const { "health-port": health, "metrics-port": metrics } = flags;
  const text = () => toPrometheus(totalsOf(counters));
  return [
    ...(health === undefined ? [] : [new HealthPort(health)]),
    ...(metrics === undefined ? [] : [new MetricsPort(metrics, text)]),
  ];
}

async function serveInThisThread(
  configuration: Configuration,
  fd: number | undefined,
  { log, counters, onListen }: {
    log: Log;
    counters: Float64Array;
    onListen: (addr: Deno.Addr) => void;
  },
): Promise<Replaceable> {
  const { path } = configuration.options;
  if (path !== undefined) await removeStaleSocket(path);
  const abort = new AbortController();
  const { signal } = abort;
  const server = startServer(
    configuration,
    { log, counters, signal },
    await inherited(fd),
  );
  let isStopping = false;
  const run = async () => {
    try {
      if (path !== undefined) {
        const isSettled = await new FreshSocketFile(path).isSettled();
        if (!isSettled && !isStopping) {
          throw new Error("another server has taken the socket");
        }
      }
      onListen(server.addr);
    } catch (error) {
      abort.abort();
      await server.finished;
      throw error;
    }
    await server.finished;
  };
  return {
    replaceTls: replaceTlsOf(configuration),
    finished: run(),
    shutdown: () => {
      isStopping = true;
      server.shutdown();
    },
    abort: () => {
      isStopping = true;
      abort.abort();
    },
  };
}
