/**
 * Reads a command line strictly: unknown flags, missing values and unexpected
 * arguments are errors.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { printable } from "./output.ts";

/** Thrown for a wrong command line. The message is one line. */
export class UsageError extends Error {
  override name = "UsageError";
}

/**
 * What a flag takes: nothing (`switch`), a value, an optional value, or a
 * value each time the flag is given (`values`).
 */
export type FlagKind = "switch" | "value" | "optional" | "values";

/**
 * Text of the flags that were given. A switch is `true`; an optional value
 * that was left out is the empty string; of a repeated `value`, the last one
 * counts.
 */
export type Flags<Kinds extends Record<string, FlagKind>> = {
  [Name in keyof Kinds]?: Kinds[Name] extends "switch" ? boolean
    : Kinds[Name] extends "value" | "optional" ? string
    : string[];
};

/**
 * Reads a command line of flags alone.
 *
 * @param args Arguments, as `Deno.args` holds them.
 * @param kinds Names of all flags, and what each of them takes.
 * @throws {UsageError} If a flag is not among `kinds`, a value is missing or
 * is given to a switch, or an argument is not a flag.
 */
export function parseFlags<Kinds extends Record<string, FlagKind>>(
  args: readonly string[],
  kinds: Kinds,
): Flags<Kinds> {
  return parseCommandLine(args, kinds, 0).flags;
}

/**
 * Reads a command line of flags and up to `maxOperands` other arguments.
 *
 * @param args Arguments, as `Deno.args` holds them.
 * @param kinds Names of all flags, and what each of them takes.
 * @throws {UsageError} If a flag is not among `kinds`, a value is missing or
 * is given to a switch, or there are more operands.
 */
export function parseCommandLine<Kinds extends Record<string, FlagKind>>(
  args: readonly string[],
  kinds: Kinds,
  maxOperands: number,
): { flags: Flags<Kinds>; operands: string[] } {
  const operands = checkArguments(args, kinds, maxOperands);
  const names = Object.keys(kinds);
  const { _: _rest, ...parsed } = parseArgs(args, {
    boolean: names.filter((name) => kinds[name] === "switch"),
    string: names.filter((name) => kinds[name] !== "switch"),
    collect: names.filter((name) => kinds[name] === "values"),
  });
  // parseArgs has a value for each flag, whether it was given or not.
  const given = new Set(
    args.flatMap((arg) => /^--([^=]+)/.exec(arg)?.[1] ?? []),
  );
  const flags = Object.fromEntries(
    Object.entries(parsed).filter(([name]) => given.has(name)),
  ) as Flags<Kinds>;
  return { flags, operands };
}

// parseArgs accepts unknown flags, reads a missing value as an empty one, and
// makes numbers of operands. So they are looked for before it runs.
function checkArguments(
  args: readonly string[],
  kinds: Record<string, FlagKind>,
  maxOperands: number,
): string[] {
  const operands: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const arg = args[index]!;
    const [, name, value] = /^--([^=]+)(?:=(.*))?$/s.exec(arg) ?? [];
    if (name === undefined) {
      if (arg.startsWith("-") || operands.length === maxOperands) {
        throw new UsageError(`unexpected argument ${printable(arg)}`);
      }
      operands.push(arg);
      continue;
    }
    if (!Object.hasOwn(kinds, name)) {
      throw new UsageError(`unknown flag --${printable(name)}`);
    }
    if (kinds[name] === "switch") {
      if (value !== undefined) throw new UsageError(`--${name} takes no value`);
    } else if (value === undefined) {
      const next = args[index + 1];
      const hasValue = next !== undefined && !next.startsWith("-");
      if (hasValue) index++;
      if (hasValue || kinds[name] === "optional") continue;
      if (next === undefined) throw new UsageError(`--${name} needs a value`);
      throw new UsageError(
        `--${name} needs a value (--${name}=${printable(next)} ` +
          "for one that starts with a dash)",
      );
    }
  }
  return operands;
}

/** Parses the value of a flag; undefined if the flag was not given. */
export function parseFlag<Value>(
  flags: Record<string, unknown>,
  name: string,
  parse: (name: string, text: string) => Value,
): Value | undefined {
  const text = flags[name];
  return typeof text === "string" ? parse(name, text) : undefined;
}
