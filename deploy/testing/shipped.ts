/**
 * The files of `deploy/`, and the changes that tests make to them.
 *
 * @module
 */

/** The text of a file of `deploy/`. */
export function shipped(name: string): string {
  return Deno.readTextFileSync(new URL(`../${name}`, import.meta.url));
}

/** Replaces a part of a text. Throws unless the text has it exactly once. */
export function replaced(text: string, part: string, other: string): string {
  const [before, after, ...more] = text.split(part);
  if (before === undefined || after === undefined || more.length > 0) {
    throw new Error(`${part} is not exactly once in\n${text}`);
  }
  return before + other + after;
}

/** Replaces a part of a text wherever it is. Throws if the text lacks it. */
export function replacedAll(text: string, part: string, other: string): string {
  return changed(text, part, other);
}

/** Comments out the lines with this beginning. Throws if there are none. */
export function commentedOut(text: string, beginning: string): string {
  return changed(text, new RegExp(`^ *${beginning}`, "gm"), "#$&");
}

/** Uncomments the lines with this beginning. Throws if there are none. */
export function uncommented(text: string, beginning: string): string {
  return changed(text, new RegExp(`^( *)#(?=${beginning})`, "gm"), "$1");
}

function changed(text: string, part: string | RegExp, other: string): string {
  const result = text.replaceAll(part, other);
  if (result === text) throw new Error(`${part} is not in\n${text}`);
  return result;
}
