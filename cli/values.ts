/**
 * Parsers of the values of flags. Each takes the flag's name, for its error
 * message, and the text that was given.
 *
 * @module
 */
import { UsageError } from "./flags.ts";
import { printable } from "./output.ts";

/**
 * Parses the text of a flag's value.
 *
 * @throws {UsageError} If the text is not such a value.
 */
export type Parser<Value> = (name: string, text: string) => Value;

/** Returns a parser of whole numbers from `min` to `max`. */
export function wholeNumber(min: number, max: number): Parser<number> {
  return (name, text) => {
    const number = /^\d+$/.test(text) ? Number(text) : NaN;
    if (number >= min && number <= max) return number;
    throw new UsageError(
      `--${name} needs a whole number from ${min} to ${max}, ` +
        `not ${printable(text)}`,
    );
  };
}

/**
 * Parses seconds, fractions allowed, to milliseconds.
 *
 * @throws {UsageError} If the text is not a number from 0.
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
 * Parses a size to bytes: `1000`, `64KiB`, `64MiB`, `1GiB`.
 *
 * @throws {UsageError} If the text is not a size.
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

/** Returns a parser of sizes of at least `min` bytes. */
export function sizeAtLeast(min: number): Parser<number> {
  return (name, text) => {
    const bytes = parseSize(name, text);
    if (bytes >= min) return bytes;
    throw new UsageError(`--${name} needs at least ${min} bytes`);
  };
}

/** Returns a parser that accepts the given words. */
export function choice<const Choice extends string>(
  ...choices: readonly Choice[]
): Parser<Choice> {
  return (name, text) => {
    const choice = choices.find((choice) => choice === text);
    if (choice !== undefined) return choice;
    throw new UsageError(
      `--${name} is ${choices.join(" or ")}, not ${printable(text)}`,
    );
  };
}

/** Returns the text unchanged. */
export function anyText(_name: string, text: string): string {
  return text;
}

/**
 * Returns the text unchanged.
 *
 * @throws {UsageError} If it is empty.
 */
export function someText(name: string, text: string): string {
  if (text === "") throw new UsageError(`--${name} must not be empty`);
  return text;
}

/**
 * Reads the text file at a path.
 *
 * @throws {UsageError} If the file cannot be read.
 */
export function readTextFile(name: string, path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new UsageError(
      `--${name} cannot be read: ${printable((error as Error).message)}`,
    );
  }
}

/** A text file, which can be read again. */
export interface TextFile {
  readonly path: string;
  /** What it had when it was read. */
  readonly text: string;
}

/**
 * Reads the text file at a path, which is kept.
 *
 * @throws {UsageError} If the file cannot be read.
 */
export function readFileAt(name: string, path: string): TextFile {
  return { path, text: readTextFile(name, path) };
}

const ESCAPES = new Map([["r", 13], ["n", 10], ["t", 9], ["0", 0], ["\\", 92]]);

/**
 * Parses an end marker to bytes; understands `\r \n \t \0 \\ \xHH`.
 *
 * @throws {UsageError} If the marker is empty, or has another escape.
 */
export function parseMarker(name: string, text: string): Uint8Array {
  someText(name, text);
  const encoder = new TextEncoder();
  const bytes: number[] = [];
  for (const part of text.matchAll(/\\x([0-9a-f]{2})|\\(.?)|[^\\]+/gis)) {
    const [matched, hex, letter] = part;
    if (hex !== undefined) {
      bytes.push(parseInt(hex, 16));
    } else if (letter === undefined) {
      bytes.push(...encoder.encode(matched));
    } else {
      const byte = ESCAPES.get(letter);
      if (byte === undefined) {
        throw new UsageError(
          `--${name} has an escape that is none of ` +
            `\\r \\n \\t \\0 \\\\ \\xHH: ${printable(matched)}`,
        );
      }
      bytes.push(byte);
    }
  }
  return new Uint8Array(bytes);
}

/** A file of a picture. */
export type PictureFile = `${string}.svg` | `${string}.html`;

/** What a trace is written as: JSON, or a picture in a file. */
export const parseTrace: Parser<"json" | PictureFile> = (name, text) => {
  if (text === "json") return text;
  if (text === "svg" || text === "html") return `trace.${text}`;
  if (/[^/\\]\.(svg|html)$/.test(text)) return text as PictureFile;
  throw new UsageError(
    `--${name} takes json, svg, html or a file that ends in .svg or .html, ` +
      `not ${printable(text)}`,
  );
};
