/**
 * The server: one conversation for each connection, and the last word in all
 * of them. As a script: `deno run -A server.ts`.
 *
 * @module
 */
import { ConversationServer } from "./server/accept.ts";
import {
  choice,
  EXIT,
  OutputError,
  parseFlag,
  parseFlags,
  parseMarker,
  parseSeconds,
  parseSize,
  printable,
  readText,
  runMain,
  sizeFrom,
  UsageError,
  whole,
  writeOut,
} from "./cli/flags.ts";
import { DEFAULT_HOSTNAME, DEFAULT_PORT, SERVER_MARKER } from "./framing/defaults.ts";
import config from "./deno.json" with { type: "json" };
import { removeDeadSocket } from "./server/listen.ts";
import { HealthPort } from "./cli/health.ts";
import { Log } from "./cli/log.ts";
import type { ServeOptions, Server } from "./server/options.ts";
import { type Handler, twice } from "./server/handler.ts";
import { Signals, type Stoppable } from "./cli/signals.ts";
import { Threads } from "./cli/threads.ts";

export type { ServeOptions, Server };

/**
 * Serves conversations: each connection's message is read to its end marker
 * and answered by the handler, or by the last word that fits, and the client
 * has the chance to read it, because nothing is closed before it has.
 *
 * @param options Where to listen, the marker, the limits, the callbacks.
 * @param handler Answers a message. By default, with the message twice.
 * @returns The server, listening.
 * @throws {TypeError} If `end` is empty.
 * @throws {RangeError} If a limit is not a number in its range.
 * @throws What `signal` holds, if it is aborted already; what `Deno.listen`
 * throws: `Deno.errors.AddrInUse`, `Deno.errors.NotCapable`, …
 *
 * @example A server and a client
 * ```ts
 * import { sendData, serve } from "@recv-end/recv-end";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve(
 *   { port: 0, end: "\n" },
 *   (message) => message.text().toUpperCase(),
 * );
 * const reply = await sendData("to be", { port: server.addr.port, end: "\n" });
 * assertEquals(reply.text(), "TO BE");
 * ```
 */
export function serve(handler?: Handler): Server;
/** The same on a Unix socket. */
export function serve(
  options: ServeOptions & { path: string },
  handler?: Handler,
): Server<Deno.UnixAddr>;
/** The same with options. */
export function serve(options: ServeOptions, handler?: Handler): Server;
export function serve(
  first: ServeOptions | Handler = {},
  second?: Handler,
): Server<Deno.Addr> {
  const options = typeof first === "function" ? {} : first;
  const handler = typeof first === "function" ? first : second ?? twice;
  return new ConversationServer(options, handler);
}

const HELP =
  `Answers messages over TCP: each with itself twice, or with a last word.

Usage: deno run -A server.ts [OPTIONS]

Options:
  --hostname NAME            where to listen (${DEFAULT_HOSTNAME})
  --port PORT                0 takes a free one and prints it (${DEFAULT_PORT})
  --marker TEXT              the end marker (${SERVER_MARKER});
                             understands \\r \\n \\t \\0 \\\\ \\xHH
                             several times: the first to end ends a message
  --reply-marker TEXT        behind every reply and last word
  --keep-alive               many messages a connection
  --framing end|count        by end markers, or by a count in front:
                             netstrings (end)
  --unix PATH                listen on a Unix socket instead
  --cert PATH --key PATH     speak TLS, with these in PEM
  --max-bytes SIZE           of a message (64MiB)
  --idle-timeout SECONDS     without a byte, reading or writing (30)
  --message-timeout SECONDS  for a whole message (300)
  --linger-timeout SECONDS   without a byte after the reply (5)
  --max-connections COUNT    served at a time (10000)
  --max-buffered SIZE        of all messages together (1GiB)
  --grace SECONDS            for open conversations at shutdown (10)
  --health-port PORT         open while new conversations are welcome
  --notice SECONDS           from closing it to the shutdown (2)
  --parallel COUNT           threads that share the port and the limits (1)
  --log text|json            a line for each conversation (text)
  --quiet                    no lines on standard error
  --help                     print this
  --version                  print the version

Sizes are bytes, or 64KiB, 64MiB, 1GiB. Times are seconds, fractions allowed,
0 for no limit. SIGINT and SIGTERM let open conversations finish; a second one
cuts them. With a health port, the first closes only that, until the notice is
over: a balancer that looks at it has stopped sending by then.

Exit status: 0 after a shutdown; 1 it could not listen; 2 the command line is
wrong.
`;

