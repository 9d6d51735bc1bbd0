/**
 * What both scripts share: flags, sizes, escapes, usage errors, exit codes.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";

/** The exit statuses of both scripts. */
export const EXIT = {
  /** All went as asked. */
  ok: 0,
  /** The last word was an ERROR; or the server could not listen. */
  error: 1,
  /** The command line was wrong. */
  usage: 2,
  /** The conversation failed: refused, cut, no last word, timed out. */
  failed: 3,
} as const;

/** A command line that cannot be followed. The message is one line. */
export class UsageError extends Error {
  override name = "UsageError";
}

/**
 * What a flag takes: nothing, a value, a value or nothing, or a value each
 * time it is given.
 */
export type FlagKind = "switch" | "value" | "optional" | "values";

/**
 * The flags that were given: `true`, a value (empty, where an optional one is
 * missing), or all values of `values`.
 */
export type Flags<Kinds extends Record<string, FlagKind>> = {
  [Name in keyof Kinds]?: Kinds[Name] extends "switch" ? boolean
    : Kinds[Name] extends "value" | "optional" ? string
    : string[];
};

/**
 * Reads a command line.
 *
 * @throws {UsageError} For a flag that is not among `kinds`, a value that is
 * missing or not wanted, or an argument that is no flag.
 */
export function parseFlags<Kinds extends Record<string, FlagKind>>(
  args: readonly string[],
  kinds: Kinds,
): Flags<Kinds> {
  const names = Object.keys(kinds);
  const taking = names.filter((name) => kinds[name] !== "switch");
  checkValues(args, kinds);
  const { _: _rest, ...parsed } = parseArgs(args, {
    boolean: names.filter((name) => kinds[name] === "switch"),
    string: taking,
    collect: names.filter((name) => kinds[name] === "values"),
  });
  const given = new Set(
    args.flatMap((arg) => /^--([^=]+)/.exec(arg)?.[1] ?? []),
  );
  return Object.fromEntries(
    Object.entries(parsed).filter(([name]) => given.has(name)),
  ) as Flags<Kinds>;
}

// parseArgs takes unknown flags for known ones, and a missing value for an
// empty one, so both are looked for before it runs.
function checkValues(
  args: readonly string[],
  kinds: Record<string, FlagKind>,
): void {
  for (let index = 0; index < args.length; index++) {
    const arg = args[index]!;
    const [, name, value] = /^--([^=]+)(?:=(.*))?$/s.exec(arg) ?? [];
    if (name === undefined) {
      throw new UsageError(`unexpected argument ${printable(arg)}`);
    }
    if (!Object.hasOwn(kinds, name)) {
      throw new UsageError(`unknown flag --${printable(name)}`);
    }
    if (kinds[name] === "switch") {
      if (value !== undefined) throw new UsageError(`--${name} takes no value`);
    } else if (value === undefined) {
      const next = args[index + 1];
      const isFlag = next === undefined || next.startsWith("-");
      if (!isFlag) index++;
      if (!isFlag || kinds[name] === "optional") continue;
      if (next === undefined) throw new UsageError(`--${name} needs a value`);
      throw new UsageError(
        `--${name} needs a value (--${name}=${printable(next)} ` +
          "for one that starts with a dash)",
      );
    }
  }
}

/** The value of a flag, read by `parse`; undefined if it was not given. */
export function parseFlag<Value>(
  flags: Record<string, unknown>,
  name: string,
  parse: (name: string, text: string) => Value,
): Value | undefined {
  const text = flags[name];
  return typeof text === "string" ? parse(name, text) : undefined;
}

/**
 * A reader of whole numbers; what is none from `least` to `most` is a
 * {@linkcode UsageError}.
 */
export function whole(
  least: number,
  most: number,
): (name: string, text: string) => number {
  return (name, text) => {
    const number = /^\d+$/.test(text) ? Number(text) : NaN;
    if (number >= least && number <= most) return number;
    throw new UsageError(
      `--${name} needs a whole number from ${least} to ${most}, ` +
        `not ${printable(text)}`,
    );
  };
}

/**
 * Seconds, fractions allowed, as milliseconds.
 *
 * @throws {UsageError} If it is no number from 0.
 */
export function parseSeconds(name: string, text: string): number {
  if (!/^(\d+\.?\d*|\.\d+)$/.test(text)) {
    throw new UsageError(
      `--${name} needs seconds, as 30 or 0.5, not ${printable(text)}`,
    );
  }
  return Number(text) * 1000;
}

