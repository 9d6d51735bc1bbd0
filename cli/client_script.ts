/**
 * client.ts as a script: sends messages, and prints the replies.
 *
 * @module
 */
import { connectOver, sendDataOver } from "../client.ts";
import { nameOf } from "../client/address.ts";
import type { SendEvent } from "../client/events.ts";
import {
  addressOf,
  resolveOptions,
  type SendOptions,
} from "../client/options.ts";
import { ConversationError } from "../client/reply.ts";
import config from "../deno.json" with { type: "json" };
import { CLIENT_MARKER, LONGEST_TIMER_MS } from "../framing/defaults.ts";
import { markerBytes } from "../framing/marker.ts";
import { check } from "./check_script.ts";
import {
  CLIENT_FLAGS,
  type ClientFlagOptions,
  DEFAULT_MAX_REPLY_BYTES,
} from "./client_flags.ts";
import { converse } from "./conversation.ts";
import { kindsOf, optionsOf, readFlags } from "./flag_table.ts";
import { parseFlags, UsageError } from "./flags.ts";
import { CLIENT_SCRIPT, helpText } from "./help.ts";
import { type Input, inputsFrom } from "./input.ts";
import { writeOut } from "./output.ts";
import { Printer } from "./printer.ts";
import { EXIT, runMain } from "./run.ts";

/** The time without a byte after which the user gets a hint. */
const SILENCE_MS = 30_000;

/** Runs the client script with the arguments of the process. */
export async function run(): Promise<void> {
  await runMain(main);
  // A read of standard input may still be pending, and cannot be cancelled: the
  // process would wait for one more line.
  Deno.exit();
}

/**
 * Sends the messages, and prints the replies.
 *
 * @param args Arguments of the command line.
 * @param silenceMs The time without a byte after which the user gets a hint.
 * @returns The exit status of the worst conversation.
 * @throws {UsageError} If the command line is wrong.
 */
export async function main(
  args: string[],
  silenceMs: number = SILENCE_MS,
): Promise<number> {
  const given = parseFlags(args, kindsOf(CLIENT_FLAGS));
  if (given.help) return writeOut(helpText(CLIENT_SCRIPT)), EXIT.ok;
  if (given.version) return writeOut(`${config.version}\n`), EXIT.ok;
  const flags = readFlags(given, CLIENT_FLAGS);
  const { quiet = false, pause, trace } = flags;
  const options: ClientFlagOptions = {
    maxReplyBytes: DEFAULT_MAX_REPLY_BYTES,
    ...optionsOf(flags, CLIENT_FLAGS),
  };
  if (flags.check) return await check(options, { pause, quiet });
  const keepAlive = flags["keep-alive"] ?? false;
  const endOfFile = flags["end-of-file"] ?? false;
  const isCounted = options.framing === "count";
  if (keepAlive && options.end === undefined && !isCounted) {
    throw new UsageError("--keep-alive needs --marker, or --framing count");
  }
  const isTyped = Deno.stdin.isTerminal();
  const isConversation = keepAlive && (isTyped || !isCounted) &&
    flags.data === undefined && flags.file === undefined;
  const marker = isCounted || endOfFile
    ? undefined
    : markerBytes(options.end ?? CLIENT_MARKER);
  const inputs = isConversation
    ? []
    : await inputsFrom(flags.data, flags.file, marker);
  // A program that reads the output has no use for a hint, and a user who has
  // set a limit does not wait for ever.
  const isHinting = !quiet && trace !== "json" && !options.timeout;
  const printer = await Printer.open({
    quiet,
    trace,
    keepAlive,
    isTyped: isConversation && isTyped,
    silenceMs: isHinting ? silenceMs : 0,
  });
  if (isConversation) {
    await converseOnOneConnection(options, isTyped, printer);
  } else if (keepAlive) {
    await sendOnOneConnection(inputs, options, printer);
  } else {
    const own = endOfFile ? { ...options, end: null } : options;
    for (const input of inputs) await sendAlone(input, own, printer);
  }
  printer.hints();
  return printer.status;
}

/** Sends one message on a connection of its own. */
async function sendAlone(
  { data, byteLength, nameSent }: Input,
  options: SendOptions,
  printer: Printer,
): Promise<void> {
  let bytesWritten = 0;
  let isSent = false;
  const onEvent = (event: SendEvent) => {
    printer.event(event);
    if (event.type === "connected") printer.line("connected");
    if (event.type === "wrote") bytesWritten += event.byteLength;
    if (event.type === "sent") {
      isSent = true;
      printer.line(`sent ${nameSent(event.byteLength)}`);
    }
    if (event.type === "half-close") printer.line("shutdown");
  };
  const address = nameOf(addressOf(options));
  const reply = await printer.show(
    address,
    byteLength,
    () => sendDataOver(printer.system, data, { ...options, onEvent }),
  );
  if (reply === undefined) return;
  if (!isSent) {
    printer.line(`sent only ${bytesWritten} bytes, then the answer came`);
  }
  printer.reply(reply);
}

/** Sends the parts of standard input on one connection. */
async function converseOnOneConnection(
  options: ClientFlagOptions,
  isTyped: boolean,
  printer: Printer,
): Promise<void> {
  const { timeout = 0, end, replyEnd = end } = options;
  const resolved = resolveOptions({
    ...options,
    ...(replyEnd !== undefined && { replyEnd }),
  });
  const settings = { options: resolved, timeout, isTyped };
  const address = nameOf(resolved.address);
  await printer.show(address, undefined, () => converse(settings, printer));
}

/** Sends all messages on one connection. */
async function sendOnOneConnection(
  inputs: readonly Input[],
  options: ClientFlagOptions,
  printer: Printer,
): Promise<void> {
  const address = nameOf(addressOf(options));
  // The size of one of several messages says little of the progress.
  const byteLength = inputs.length === 1 ? inputs[0]!.byteLength : undefined;
  await printer.show(
    address,
    byteLength,
    () => requestAll(inputs, options, printer),
  );
}

async function requestAll(
  inputs: readonly Input[],
  options: ClientFlagOptions,
  printer: Printer,
): Promise<void> {
  const { timeout = 0 } = options;
  const signal = timeout > 0 && timeout <= LONGEST_TIMER_MS
    ? AbortSignal.timeout(timeout)
    : undefined;
  const onEvent = (event: SendEvent) => printer.event(event);
  try {
    const client = await connectOver(
      printer.system,
      { ...options, timeout: 0, signal, onEvent },
    );
    printer.line("connected");
    for (const { data, nameSent } of inputs) {
      const reply = client.request(data);
      printer.line(`sent ${nameSent(undefined)}`);
      printer.reply(await reply);
    }
    await client.close();
    printer.line("shutdown");
  } catch (error) {
    if (!signal?.aborted) throw error;
    const nothing = new Uint8Array(0);
    const message = `Timed out after ${timeout} ms`;
    throw new ConversationError("timed out", message, nothing);
  }
}