/** The server script. Resolves to its exit status. */
async function main(args: string[]): Promise<number> {
  const flags = parseFlags(args, {
    "hostname": "value",
    "port": "value",
    "unix": "value",
    "cert": "value",
    "key": "value",
    "marker": "values",
    "reply-marker": "value",
    "keep-alive": "switch",
    "framing": "value",
    "max-bytes": "value",
    "idle-timeout": "value",
    "message-timeout": "value",
    "linger-timeout": "value",
    "max-connections": "value",
    "max-buffered": "value",
    "grace": "value",
    "health-port": "value",
    "notice": "value",
    "parallel": "value",
    "log": "value",
    "quiet": "switch",
    "help": "switch",
    "version": "switch",
  });
  if (flags.help) return writeOut(HELP), EXIT.ok;
  if (flags.version) return writeOut(`${config.version}\n`), EXIT.ok;
  const options: ServeOptions = {
    hostname: flags.hostname,
    port: parseFlag(flags, "port", whole(0, 65535)),
    end: flags.marker?.map((text) => parseMarker("marker", text)),
    replyEnd: parseFlag(flags, "reply-marker", parseMarker),
    keepAlive: flags["keep-alive"],
    framing: parseFlag(flags, "framing", choice("end", "count")),
    path: flags.unix,
    cert: flags.cert === undefined ? undefined : readText("cert", flags.cert),
    key: flags.key === undefined ? undefined : readText("key", flags.key),
    maxBytes: parseFlag(flags, "max-bytes", parseSize),
    idleTimeout: parseFlag(flags, "idle-timeout", parseSeconds),
    messageTimeout: parseFlag(flags, "message-timeout", parseSeconds),
    lingerTimeout: parseFlag(flags, "linger-timeout", parseSeconds),
    maxConnections: parseFlag(flags, "max-connections", whole(1, 1e9)),
    maxBufferedBytes: parseFlag(flags, "max-buffered", sizeFrom(64 * 1024)),
    grace: parseFlag(flags, "grace", parseSeconds),
  };
  const count = parseFlag(flags, "parallel", whole(1, 1024)) ?? 1;
  if (count > 1 && options.path !== undefined) {
    throw new UsageError("--parallel and --unix exclude each other");
  }
  if (options.path === "") throw new UsageError("--unix must not be empty");
  if (options.path !== undefined && options.cert !== undefined) {
    throw new UsageError("--unix and --cert exclude each other");
  }
  if ((options.cert === undefined) !== (options.key === undefined)) {
    throw new UsageError("--cert and --key need each other");
  }
  const healthPort = parseFlag(flags, "health-port", whole(1, 65535));
  const notice = parseFlag(flags, "notice", parseSeconds);
  if (notice !== undefined && healthPort === undefined) {
    throw new UsageError("--notice is for --health-port");
  }
  const format = parseFlag(flags, "log", choice("text", "json")) ?? "text";
  const quiet = flags.quiet ?? false;
  const log = new Log(format, quiet ? null : Deno.stderr);
  using signals = new Signals();
  try {
    const health = healthPort === undefined ? undefined : new HealthPort({
      hostname: options.hostname ?? DEFAULT_HOSTNAME,
      port: healthPort,
      notice: notice ?? 2000,
    });
    const onListen = (addr: Deno.Addr) => {
      health?.open();
      writeOut(`started on ${"port" in addr ? addr.port : options.path}\n`);
    };
    if (options.path !== undefined) await removeDeadSocket(options.path);
    const server = count === 1
      ? serveHere({ ...options, onListen }, log)
      : new Threads({ count, options, format, quiet, onListen }, log);
    const stoppable = health?.before(server) ?? server;
    signals.stop(stoppable, log);
    await stoppable.finished;
  } catch (error) {
    if (error instanceof OutputError) throw error;
    const { hostname = DEFAULT_HOSTNAME, port = DEFAULT_PORT } = options;
    const where = options.path ?? `${hostname}:${port}`;
    const { message } = error as Error;
    console.error(printable(`Cannot serve on ${where}: ${message}`));
    return EXIT.error;
  }
  log.summary();
  // A write that is stuck would keep the process.
  if (!await log.close()) Deno.exit(EXIT.ok);
  return EXIT.ok;
}

/** Serves in this thread. */
function serveHere(options: ServeOptions, log: Log): Stoppable {
  const cut = new AbortController();
  const server = serve({
    ...options,
    signal: cut.signal,
    onConversation: (report) => log.conversation(report),
    onError: (error) => log.trouble(error),
  });
  return {
    finished: server.finished,
    shutdown: () => server.shutdown(),
    cut: () => cut.abort(),
  };
}

if (import.meta.main) await runMain(main);