const UNITS = { "": 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/**
 * A size in bytes: `1000`, `64KiB`, `64MiB`, `1GiB`.
 *
 * @throws {UsageError} If it is none.
 */
export function parseSize(name: string, text: string): number {
  const [, digits, unit] = /^(\d+)(|[KMG]iB)$/.exec(text) ?? [];
  const bytes = Number(digits) * UNITS[unit as keyof typeof UNITS];
  if (!Number.isSafeInteger(bytes)) {
    throw new UsageError(
      `--${name} needs a size, as 1000, 64KiB, 64MiB or 1GiB, ` +
        `not ${printable(text)}`,
    );
  }
  return bytes;
}

/** A reader of sizes; a smaller one is a {@linkcode UsageError}. */
export function sizeFrom(
  least: number,
): (name: string, text: string) => number {
  return (name, text) => {
    const bytes = parseSize(name, text);
    if (bytes >= least) return bytes;
    throw new UsageError(`--${name} needs at least ${least} bytes`);
  };
}

/**
 * The text of a file that a flag names.
 *
 * @throws {UsageError} If it cannot be read.
 */
export function readText(name: string, path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new UsageError(
      `--${name} cannot be read: ${printable((error as Error).message)}`,
    );
  }
}

/** A reader of one of a few words; another is a {@linkcode UsageError}. */
export function choice<const Choice extends string>(
  ...choices: readonly Choice[]
): (name: string, text: string) => Choice {
  return (name, text) => {
    const choice = choices.find((choice) => choice === text);
    if (choice !== undefined) return choice;
    throw new UsageError(
      `--${name} is ${choices.join(" or ")}, not ${printable(text)}`,
    );
  };
}

const ESCAPES = new Map([["r", 13], ["n", 10], ["t", 9], ["0", 0], ["\\", 92]]);

/**
 * An end marker as bytes; understands `\r \n \t \0 \\ \xHH`.
 *
 * @throws {UsageError} If it is empty, or has another escape.
 */
export function parseMarker(name: string, text: string): Uint8Array {
  if (text === "") throw new UsageError(`--${name} must not be empty`);
  const encoder = new TextEncoder();
  const bytes: number[] = [];
  for (const part of text.matchAll(/\\x([0-9a-f]{2})|\\(.?)|[^\\]+/gis)) {
    const [whole, hex, letter] = part;
    if (hex !== undefined) {
      bytes.push(parseInt(hex, 16));
    } else if (letter === undefined) {
      bytes.push(...encoder.encode(whole));
    } else {
      const byte = ESCAPES.get(letter);
      if (byte === undefined) {
        throw new UsageError(
          `--${name} has an escape that is none of ` +
            `\\r \\n \\t \\0 \\\\ \\xHH: ${printable(whole)}`,
        );
      }
      bytes.push(byte);
    }
  }
  return new Uint8Array(bytes);
}

/**
 * Text that a terminal shows and does not obey: control characters, and what
 * changes the direction of writing, are escaped.
 */
export function printable(text: string): string {
  return text.replace(
    // deno-lint-ignore no-control-regex
    /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => {
      const code = character.charCodeAt(0);
      return code < 256
        ? `\\x${code.toString(16).padStart(2, "0")}`
        : `\\u${code.toString(16).padStart(4, "0")}`;
    },
  );
}

/** Writes all of it to standard output, and waits until it is written. */
export function writeOut(text: string | Uint8Array): void {
  writeWhole(Deno.stdout, text);
}

/**
 * A line on standard error. Where that takes none, the exit status has to be
 * enough.
 */
export function report(line: string): void {
  try {
    writeErr(`${line}\n`);
  } catch (error) {
    if (!(error instanceof OutputError)) throw error;
  }
}

/** The same for standard error. */
export function writeErr(text: string): void {
  writeWhole(Deno.stderr, text);
}

function writeWhole(
  output: { writeSync(bytes: Uint8Array): number },
  text: string | Uint8Array,
): void {
  const bytes = typeof text === "string"
    ? new TextEncoder().encode(text)
    : text;
  for (let start = 0; start < bytes.length;) {
    try {
      start += output.writeSync(bytes.subarray(start));
    } catch (error) {
      // A pipe that does not block and is full: somebody will read it soon.
      if (!(error instanceof Deno.errors.WouldBlock)) {
        throw new OutputError("Cannot write the output", { cause: error });
      }
    }
  }
}

/** Standard output, or standard error, takes no more. */
export class OutputError extends Error {}

/**
 * Runs a script: prints a {@linkcode UsageError} as one line on standard
 * error, and sets the exit status. Other errors are bugs, and keep their
 * trace.
 */
export async function runMain(
  main: (args: string[]) => Promise<number>,
): Promise<void> {
  try {
    Deno.exitCode = await main(Deno.args);
  } catch (error) {
    if (error instanceof OutputError) {
      const { cause } = error as { cause: Error };
      // Nobody reads the output any more, `client.ts … | head -n 1`: that is
      // no news to the user. A full disk is.
      if (!(cause instanceof Deno.errors.BrokenPipe)) {
        report(printable(`${error.message}: ${cause.message}`));
      }
      Deno.exit(EXIT.failed);
    }
    if (!(error instanceof UsageError)) throw error;
    Deno.exitCode = EXIT.usage;
    report(`${error.message}; see --help`);
  }
}
