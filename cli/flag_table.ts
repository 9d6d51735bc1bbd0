/**
 * Tables of flags. Each flag of a script is described once; parsing, checks
 * of combinations, `--help` and the tables of docs/cli.md follow from that.
 *
 * @module
 */
import { type FlagKind, type Flags, UsageError } from "./flags.ts";
import type { Parser } from "./values.ts";

/** What every flag says of itself. */
export interface Description<Option extends string> {
  /** What the flag does: a phrase without a period at its end. */
  readonly help: string;
  /** Default, as shown to users. */
  readonly default?: string;
  /** Option of the library that the flag sets. */
  readonly option?: Option;
  /** Flags one of which must be given as well. */
  readonly needs?: readonly string[];
  /** Flags that must not be given as well. */
  readonly excludes?: readonly string[];
  /**
   * Whether the flag takes the place of what it excludes, if a module says that.
   * Otherwise an option of a module is refused. Flags with an `option` do so
   * anyway.
   */
  readonly isInstead?: boolean;
  /** Restricts `excludes` to some cases. @default {always} */
  readonly excludesWhen?: Condition;
}

/** When a flag excludes others. */
export interface Condition {
  /** The condition as a clause of docs/cli.md: such as "if …" or "unless …". */
  readonly clause: string;
  /**
   * Whether the condition holds.
   *
   * @param value Value of the flag.
   * @param given Values of all flags that were given.
   */
  holds(value: unknown, given: Readonly<Record<string, unknown>>): boolean;
}

/** One flag: its description, and how it is read. */
export interface Flag<
  Value = unknown,
  Option extends string = string,
  Kind extends FlagKind = FlagKind,
> extends Description<Option> {
  /** What the flag takes. */
  readonly kind: Kind;
  /** Placeholder of the value in `--help`, such as `PORT`; none for a switch. */
  readonly value?: string;
  /** Reads the value from the text that was given. */
  readonly read: (name: string, given: unknown) => Value;
}

/** The flags of one script, in the order of `--help`. */
export type FlagTable = Readonly<Record<string, Flag>>;

/** Values of the flags that were given. */
export type FlagValues<Table extends FlagTable> = {
  [Name in keyof Table]?: Table[Name] extends Flag<infer Value> ? Value : never;
};

/** Options of the library that the flags of a table set. */
export type FlagOptions<Table extends FlagTable> = {
  [Name in keyof Table as NonNullable<Table[Name]["option"]>]?: FlagValues<
    Table
  >[Name];
};

/** Kinds of the flags of a table, for `parseFlags()`. */
export type FlagKinds<Table extends FlagTable> = {
  [Name in keyof Table]: Table[Name]["kind"];
};

/** Describes a flag that takes no value. */
export function switchFlag<Option extends string = never>(
  description: Description<Option>,
): Flag<boolean, NoInfer<Option>, "switch"> {
  return {
    ...description,
    kind: "switch",
    read: (_name: string, given: unknown) => given as boolean,
  };
}

/** Describes a flag that takes a value. */
export function valueFlag<Value, Option extends string = never>(
  value: string,
  parse: Parser<Value>,
  description: Description<Option>,
): Flag<Value, NoInfer<Option>, "value"> {
  return {
    ...description,
    kind: "value",
    value,
    read: (name: string, given: unknown) => parse(name, given as string),
  };
}

/** Describes a flag that takes a value, and may be given several times. */
export function valuesFlag<Value, Option extends string = never>(
  value: string,
  parse: Parser<Value>,
  description: Description<Option>,
): Flag<Value[], NoInfer<Option>, "values"> {
  return {
    ...description,
    kind: "values",
    value,
    read: (name: string, given: unknown) =>
      (given as string[]).map((text) => parse(name, text)),
  };
}

/** Describes a flag whose value may be left out; then it is `without`. */
export function optionalFlag<
  Value,
  const Without,
  Option extends string = never,
>(
  value: string,
  parse: Parser<Value>,
  without: Without,
  description: Description<Option>,
): Flag<Value | Without, NoInfer<Option>, "optional"> {
  return {
    ...description,
    kind: "optional",
    value,
    read: (name: string, given: unknown) =>
      given === "" ? without : parse(name, given as string),
  };
}

/** Returns the kind of each flag of a table. */
export function kindsOf<Table extends FlagTable>(
  table: Table,
): FlagKinds<Table> {
  return Object.fromEntries(
    Object.entries(table).map(([name, { kind }]) => [name, kind]),
  ) as FlagKinds<Table>;
}

/**
 * Reads the values of the flags that were given.
 *
 * @throws {UsageError} If a value is wrong, a flag was given without one that
 * it needs, or two flags that exclude each other were given.
 */
export function readFlags<Table extends FlagTable>(
  given: Flags<FlagKinds<Table>>,
  table: Table,
): FlagValues<Table> {
  const values = Object.fromEntries(
    Object.entries(given).map(([name, text]) => [
      name,
      table[name]!.read(name, text),
    ]),
  );
  for (const name of Object.keys(values)) checkFlag(name, table[name]!, values);
  return values as FlagValues<Table>;
}

function checkFlag(
  name: string,
  { needs = [], excludes = [], excludesWhen }: Flag,
  values: Readonly<Record<string, unknown>>,
): void {
  if (
    needs.length > 0 && !needs.some((other) => Object.hasOwn(values, other))
  ) {
    throw new UsageError(`--${name} needs --${needs.join(" or --")}`);
  }
  const excluded = excludes.find((other) => Object.hasOwn(values, other));
  if (excluded === undefined) return;
  if (excludesWhen?.holds(values[name], values) === false) return;
  throw new UsageError(`--${name} and --${excluded} exclude each other`);
}

/** Returns the options of the library that the given flags set. */
export function optionsOf<Table extends FlagTable>(
  values: FlagValues<Table>,
  table: Table,
): FlagOptions<Table> {
  const options: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) {
    const { option } = table[name]!;
    if (option !== undefined) options[option] = value;
  }
  return options as FlagOptions<Table>;
}

/**
 * Returns a message about an option of the library as one about its flag:
 * `--max-bytes` for `maxBytes`. Options of one plain word remain.
 */
export function inFlags(message: string, table: FlagTable): string {
  return Object.entries(table).reduce(
    (text, [name, { option = "" }]) =>
      /[A-Z]/.test(option)
        ? text.replace(RegExp(`\\b${option}\\b`, "g"), `--${name}`)
        : text,
    message,
  );
}
