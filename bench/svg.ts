/**
 * Writes SVG: escaped elements, in lines as `deno fmt` formats them.
 *
 * @module
 */

/** The width of a line. */
const COLUMNS = 80;

/** Escapes text for an element or an attribute. */
function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ENTITIES[character]!);
}

const ENTITIES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

/** The value of an attribute; numbers have one decimal digit at most. */
function value(of: string | number): string {
  return escape(typeof of === "string" ? of : String(Math.round(of * 10) / 10));
}

/** The lines of an element, with or without text in it. */
export function element(
  name: string,
  attributes: Record<string, string | number>,
  text?: string,
): string[] {
  const end = text === undefined ? " />" : `>${escape(text)}</${name}>`;
  return opening(name, attributes, end, "  ").map((line) => `  ${line}`);
}

/** The text of an SVG file, from the lines of its elements. */
export function svg(
  attributes: Record<string, string | number>,
  lines: readonly string[],
): string {
  const head = opening("svg", attributes, ">", "");
  return [...head, ...lines, "</svg>", ""].join("\n");
}

/** An opening tag, its attributes in as few lines as possible. */
function opening(
  name: string,
  attributes: Record<string, string | number>,
  end: string,
  indentation: string,
): string[] {
  const words = Object.entries(attributes)
    .map(([key, of]) => `${key}="${value(of)}"`);
  const lines: string[] = [];
  let line = `<${name}`;
  for (const [index, word] of words.entries()) {
    const isLast = index === words.length - 1;
    const length = `${indentation}${line} ${word}${isLast ? end : ""}`.length;
    if (length <= COLUMNS) {
      line += ` ${word}`;
      continue;
    }
    lines.push(line);
    line = `  ${word}`;
  }
  return [...lines, line + end];
}
