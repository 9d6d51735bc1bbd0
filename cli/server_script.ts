/**
 * server.ts as a script: serves the default handler until a signal ends it.
 *
 * @module
 */
import config from "../deno.json" with { type: "json" };
import { DEFAULT_HOSTNAME, DEFAULT_PORT } from "../framing/defaults.ts";
import { serve, type ServeOptions } from "../server.ts";
import { removeStaleSocket } from "../server/stale_socket.ts";
import {
  type FlagValues,
  kindsOf,
  optionsOf,
  readFlags,
} from "./flag_table.ts";
import { parseFlags } from "./flags.ts";
import { HealthPort } from "./health.ts";
import { helpText, SERVER_SCRIPT } from "./help.ts";
import { Log } from "./log.ts";
import { OutputError, printable, printError, writeOut } from "./output.ts";
import { EXIT, runMain } from "./run.ts";
import { DEFAULT_NOTICE_MS, SERVER_FLAGS } from "./server_flags.ts";
import { Signals, type Stoppable } from "./signals.ts";
import { Threads } from "./threads.ts";

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
  const options: ServeOptions = optionsOf(flags, SERVER_FLAGS);
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
  options: ServeOptions,
  log: Log,
): Stoppable {
  const health = healthPort(flags);
  const onListen = (addr: Deno.Addr) => {
    health?.open();
    writeOut(`started on ${"port" in addr ? addr.port : options.path}\n`);
  };
  const { parallel: count = 1, log: format = "text", quiet = false } = flags;
  const server = count === 1
    ? serveInThisThread({ ...options, onListen }, log)
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

function serveInThisThread(options: ServeOptions, log: Log): Stoppable {
  const abort = new AbortController();
  const server = serve({
    ...options,
    signal: abort.signal,
    onConversation: (report) => log.conversation(report),
    onAcceptError: (error) => log.error(error),
  });
  return {
    finished: server.finished,
    shutdown: () => server.shutdown(),
    abort: () => abort.abort(),
  };
}

function nameOf(options: ServeOptions): string {
  const { hostname = DEFAULT_HOSTNAME, port = DEFAULT_PORT, path } = options;
  return path ?? `${hostname}:${port}`;
}
