// @ts-check
/**
 * Fits texts into a number of columns. Runs in Deno and in a browser.
 *
 * @module
 */

/**
 * Breaks a text into lines between its words. What is quoted stays on one line,
 * if it can.
 *
 * @param {string} content
 * @param {number} columns
 * @returns {string[]}
 */
export function wrap(content, columns) {
  const words = (content.match(/“[^”]*”\S*|\S+/g) ?? []).flatMap((word) =>
    word.length > columns ? word.split(" ") : [word]
  );
  /** @type {string[]} */
  const lines = [];
  let line = "";
  for (const word of words) {
    if (line !== "" && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return [...lines, line].map((line) => cut(line, columns));
}

/**
 * Shortens a text that is too long.
 *
 * @param {string} content
 * @param {number} columns
 * @returns {string}
 */
export function cut(content, columns) {
  return content.length > columns
    ? `${content.slice(0, columns - 1)}…`
    : content;
}
