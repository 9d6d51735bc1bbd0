/**
 * Standard output and standard error of the scripts.
 *
 * @module
 */

/** Thrown when standard output or standard error cannot be written. */
export class OutputError extends Error {
  override name = "OutputError";
}

/** Writes all of `text` to standard output before it returns. */
export function writeOut(text: string | Uint8Array): void {
  writeAll(Deno.stdout, text);
}

/** Writes all of `text` to standard error before it returns. */
export function writeErr(text: string): void {
  writeAll(Deno.stderr, text);
}

/**
 * Writes a line to standard error. Where standard error cannot be written,
 * the exit status alone reports the problem.
 */
export function printError(line: string): void {
  try {
    writeErr(`${line}\n`);
  } catch (error) {
    if (!(error instanceof OutputError)) throw error;
  }
}

/**
 * Escapes what a terminal would obey instead of show: control characters, and
 * characters that change the direction of writing.
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

/** This many bytes of a long text are escaped at a time. */
const PART_BYTES = 1024 * 1024;

/**
 * Writes bytes as text, escaped as `printable()` does. A part at a time: no
 * string may have more than 2²⁹ characters.
 *
 * @param write Writes one part. @default {writeOut}
 */
export function writePrintable(
  bytes: Uint8Array,
  write: (text: string) => void = writeOut,
): void {
  const decoder = new TextDecoder();
  for (let start = 0; start < bytes.length; start += PART_BYTES) {
    const part = bytes.subarray(start, start + PART_BYTES);
    const stream = start + PART_BYTES < bytes.length;
    write(printable(decoder.decode(part, { stream })));
  }
}

function writeAll(
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
      // A full pipe in non-blocking mode: its reader will make space.
      if (!(error instanceof Deno.errors.WouldBlock)) {
        throw new OutputError("Cannot write the output", { cause: error });
      }
    }
  }
}
