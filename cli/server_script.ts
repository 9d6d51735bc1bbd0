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
import { startServer } from "./observed_server.ts";
import { OutputError, printable, printError, writeOut } from "./output.ts";
import { EXIT, runMain } from "./run.ts";
import { DEFAULT_NOTICE_MS, SERVER_FLAGS } from "./server_flags.ts";
import { ModuleError } from "./server_module.ts";
import { Signals, type Stoppable } from "./signals.ts";
import { nameOf, StartError } from "./start_error.ts";
import { Threads } from "./threads.ts";
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
  let address = nameOf(optionsOf(request.flags, SERVER_FLAGS));
  try {
    // Before there are listeners for signals: a signal ends the process while
    // the module loads, however long that takes.
    const configuration = parallel === 1 ? await configure(request) : undefined;
    if (configuration !== undefined) address = nameOf(configuration.options);
    using signals = new Signals();
    const server = await start(request, configuration, log);
    signals.stop(server, log);
    await server.finished;
  } catch (error) {
    return failed(error, address);
  }
  log.summary();
  // A pending write would keep the process alive.
  if (!await log.close()) Deno.exit(EXIT.ok);
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

/** Starts the server, and its health port if there is one. */
async function start(
  request: Request,
  configuration: Configuration | undefined,
  log: Log,
): Promise<Stoppable> {
  const { flags } = request;
  const health = healthPort(request);
  const onListen = (addr: Deno.Addr) => {
    const own = "hostname" in addr ? addr.hostname : DEFAULT_HOSTNAME;
    health?.open(flags.hostname ?? own);
    const name = "port" in addr ? addr.port : (addr as Deno.UnixAddr).path;
    writeOut(`started on ${name}\n`);
  };
  const { parallel: count = 1, log: format = "text", quiet = false } = flags;
  const server = configuration === undefined
    ? new Threads({ count, request, format, quiet, onListen }, log)
    : await serveInThisThread(configuration, log, onListen);
  return health?.closingBefore(server) ?? server;
}

function healthPort({ flags }: Request): HealthPort | undefined {
  const { notice: noticeMs = DEFAULT_NOTICE_MS, "health-port": port } = flags;
  return port === undefined ? undefined : new HealthPort({ port, noticeMs });
}

async function serveInThisThread(
  configuration: Configuration,
  log: Log,
  onListen: (addr: Deno.Addr) => void,
): Promise<Stoppable> {
  const { path } = configuration.options;
  if (path !== undefined) await removeStaleSocket(path);
  const abort = new AbortController();
  const server = startServer(configuration, log, abort.signal);
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
