/**
 * What `--help` prints.
 *
 * @module
 */
import type { Flag, FlagTable } from "./flag_table.ts";
import { DEMO_FLAGS } from "./demo_flags.ts";
import { SERVER_FLAGS } from "./server_flags.ts";
import { CLIENT_FLAGS } from "./client_flags.ts";

/** No line of `--help` is longer, in columns. */
const COLUMNS = 80;

/** Stands for a space at which no line is broken. */
const NO_BREAK = "\u00a0";

/** Script whose flags are explained. */
export interface Script {
  /** Name of its file. */
  readonly file: string;
  /** Its arguments that are not flags, as `--help` shows them. */
  readonly operands?: string;
  /** What the script does, in a sentence. */
  readonly summary: string;
  /** Its flags. */
  readonly flags: FlagTable;
  /** Name of the function whose options its flags set, if they set any. */
  readonly functionName?: string;
  /** What `--help` says after the flags: paragraphs. */
  readonly notes: readonly string[];
}

/** server.ts. */
export const SERVER_SCRIPT: Script = {
  file: "server.ts",
  operands: "[MODULE]",
  summary:
    "Answers each message over TCP with a module's handler, or with it twice.",
  flags: SERVER_FLAGS,
  functionName: "serve",
  notes: [
    "MODULE is a path or a URL. Its default export is a handler, or an object " +
    "with handler or converse and other options of serve(), which flags " +
    "override. Without a module, the reply is the message twice.",
    "A MARKER understands the escapes \\r \\n \\t \\0 \\\\ \\xHH. A SIZE is in " +
    "bytes, or as 64KiB, 64MiB, 1GiB. SECONDS may have a fraction; 0 is no " +
    "limit.",
    "SIGINT or SIGTERM begins a shutdown: open conversations have --grace " +
    "seconds left. A second signal aborts them. With --health-port or " +
    "--metrics-port, the first signal closes the health port, /readyz becomes " +
    "503, and the shutdown begins after --notice seconds, so that a load " +
    "balancer can stop sending. SIGUSR2 prints the metrics.",
    "SIGHUP reads certificates and keys again, with --reload-cert and the " +
    "flags that imply it. systemd is notified if it wants to be (NOTIFY_SOCKET).",
    "Exit status: 0 after a shutdown; 1 the server could not listen; 2 the " +
    "command line or the module is wrong; 3 the output could not be written.",
  ],
};

/** client.ts. */
export const CLIENT_SCRIPT: Script = {
  file: "client.ts",
  summary: "Sends a message and its end marker over TCP, and prints the reply.",
  flags: CLIENT_FLAGS,
  functionName: "sendData",
  notes: [
    "A MARKER understands the escapes \\r \\n \\t \\0 \\\\ \\xHH. A SIZE is in " +
    "bytes, or as 64KiB, 64MiB, 1GiB. SECONDS may have a fraction; 0 is no " +
    "limit.",
    "Exit status: 0 a reply; 1 an error reply (ERROR:...!); 2 the command " +
    "line is wrong; 3 the conversation failed (refused, truncated, no reply, " +
    "timed out) or the output could not be written. With --check: 0 the path " +
    "keeps the reply; 1 the path loses it; 3 the check could not tell.",
  ],
};

/** demo.ts. */
export const DEMO_SCRIPT: Script = {
  file: "demo.ts",
  summary: "Shows over real sockets what a half-close does: without options, " +
    "as text.",
  flags: DEMO_FLAGS,
  notes: [
    "Exit status: 0 the demo has ended; 1 the page could not be served; 2 the " +
    "command line is wrong; 3 the output could not be written.",
  ],
};

/** Returns the text of `--help`. */
export function helpText(
  { file, operands, summary, flags, notes }: Script,
): string {
  const shown = ["[OPTIONS]", ...(operands === undefined ? [] : [operands])];
  return [
    ...wrap(summary, COLUMNS),
    "",
    `Usage: deno run -A ${file} ${shown.join(" ")}`,
    "",
    "Options:",
    ...optionLines(flags),
    ...notes.flatMap((note) => ["", ...wrap(note, COLUMNS)]),
    "",
  ].join("\n");
}

function optionLines(flags: FlagTable): string[] {
  const entries = Object.entries(flags).map(([name, flag]) => ({
    left: `  --${name}${flag.value === undefined ? "" : ` ${flag.value}`}`,
    right: withDefault(flag),
  }));
  const width = Math.max(...entries.map(({ left }) => left.length)) + 2;
  return entries.flatMap(({ left, right }) =>
    wrap(right, COLUMNS - width).map((line, index) =>
      (index === 0 ? left : "").padEnd(width) + line
    )
  );
}

function withDefault({ help, default: shown }: Flag): string {
  if (shown === undefined) return help;
  const unbroken = shown.replace(/\S+ WRONG MARKER/g, joinWords);
  return `${help} (${joinWords("default: ")}${unbroken})`;
}

/** Keeps words together on a line. */
function joinWords(words: string): string {
  return words.replaceAll(" ", NO_BREAK);
}

/** Breaks a text into lines of at most `columns`, between its words. */
function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return [...lines, line].map((line) => line.replaceAll(NO_BREAK, " "));
}
