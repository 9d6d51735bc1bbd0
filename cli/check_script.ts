/**
 * `client.ts --check`: what the user sees of a check.
 *
 * @module
 */
import { checkPath } from "./check.ts";
import { EXIT, printable, UsageError, writeOut } from "./cli.ts";
import { SERVER_MARKER } from "./defaults.ts";
import { nameOf } from "./dial.ts";
import { markerBytes } from "./recv_end.ts";
import { type SendOptions, whereOf } from "./send.ts";
import type { Finding } from "./finding.ts";
import { beginningOf, heading, restOf } from "./verdict.ts";

const STATUS: Record<Finding, number> = {
  kept: EXIT.ok,
  lost: EXIT.error,
  unknown: EXIT.failed,
};

/** No line is longer, where words can be parted. */
const COLUMNS = 79;

/** How it is held. */
export interface CheckFlags {
  /** How long the slow reader pauses, in ms. */
  readonly pause: number | undefined;
  /** The verdict alone. */
  readonly quiet: boolean;
}

/** Checks the path, prints what it finds, resolves to the exit status. */
export async function check(
  options: SendOptions,
  { pause, quiet }: CheckFlags,
): Promise<number> {
  const { end = SERVER_MARKER, replyEnd, timeout } = options;
  // To wait for ever would tell nothing.
  if (timeout === 0) throw new UsageError("--check needs a --timeout above 0");
  const where = whereOf(options);
  const say = (text: string) => quiet ? undefined : writeOut(text);
  let isOpen = false;
  say(`the path to ${printable(nameOf(where))}\n\n${heading()}\n`);
  const { finding, verdict } = await checkPath({
    where,
    end: markerBytes(end),
    replyEnd: replyEnd === undefined ? undefined : markerBytes(replyEnd),
    timeout,
    pause,
    onStart(name) {
      isOpen = true;
      say(beginningOf(name));
    },
    onChecked(checked) {
      isOpen = false;
      say(`${restOf(checked)}\n`);
    },
  });
  say(isOpen ? "\n\n" : "\n");
  writeOut(wrap(printable(verdict)));
  return STATUS[finding];
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
