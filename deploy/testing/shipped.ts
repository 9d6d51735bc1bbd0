/**
 * The shipped files as they are, and with what tests have to change in them.
 *
 * @module
 */

/** The text of a file of `deploy/`. */
export function shipped(name: string): string {
  return Deno.readTextFileSync(new URL(`../${name}`, import.meta.url));
}

/** The same text with another part. Throws if it was not there, just once. */
export function replaced(text: string, part: string, other: string): string {
  const [before, after, ...more] = text.split(part);
  if (before === undefined || after === undefined || more.length > 0) {
    throw new Error(`${part} should be there once in\n${text}`);
  }
  return before + other + after;
}

/** The same text with another part, wherever it was. Throws if nowhere. */
export function replacedAll(text: string, part: string, other: string): string {
  return changed(text, part, other);
}

/** The same text, with the lines that begin like this made comments. */
export function commentedOut(text: string, beginning: string): string {
  return changed(text, new RegExp(`^ *${beginning}`, "gm"), "#$&");
}

/** The same text, with the comments that begin like this made lines. */
export function uncommented(text: string, beginning: string): string {
  return changed(text, new RegExp(`^( *)#(?=${beginning})`, "gm"), "$1");
}

function changed(text: string, part: string | RegExp, other: string): string {
  const result = text.replaceAll(part, other);
  if (result === text) throw new Error(`${part} is nowhere in\n${text}`);
  return result;
}
