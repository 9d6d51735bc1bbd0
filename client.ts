/**
 * The client: one conversation, and the last word of it. As a script:
 * `deno run -A client.ts --data a1234`.
 *
 * @module
 */
import {
  choice,
  EXIT,
  parseFlag,
  parseFlags,
  parseMarker,
  parseSeconds,
  parseSize,
  printable,
  runMain,
  UsageError,
  whole,
  writeOut,
} from "./cli.ts";
import {
  CLIENT_MARKER,
  DEFAULT_HOSTNAME,
  DEFAULT_MAX_BYTES,
  DEFAULT_PORT,
} from "./defaults.ts";
import config from "./deno.json" with { type: "json" };
import {
  ConversationError,
  Exchange,
  messagePieces,
  type Reply,
  type SendEvent,
} from "./exchange.ts";
import { checkMaxBytes, type Marker, markerBytes } from "./recv_end.ts";
import { LONGEST_TIMER } from "./watch.ts";

export { ConversationError, type Reply, type SendEvent };

/** Options of {@linkcode sendData}. */
export interface SendOptions {
  /** Where the server is. @default {"127.0.0.1"} */
  hostname?: string;
  /** Its port. @default {4444} */
  port?: number;
  /** The end marker that is sent behind the data. @default {"CLIENT WRONG MARKER"} */
  end?: Marker;
  /**
   * When to half-close: before the reply, as a client that is done sending
   * does; or after it, which gets through more proxies, but leaves the server
   * without a way to notice that the marker is missing.
   *
   * @default {"before"}
   */
  halfClose?: "before" | "after";
  /**
   * How many bytes the reply may have.
   * @default {134217728} (128 MiB: the largest message of a server, twice)
   */
  maxReplyBytes?: number;
  /** How long the conversation may take, in ms; 0 is no limit. @default {0} */
  timeout?: number;
  /** Ends the conversation; {@linkcode sendData} throws its reason. */
  signal?: AbortSignal;
  /** Called for each step of the conversation, as it happens. */
  onEvent?: (event: SendEvent) => void;
}

/**
 * Holds one conversation: connects, sends the data and the end marker,
 * half-closes, reads the reply to its end, and closes.
 *
 * It writes and reads at the same time, so a server that answers in the
 * middle of the message is heard, and then nothing more is sent. When a write
 * fails it still reads: what the server said before may be waiting.
 *
 * @param data The message. A stream is sent as it comes; what is not sent of
 * it is cancelled.
 * @param options The server, the marker, the limits.
 * @returns The reply, whole. It may be a last word: see `lastWord`.
 * @throws {ConversationError} If there is no whole reply.
 * @throws {TypeError} If the data is neither text, bytes nor a stream of
 * bytes, or `end` is empty.
 * @throws {RangeError} If a limit is not a number in its range.
 * @throws What the stream threw; `signal.reason`, if aborted.
 *
 * @example The server's last word
 * ```ts
 * import { sendData, serve } from "@recv-end/recv-end";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve({ port: 0 });
 * // By default the two markers differ, on purpose.
 * const reply = await sendData("a1234", { port: server.addr.port });
 * assertEquals(reply.text(), "ERROR:no end!");
 * assertEquals(reply.lastWord, "no end");
 * ```
 */
