/**
 * The client script: `deno run -A client.ts --data a1234`. What it does is
 * `sendData()` and `connect()`, which are exported from here too.
 *
 * @module
 */
import { ConversationError, type Reply, type SendEvent } from "./answer.ts";
import {
  choice,
  EXIT,
  parseFlag,
  parseFlags,
  parseMarker,
  parseSeconds,
  parseSize,
  printable,
  readText,
  runMain,
  UsageError,
  whole,
  writeOut,
} from "./cli.ts";
import { CLIENT_MARKER, DEFAULT_HOSTNAME, DEFAULT_PORT } from "./defaults.ts";
import config from "./deno.json" with { type: "json" };
import type { ClientConversation } from "./dialog.ts";
import {
  connect,
  type ConnectOptions,
  sendData,
  type SendOptions,
} from "./send.ts";
import { LONGEST_TIMER } from "./watch.ts";

export {
  type ClientConversation,
  connect,
  type ConnectOptions,
  ConversationError,
  type Reply,
  sendData,
  type SendEvent,
  type SendOptions,
};

const HELP = `Sends a message and its end marker over TCP, and prints the reply.

Usage: deno run -A client.ts [OPTIONS]

Options:
  --data TEXT         what to send; given several times, one conversation each
  --file PATH         send the bytes of a file; standard input is sent when it
                      is no terminal and there is neither --data nor --file
  --hostname NAME     where the server is (${DEFAULT_HOSTNAME})
  --port PORT         its port (${DEFAULT_PORT})
  --unix PATH         the path of its Unix socket, instead
  --tls               speak TLS
  --ca PATH           certificates to trust beside the known ones, in PEM
  --marker TEXT       the end marker (${CLIENT_MARKER});
                      understands \\r \\n \\t \\0 \\\\ \\xHH
  --reply-marker TEXT the end marker of replies; without it the end of file
                      ends a reply, and a cut one may look whole
  --framing end|count by end markers, or by a count in front: netstrings (end)
  --keep-alive        one connection for all --data; replies end in the
                      reply marker, or in the marker
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

const SAME_MARKER = "both sides need the same --marker";

/** What to try after a last word, on standard error. */
const LAST_WORD_HINTS = new Map([
  ["no end", `the server did not find its end marker: ${SAME_MARKER}`],
  ["timed out", `a server that finds no end marker waits: ${SAME_MARKER}`],
  ["bad count", "the server wants netstrings: --framing count"],
]);

/** What to try after a failure, on standard error. */
const FAILURE_HINTS = new Map([
  [
    "no last word",
    "something on the path may take a half-close for a close: " +
    "try --half-close after (or the reply was empty)",
  ],
  [
    "cut",
    "the server or something on the path broke the connection: " +
    "look at its log; a --reply-marker on both sides tells whole from cut",
  ],
  [
    "timed out",
    "raise --timeout; or the path keeps the reply back: " +
    "try --half-close after",
  ],
  ["too large", "raise --max-bytes"],
  ["bad count", "the server needs --framing count as well"],
]);

/** The client script: prints the conversations, resolves to its exit status. */
export async function main(args: string[]): Promise<number> {
  const flags = parseFlags(args, {
    "data": "values",
    "file": "value",
    "hostname": "value",
    "port": "value",
    "unix": "value",
    "tls": "switch",
    "ca": "value",
    "marker": "value",
    "reply-marker": "value",
    "framing": "value",
    "keep-alive": "switch",
    "half-close": "value",
    "timeout": "value",
    "max-bytes": "value",
    "quiet": "switch",
    "help": "switch",
    "version": "switch",
  });
  if (flags.help) return writeOut(HELP), EXIT.ok;
  if (flags.version) return writeOut(`${config.version}\n`), EXIT.ok;
  checkCombinations(flags);
  if (flags.hostname === "") {
    throw new UsageError("--hostname must not be empty");
  }
  const timeout = parseFlag(flags, "timeout", parseSeconds) ?? 0;
  const options: SendOptions = {
    hostname: flags.hostname,
    port: parseFlag(flags, "port", whole(1, 65535)),
    path: flags.unix,
    tls: flags.tls,
    caCerts: flags.ca === undefined ? [] : [readText("ca", flags.ca)],
    end: parseFlag(flags, "marker", parseMarker),
    replyEnd: parseFlag(flags, "reply-marker", parseMarker),
    framing: parseFlag(flags, "framing", choice("end", "count")),
    halfClose: parseFlag(flags, "half-close", choice("before", "after")),
    timeout,
    // More than in the library: here it is the user who asked for the file.
    maxReplyBytes: parseFlag(flags, "max-bytes", parseSize) ?? 1024 ** 3,
  };
  const printer = new Printer(flags.quiet ?? false);
  const all = await jobs(flags.data, flags.file);
  if (flags["keep-alive"]) {
    await printer.tell(() => dialog(all, options, timeout, printer));
  } else {
    for (const job of all) {
      await printer.tell(() => conversation(job, options, printer));
    }
  }
  printer.hint();
  return printer.status;
}

/** @throws {UsageError} If a flag was given that another makes meaningless. */
function checkCombinations(flags: Record<string, unknown>): void {
  const excluding: [string, string][] = [
    ["unix", "tls"],
    ["unix", "hostname"],
    ["unix", "port"],
    ["keep-alive", "half-close"],
  ];
  if (flags.framing === "count") {
    excluding.push(["framing", "marker"], ["framing", "reply-marker"]);
  }
  for (const [one, other] of excluding) {
    if (flags[one] !== undefined && flags[other] !== undefined) {
      throw new UsageError(`--${one} and --${other} exclude each other`);
    }
  }
  if (flags.unix === "") throw new UsageError("--unix must not be empty");
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
  // On one connection with others, nobody counts while it is sent.
  const sent = (byteLength: number) =>
    Number.isNaN(byteLength) ? "all" : `${byteLength} bytes`;
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

/** One message on a connection of its own. */
async function conversation(
  job: Job,
  options: SendOptions,
  printer: Printer,
): Promise<void> {
  let wrote = 0;
  let sentAll = false;
  const onEvent = (event: SendEvent) => {
    if (event.type === "connected") printer.say("connected");
    if (event.type === "wrote") wrote += event.byteLength;
    if (event.type === "sent") {
      sentAll = true;
      printer.say(`sent ${job.sent(event.byteLength)}`);
    }
    if (event.type === "half-close") printer.say("shutdown");
  };
  const reply = await sendData(job.data, { ...options, onEvent });
  if (!sentAll) printer.say(`sent only ${wrote} bytes, then the answer came`);
  printer.reply(reply);
}

/** All messages on one connection. */
async function dialog(
  jobs: readonly Job[],
  options: ConnectOptions,
  timeout: number,
  printer: Printer,
): Promise<void> {
  const signal = timeout > 0 && timeout <= LONGEST_TIMER
    ? AbortSignal.timeout(timeout)
    : undefined;
  try {
    const dialog: ClientConversation = await connect({ ...options, signal });
    printer.say("connected");
    for (const { data, sent } of jobs) {
      const reply = dialog.ask(data);
      printer.say(`sent ${sent(NaN)}`);
      printer.reply(await reply);
    }
    await dialog.close();
    printer.say("shutdown");
  } catch (error) {
    if (!signal?.aborted) throw error;
    const nothing = new Uint8Array(0);
    const message = `Timed out after ${timeout} ms`;
    throw new ConversationError("timed out", message, nothing);
  }
}

/** What the user sees, and the exit status it comes to. */
class Printer {
  status: number = EXIT.ok;
  readonly #quiet: boolean;
  readonly #hints = new Set<string>();

  constructor(quiet: boolean) {
    this.#quiet = quiet;
  }

  say(line: string): void {
    if (!this.#quiet) writeOut(`${line}\n`);
  }

  /** The reply, and what it means for the exit status. */
  reply({ data, lastWord }: Reply): void {
    this.#print(data);
    if (lastWord === null) return;
    this.status = Math.max(this.status, EXIT.error);
    this.#hint(LAST_WORD_HINTS.get(lastWord));
  }

  /** What a conversation failed with, if it does. */
  async tell(hold: () => Promise<void>): Promise<void> {
    try {
      await hold();
    } catch (error) {
      if (error instanceof InputError) throw new UsageError(error.message);
      if (!(error instanceof ConversationError)) throw error;
      this.#print(error.received);
      console.error(printable(error.message));
      this.status = EXIT.failed;
      this.#hint(
        error.cause instanceof Deno.errors.ConnectionRefused
          ? "is a server running there?"
          : FAILURE_HINTS.get(error.reason),
      );
    }
  }

  /** Each hint once, behind all else. */
  hint(): void {
    for (const hint of this.#hints) console.error(`hint: ${hint}`);
  }

  #hint(hint: string | undefined): void {
    if (hint !== undefined) this.#hints.add(hint);
  }

  /** Outside of a terminal, and with --quiet, exactly these bytes. */
  #print(data: Uint8Array): void {
    if (this.#quiet) return writeOut(data);
    if (data.length === 0) return;
    const forTerminal = Deno.stdout.isTerminal();
    writeOut(forTerminal ? printable(new TextDecoder().decode(data)) : data);
    writeOut("\n");
  }
}

if (import.meta.main) await runMain(main);
