/**
 * `client.ts --check`: checks a path, and prints what the check finds.
 *
 * @module
 */
import { checkPath, type Finding } from "../check/check.ts";
import { nameOf } from "../client/address.ts";
import { addressOf } from "../client/options.ts";
import { SERVER_MARKER } from "../framing/defaults.ts";
import { markerBytes } from "../framing/marker.ts";
import {
  heading,
  lineRest,
  lineStart,
  untestedOf,
  verdictOf,
} from "./check_text.ts";
import type { ClientFlagOptions } from "./client_flags.ts";
import { UsageError } from "./flags.ts";
import { printable, writeOut } from "./output.ts";
import { EXIT } from "./run.ts";

const STATUS: Record<Finding, number> = {
  kept: EXIT.ok,
  lost: EXIT.error,
  unknown: EXIT.failed,
};

/** The width of the verdict's lines, unless a word is longer. */
const COLUMNS = 79;

/** The flags that are for `--check` alone, or mean something else with it. */
export interface CheckFlags {
  /** How long the slow reader pauses, in ms. */
  readonly pause: number | undefined;
  /** Whether to print the verdict alone. */
  readonly quiet: boolean;
}

/**
 * Checks the path and prints the table and the verdict.
 *
 * @returns The exit status.
 * @throws {UsageError} If the time-out is 0.
 */
export async function check(
  options: ClientFlagOptions,
  { pause, quiet }: CheckFlags,
): Promise<number> {
  const { end = SERVER_MARKER, replyEnd, timeout } = options;
  // A check that waits without a limit would never come to a verdict.
  if (timeout === 0) throw new UsageError("--check needs a --timeout above 0");
  const address = addressOf(options);
  const print = (text: string) => quiet ? undefined : writeOut(text);
  let isLineOpen = false;
  print(`the path to ${printable(nameOf(address))}\n\n${heading()}\n`);
  const report = await checkPath({
    address,
    end: markerBytes(end),
    replyEnd: replyEnd === undefined ? undefined : markerBytes(replyEnd),
    timeout,
    pause,
    onStart(name) {
      isLineOpen = true;
      print(lineStart(name));
    },
    onChecked(conversation) {
      isLineOpen = false;
      print(`${lineRest(conversation)}\n`);
    },
  });
  print(isLineOpen ? "\n\n" : "\n");
  const untested = untestedOf(report);
  if (untested !== undefined) print(`${wrap(untested)}\n`);
  writeOut(wrap(printable(verdictOf(report))));
  return STATUS[report.finding];
}

/** The words on as few lines as they need. */
function wrap(text: string): string {
  let lines = "";
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > COLUMNS) {
      lines += `${line}\n`;
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return `${lines}${line}\n`;
}