export async function sendData(
  data: string | Uint8Array | ReadableStream<Uint8Array>,
  options: SendOptions = {},
): Promise<Reply> {
  const {
    hostname = DEFAULT_HOSTNAME,
    port = DEFAULT_PORT,
    halfClose = "before",
    maxReplyBytes = 2 * DEFAULT_MAX_BYTES,
    timeout = 0,
    signal,
    onEvent = () => {},
  } = options;
  const marker = markerBytes(options.end ?? CLIENT_MARKER);
  checkMaxBytes(maxReplyBytes);
  if (!(timeout >= 0)) {
    throw new RangeError(
      `Cannot use timeout as a limit: it must be from 0, and is ${timeout}`,
    );
  }
  signal?.throwIfAborted();

  const message = messagePieces(data, marker);
  const stop = new AbortController();
  const abort = () => stop.abort(signal?.reason);
  signal?.addEventListener("abort", abort);
  const timer = timeout > 0 && timeout <= LONGEST_TIMER
    ? setTimeout(() => stop.abort(), timeout)
    : undefined;
  const exchange = new Exchange(onEvent, maxReplyBytes);
  try {
    await exchange.connect(hostname, port, stop.signal);
    return await exchange.hold(message, halfClose);
  } catch (error) {
    signal?.throwIfAborted();
    if (!stop.signal.aborted) throw error;
    throw exchange.failure("timed out", `Timed out after ${timeout} ms`, error);
  } finally {
    message.cancel();
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

const HELP = `Sends a message and its end marker over TCP, and prints the reply.

Usage: deno run -A client.ts [OPTIONS]

Options:
  --data TEXT         what to send; given several times, one conversation each
  --file PATH         send the bytes of a file; standard input is sent when it
                      is no terminal and there is neither --data nor --file
  --hostname NAME     where the server is (${DEFAULT_HOSTNAME})
  --port PORT         its port (${DEFAULT_PORT})
  --marker TEXT       the end marker (${CLIENT_MARKER});
                      understands \\r \\n \\t \\0 \\\\ \\xHH
  --half-close WHEN   before or after the reply (before)
  --timeout SECONDS   for the whole conversation; 0 for none (0)
  --max-bytes SIZE    of a reply: bytes, or 64KiB, 64MiB, 1GiB (1GiB)
  --quiet             print the reply alone, exactly its bytes
  --help              print this
  --version           print the version

Exit status: 0 a reply; 1 the server's last word was an ERROR; 2 the command
line is wrong; 3 the conversation failed (refused, cut, no last word, timed
out).
`;

/** What to try, on standard error, when it did not go well. */
const HINTS = new Map([
  [
    "no end",
    "the server did not find its end marker: both sides need the same --marker",
  ],
  ["refused", "is a server running there?"],
  [
    "no last word",
    "something on the path may take a half-close for a close: " +
    "try --half-close after",
  ],
]);

/** The client script: prints the conversations, resolves to its exit status. */
export async function main(args: string[]): Promise<number> {
  const flags = parseFlags(args, {
    "data": "values",
    "file": "value",
    "hostname": "value",
    "port": "value",
    "marker": "value",
    "half-close": "value",
    "timeout": "value",
    "max-bytes": "value",
    "quiet": "switch",
    "help": "switch",
    "version": "switch",
  });
  if (flags.help) return writeOut(HELP), EXIT.ok;
  if (flags.version) return writeOut(`${config.version}\n`), EXIT.ok;
  const options: SendOptions = {
    hostname: flags.hostname,
    port: parseFlag(flags, "port", whole(1, 65535)),
    end: parseFlag(flags, "marker", parseMarker),
    halfClose: parseFlag(flags, "half-close", choice("before", "after")),
    timeout: parseFlag(flags, "timeout", parseSeconds),
    maxReplyBytes: parseFlag(flags, "max-bytes", parseSize) ?? 1024 ** 3,
  };
  const quiet = flags.quiet ?? false;
  const hints = new Set<string>();
  let status: number = EXIT.ok;
  for (const job of await jobs(flags.data, flags.file)) {
    const ended = await hold(job, options, quiet, hints);
    status = Math.max(status, ended);
  }
  for (const hint of hints) console.error(`hint: ${hint}`);
  return status;
}

/** One conversation of the script. */
interface Job {
  data: string | ReadableStream<Uint8Array>;
  /** What the `sent` line says when all of it was sent. */
  sent: (byteLength: number) => string;
}

async function jobs(
  texts: string[] | undefined,
  file: string | undefined,
): Promise<Job[]> {
  if (texts !== undefined && file !== undefined) {
    throw new UsageError("--data and --file exclude each other");
  }
  if (texts !== undefined) {
    return texts.map((data) => ({ data, sent: () => data }));
  }
  const sent = (byteLength: number) => `${byteLength} bytes`;
  if (file !== undefined) {
    const { readable } = await Deno.open(file).catch((error) => {
      throw new UsageError(cannotRead("--file", error));
    });
    return [{ data: readInput("--file", readable), sent }];
  }
  if (Deno.stdin.isTerminal()) {
    throw new UsageError("nothing to send: give --data or --file");
  }
  return [{ data: readInput("standard input", Deno.stdin.readable), sent }];
}

/** What the user gave us to send cannot be read. */
class InputError extends Error {}

/** The same stream; when it fails, it fails as an {@linkcode InputError}. */
function readInput(
  name: string,
  stream: ReadableStream<Uint8Array>,
): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        controller.error(new InputError(cannotRead(name, error)));
      }
    },
    cancel: () => reader.cancel(),
  }, { highWaterMark: 0 });
}

function cannotRead(name: string, error: unknown): string {
  return `${name} cannot be read: ${printable((error as Error).message)}`;
}

/** Holds one conversation, prints it, and returns its exit status. */
async function hold(
  job: Job,
  options: SendOptions,
  quiet: boolean,
  hints: Set<string>,
): Promise<number> {
  const say = (line: string) => quiet || writeOut(`${line}\n`);
  const hint = (about: string) => {
    const text = HINTS.get(about);
    if (text !== undefined) hints.add(text);
  };
  let wrote = 0;
  let sentAll = false;
  const onEvent = (event: SendEvent) => {
    if (event.type === "connected") say("connected");
    if (event.type === "wrote") wrote += event.byteLength;
    if (event.type === "sent") {
      sentAll = true;
      say(`sent ${job.sent(event.byteLength)}`);
    }
    if (event.type === "half-close") say("shutdown");
  };
  try {
    const reply = await sendData(job.data, { ...options, onEvent });
    if (!sentAll) say(`sent only ${wrote} bytes, then the answer came`);
    printReply(reply.data, quiet);
    if (reply.lastWord === null) return EXIT.ok;
    hint(reply.lastWord);
    return EXIT.error;
  } catch (error) {
    if (error instanceof InputError) throw new UsageError(error.message);
    if (!(error instanceof ConversationError)) throw error;
    printReply(error.received, quiet);
    console.error(printable(error.message));
    hint(error.reason);
    return EXIT.failed;
  }
}

/** The reply; outside of a terminal, and with --quiet, exactly its bytes. */
function printReply(data: Uint8Array, quiet: boolean): void {
  if (quiet) return writeOut(data);
  if (data.length === 0) return;
  const forTerminal = Deno.stdout.isTerminal();
  writeOut(forTerminal ? printable(new TextDecoder().decode(data)) : data);
  writeOut("\n");
}

if (import.meta.main) await runMain(main);
