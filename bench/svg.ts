/**
 * Just enough of SVG for a picture: elements, escaped, in lines as `deno fmt`
 * has them.
 *
 * @module
 */

/** As many columns as a line has. */
const LINE = 80;

/** Text as it stands in an element or an attribute. */
function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ENTITIES[character]!);
}

const ENTITIES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

/** An attribute's value; of numbers, no digit that nobody sees. */
function value(of: string | number): string {
  return escape(typeof of === "string" ? of : String(Math.round(of * 10) / 10));
}

/** The lines of an element: of one with text in it, or of one with none. */
export function element(
  name: string,
  attributes: Record<string, string | number>,
  text?: string,
): string[] {
  const end = text === undefined ? " />" : `>${escape(text)}</${name}>`;
  return opening(name, attributes, end, "  ").map((line) => `  ${line}`);
}

/** The lines of a whole picture, with its elements' lines in it. */
export function svg(
  attributes: Record<string, string | number>,
  lines: readonly string[],
): string {
  const head = opening("svg", attributes, ">", "");
  return [...head, ...lines, "</svg>", ""].join("\n");
}

/** A tag, its attributes in as few lines as they need, and what ends it. */
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
    if (length <= LINE) {
      line += ` ${word}`;
      continue;
    }
    lines.push(line);
    line = `  ${word}`;
  }
  return [...lines, line + end];
}
