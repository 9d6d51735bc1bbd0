/**
 * server.ts as a script: serves the default handler until a signal ends it.
 *
 * @module
 */
import config from "../deno.json" with { type: "json" };
import { DEFAULT_HOSTNAME, DEFAULT_PORT } from "../framing/defaults.ts";
import { serve, type Server } from "../server.ts";
import type { AnyServeOptions } from "../server/serve_options.ts";
import { removeStaleSocket } from "../server/socket_file.ts";
import {
  type FlagValues,
  inFlags,
  kindsOf,
  optionsOf,
  readFlags,
} from "./flag_table.ts";
import { parseFlags, UsageError } from "./flags.ts";
import { HealthPort } from "./health.ts";
import { helpText, SERVER_SCRIPT } from "./help.ts";
import { Log } from "./log.ts";
import { isOfAnOption, OptionError } from "./option_error.ts";
import { OutputError, printable, printError, writeOut } from "./output.ts";
import { EXIT, runMain } from "./run.ts";
import { DEFAULT_NOTICE_MS, SERVER_FLAGS } from "./server_flags.ts";
import { Signals, type Stoppable } from "./signals.ts";
import { Threads } from "./threads.ts";
import { FreshSocketFile } from "./unix_server.ts";

type ServerFlags = FlagValues<typeof SERVER_FLAGS>;

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
  const given = parseFlags(args, kindsOf(SERVER_FLAGS));
  if (given.help) return writeOut(helpText(SERVER_SCRIPT)), EXIT.ok;
  if (given.version) return writeOut(`${config.version}\n`), EXIT.ok;
  const flags = readFlags(given, SERVER_FLAGS);
  const options: AnyServeOptions = optionsOf(flags, SERVER_FLAGS);
  const log = new Log(flags.log ?? "text", flags.quiet ? null : Deno.stderr);
  using signals = new Signals();
  try {
    if (options.path !== undefined) await removeStaleSocket(options.path);
    const server = start(flags, options, log);
    signals.stop(server, log);
    await server.finished;
  } catch (error) {
    if (error instanceof OutputError) throw error;
    const { message } = error as Error;
    if (error instanceof OptionError) {
      throw new UsageError(printable(inFlags(message, SERVER_FLAGS)));
    }
    const address = nameOf(options);
    printError(printable(`Cannot serve on ${address}: ${message}`));
    return EXIT.error;
  }
  log.summary();
  // A pending write would keep the process alive.
  if (!await log.close()) Deno.exit(EXIT.ok);
  return EXIT.ok;
}

/** Starts the server, and its health port if there is one. */
function start(
  flags: ServerFlags,
  options: AnyServeOptions,
  log: Log,
): Stoppable {
  const health = healthPort(flags);
  const onListen = (addr: Deno.Addr) => {
    health?.open();
    writeOut(`started on ${"port" in addr ? addr.port : options.path}\n`);
  };
  const { parallel: count = 1, log: format = "text", quiet = false } = flags;
  const server = count === 1
    ? serveInThisThread(options, log, onListen)
    : new Threads({ count, options, format, quiet, onListen }, log);
  return health?.closingBefore(server) ?? server;
}

function healthPort(flags: ServerFlags): HealthPort | undefined {
  const { hostname = DEFAULT_HOSTNAME, "health-port": port } = flags;
  const { notice: noticeMs = DEFAULT_NOTICE_MS } = flags;
  return port === undefined
    ? undefined
    : new HealthPort({ hostname, port, noticeMs });
}

function serveInThisThread(
  options: AnyServeOptions,
  log: Log,
  onListen: (addr: Deno.Addr) => void,
): Stoppable {
  const abort = new AbortController();
  const { path } = options;
  const server = tryToServe({
    ...options,
    signal: abort.signal,
    ...(path === undefined && { onListen }),
    onConversation: (report) => log.conversation(report),
    onError: (error, _message, info) => log.error(error, info.remoteAddr),
    onAcceptError: (error) => log.error(error),
  });
  let isStopping = false;
  const settle = async (path: string) => {
    const file = new FreshSocketFile(path);
    try {
      const isReplaced = !await file.isSettled() && !isStopping;
      if (isReplaced) throw new Error("another server has taken the socket");
      onListen(server.addr);
    } catch (error) {
      abort.abort();
      await server.finished;
      throw error;
    }
    await server.finished;
  };
  return {
    finished: path === undefined ? server.finished : settle(path),
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

/** @throws {OptionError} If an option is refused. */
function tryToServe(options: AnyServeOptions): Server<Deno.Addr> {
  try {
    return serve(options);
  } catch (error) {
    throw isOfAnOption(error) ? new OptionError(error.message) : error;
  }
}

function nameOf(options: AnyServeOptions): string {
  const { hostname = DEFAULT_HOSTNAME, port = DEFAULT_PORT, path } = options;
  return path ?? `${hostname}:${port}`;
}
