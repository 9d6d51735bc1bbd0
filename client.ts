/**
 * The client script: `deno run -A client.ts --data a1234`. What it does is
 * `sendData()` and `connect()`, which are exported from here too.
 *
 * @module
 */
import { ConversationError, type Reply, type SendEvent } from "./client/reply.ts";
import {
  choice,
  EXIT,
  type Flags,
  parseFlag,
  parseFlags,
  parseMarker,
  parseSeconds,
  parseSize,
  readText,
  runMain,
  UsageError,
  whole,
  writeOut,
} from "./cli/flags.ts";
import {
  CLIENT_MARKER,
  DEFAULT_HOSTNAME,
  DEFAULT_PORT,
  SERVER_MARKER,
} from "./framing/defaults.ts";
import config from "./deno.json" with { type: "json" };
import type { ClientConversation } from "./client/pipelined.ts";
import { nameOf } from "./client/dial.ts";
import { check } from "./cli/check_script.ts";
import { type Job, jobs } from "./cli/input.ts";
import { Printer } from "./cli/printer.ts";
import {
  connect,
  type ConnectOptions,
  sendData,
  type SendOptions,
  whereOf,
} from "./client/send.ts";
import { LONGEST_TIMER } from "./server/deadline.ts";

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
  --trace [json]      draw a time line on standard error, instead of the lines
                      before the reply; or write each step as a line of JSON
  --check             tell what the path to the server does to a half-close,
                      by a few conversations; --marker is the server's
                      (${SERVER_MARKER}), --timeout without a byte (10)
  --pause SECONDS     how long the slow reader of --check reads nothing (3)
  --quiet             print the reply alone, exactly its bytes; of --check,
                      the verdict alone
  --help              print this
  --version           print the version

Exit status: 0 a reply; 1 the server's last word was an ERROR; 2 the command
line is wrong; 3 the conversation failed (refused, cut, no last word, timed
out). With --check: 0 the path keeps the last word; 1 it loses it; 3 could not
tell.
`;

const FLAGS = {
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
  "trace": "optional",
  "check": "switch",
  "pause": "value",
  "quiet": "switch",
  "help": "switch",
  "version": "switch",
} as const;

/** The client script: prints the conversations, resolves to its exit status. */
export async function main(args: string[]): Promise<number> {
  const flags = parseFlags(args, FLAGS);
  if (flags.help) return writeOut(HELP), EXIT.ok;
  if (flags.version) return writeOut(`${config.version}\n`), EXIT.ok;
  checkCombinations(flags);
  const options = toOptions(flags);
  if (flags.check) {
    return await check(options, {
      pause: parseFlag(flags, "pause", parseSeconds),
      quiet: flags.quiet ?? false,
    });
  }
  const printer = await Printer.open({
    quiet: flags.quiet ?? false,
    trace: flags.trace === ""
      ? "text"
      : parseFlag(flags, "trace", choice("json")),
  });
  const all = await jobs(flags.data, flags.file);
  if (flags["keep-alive"]) await dialog(all, options, printer);
  else for (const job of all) await conversation(job, options, printer);
  printer.hint();
  return printer.status;
}

/** @throws {UsageError} If a value is none. */
function toOptions(flags: Flags<typeof FLAGS>): SendOptions {
  return {
    hostname: flags.hostname,
    port: parseFlag(flags, "port", whole(1, 65535)),
    path: flags.unix,
    tls: flags.tls,
    caCerts: flags.ca === undefined ? [] : [readText("ca", flags.ca)],
    end: parseFlag(flags, "marker", parseMarker),
    replyEnd: parseFlag(flags, "reply-marker", parseMarker),
    framing: parseFlag(flags, "framing", choice("end", "count")),
    halfClose: parseFlag(flags, "half-close", choice("before", "after")),
    timeout: parseFlag(flags, "timeout", parseSeconds),
    // More than in the library: here it is the user who asked for the file.
    maxReplyBytes: parseFlag(flags, "max-bytes", parseSize) ?? 1024 ** 3,
  };
}

/** What `--check` sends and reads is its own affair. */
const NOT_CHECKED = [
  "data",
  "file",
  "framing",
  "keep-alive",
  "half-close",
  "max-bytes",
  "trace",
];

/** @throws {UsageError} If a flag was given that another makes meaningless. */
function checkCombinations(flags: Record<string, unknown>): void {
  const excluding: [string, string][] = [
    ["unix", "tls"],
    ["unix", "hostname"],
    ["unix", "port"],
    ["keep-alive", "half-close"],
  ];
  for (const name of NOT_CHECKED) excluding.push(["check", name]);
  if (flags.framing === "count") {
    excluding.push(["framing", "marker"], ["framing", "reply-marker"]);
  }
  for (const [one, other] of excluding) {
    if (flags[one] !== undefined && flags[other] !== undefined) {
      throw new UsageError(`--${one} and --${other} exclude each other`);
    }
  }
  if (flags.pause !== undefined && flags.check === undefined) {
    throw new UsageError("--pause is for --check");
  }
  if (flags.hostname === "") {
    throw new UsageError("--hostname must not be empty");
  }
  if (flags.unix === "") throw new UsageError("--unix must not be empty");
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
    printer.watch(event);
    if (event.type === "connected") printer.say("connected");
    if (event.type === "wrote") wrote += event.byteLength;
    if (event.type === "sent") {
      sentAll = true;
      printer.say(`sent ${job.sent(event.byteLength)}`);
    }
    if (event.type === "half-close") printer.say("shutdown");
  };
  const to = nameOf(whereOf(options));
  const reply = await printer.tell(
    to,
    job.size,
    () => sendData(job.data, { ...options, onEvent }),
  );
  if (reply === undefined) return;
  if (!sentAll) printer.say(`sent only ${wrote} bytes, then the answer came`);
  printer.reply(reply);
}

/** All messages on one connection. */
async function dialog(
  jobs: readonly Job[],
  options: SendOptions,
  printer: Printer,
): Promise<void> {
  const to = nameOf(whereOf(options));
  // One message of many says nothing of how far it all is.
  const size = jobs.length === 1 ? jobs[0]!.size : undefined;
  await printer.tell(to, size, () => ask(jobs, options, printer));
}

async function ask(
  jobs: readonly Job[],
  options: SendOptions,
  printer: Printer,
): Promise<void> {
  const { timeout = 0 } = options;
  const signal = timeout > 0 && timeout <= LONGEST_TIMER
    ? AbortSignal.timeout(timeout)
    : undefined;
  const onEvent = (event: SendEvent) => printer.watch(event);
  try {
    const dialog: ClientConversation = await connect(
      { ...options, signal, onEvent },
    );
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

if (import.meta.main) await runMain(main);
