// @ts-check
/**
 * Places the steps of a trace in a picture: a row for each, so that no text
 * lies on another. Runs in Deno and in a browser.
 *
 * @module
 */

/** @typedef {import("./trace.js").Trace} Trace */
/** @typedef {import("./trace.js").Story} Story */
/** @typedef {import("./trace.js").Step} Step */
/** @typedef {import("./trace.js").Flight} Flight */
/** @typedef {import("./trace.js").Side} Side */

/**
 * @typedef {object} Layout
 * @property {number} width
 * @property {number} msX Right end of the times.
 * @property {Record<Side, number>} x Where the line of each side is.
 * @property {boolean} hasMargins Whether the texts of client and server stand
 * outside the lines; else they stand between them.
 * @property {number} textWidth Width of a line of text.
 * @property {number} lineHeight
 * @property {number} waitX
 * @property {"start" | "end" | "middle"} waitAnchor
 */

/** @type {Layout} For the width of a page. */
export const WIDE = {
  width: 860,
  msX: 52,
  x: { client: 272, path: 424, server: 576 },
  hasMargins: true,
  textWidth: 196,
  lineHeight: 15,
  waitX: 10,
  waitAnchor: "start",
};

/** @type {Layout} For a telephone, or half a page. */
export const NARROW = {
  width: 352,
  msX: 42,
  x: { client: 56, path: 199, server: 342 },
  hasMargins: false,
  textWidth: 262,
  lineHeight: 15,
  waitX: 199,
  waitAnchor: "middle",
};

/**
 * A step with its place.
 *
 * @typedef {object} Row
 * @property {Step} step
 * @property {number} y
 * @property {string[]} lines
 * @property {number} textX
 * @property {number} textY Base line of the first line.
 * @property {"start" | "end" | "middle"} anchor
 * @property {{ x: number, y: number, text: string, anchor: "start" | "end" }} [data]
 * The bytes.
 * @property {number} [waitMs] A long time since the row before.
 * @property {number} [waitY]
 */

/**
 * @typedef {object} Placed
 * @property {Layout} layout
 * @property {Row[]} rows
 * @property {number} height
 * @property {(flight: Flight) => { start: number, end: number }} spanOf Where
 * a flight starts and ends.
 */

/** Widths of a character at most, in pixels. */
const CHARACTER = 7;
const DATA_CHARACTER = 6.7;

/** A longer time between two rows is written there, in ms. */
const LONG_WAIT_MS = 50;

/** What a proxy does that has a text: the rest are arrows. */
const SAID_BY_PATH = ["close", "half-close", "note", "unread", "reset"];

/** How far a flight falls that nobody has seen arrive. */
const FALL = 14;

/**
 * Places the steps of a trace.
 *
 * @param {Trace} trace
 * @param {Story} story
 * @param {Layout} layout
 * @returns {Placed}
 */
export function place({ sides }, { steps, flights }, layout) {
  /** @type {Row[]} */
  const rows = [];
  /** @type {Map<Step, Row>} */
  const rowOf = new Map();
  let y = 40;
  for (const [index, step] of steps.entries()) {
    const row = rowFor(step, flights, sides, layout);
    const before = steps[index - 1];
    const waitMs = step.ms - (before?.ms ?? 0);
    if (before !== undefined && waitMs > LONG_WAIT_MS) {
      row.waitMs = waitMs;
      row.waitY = y + 16;
      y += 24;
    }
    y = move(row, y, layout);
    rows.push(row);
    rowOf.set(step, row);
  }
  return {
    layout,
    rows,
    height: y + 16,
    spanOf: (flight) => spanOf(flight, rowOf),
  };
}

/**
 * A row that is not placed yet.
 *
 * @param {Step} step
 * @param {Flight[]} flights
 * @param {Side[]} sides
 * @param {Layout} layout
 * @returns {Row}
 */
function rowFor(step, flights, sides, layout) {
  const { at } = step;
  const hasPath = sides.includes("path");
  const isLeft = at === "client";
  const outward = layout.hasMargins && at !== "path";
  const x = layout.x[at];
  const textX = outward
    ? x + (isLeft ? -14 : 14)
    : at === "server"
    ? x - 12
    : x + 12;
  const anchor = outward
    ? isLeft ? "end" : "start"
    : at === "server"
    ? "end"
    : "start";
  const width = at === "path"
    ? layout.x.server - layout.x.path - 24
    : outward && !isLeft
    ? layout.width - x - 20
    : layout.textWidth;
  const isRelay = at === "path" && !SAID_BY_PATH.includes(step.what);
  const lines = isRelay ? [] : wrap(step.short, Math.floor(width / CHARACTER));
  /** @type {Row} */
  const row = { step, y: 0, lines, textX, textY: 0, anchor };
  const flight = flights.find(({ kind, sent, received, text }) =>
    kind === "bytes" && text !== undefined && text !== "" &&
    (sent === step || sent === undefined && received === step)
  );
  if (flight?.text !== undefined) {
    const room = (hasPath ? layout.x.path : layout.x.server) -
      layout.x.client - 30;
    const isRight = layout.x[flight.to] < layout.x[flight.from];
    const from = layout.x[flight.from];
    row.data = {
      x: from + (isRight ? -14 : 14),
      // Above the start of the line, which nobody has seen to leave.
      y: flight.sent === undefined ? -FALL : 0,
      text: cut(flight.text, Math.floor(room / DATA_CHARACTER)),
      anchor: isRight ? "end" : "start",
    };
  }
  return row;
}

/**
 * Places a row below all before it.
 *
 * @param {Row} row
 * @param {number} y Where the rows before it end.
 * @param {Layout} layout
 * @returns {number} Where it ends.
 */
function move(row, y, { lineHeight, hasMargins }) {
  const { lines, data, step } = row;
  const textHeight = lines.length * lineHeight;
  if (hasMargins && step.at !== "path") {
    const half = Math.max(textHeight / 2, 9);
    row.y = y + Math.max(half, data === undefined ? 0 : 18 - data.y) + 2;
    row.textY = row.y - textHeight / 2 + 11;
    if (data !== undefined) data.y += row.y - 5;
    return row.y + half + 1;
  }
  // What leaves has its text above, what arrives has it below, so that the
  // line between the two crosses neither.
  const isArrival = ["accept", "receive", "end of file", "unread", "reset"]
    .includes(step.what);
  const above = (isArrival ? 0 : textHeight) +
    (data === undefined ? 0 : lineHeight - data.y);
  row.y = y + above + 8;
  row.textY = isArrival
    ? row.y + lineHeight + 1
    : row.y - textHeight - (data === undefined ? 0 : lineHeight) + 8;
  if (data !== undefined) data.y += row.y - 7;
  return row.y + (isArrival ? textHeight + 4 : 4);
}

/**
 * @param {Flight} flight
 * @param {Map<Step, Row>} rowOf
 */
function spanOf({ sent, received, start = 0, end = 0 }, rowOf) {
  /** @param {Step} step @param {number} part */
  const at = (step, part) => {
    const from = rowOf.get(step)?.y ?? 0;
    const to = step.runEnd && rowOf.get(step.runEnd)?.y;
    return to === undefined ? from : from + (to - from) * part;
  };
  const from = sent && at(sent, start);
  const to = received && at(received, end);
  if (from === undefined && to === undefined) return { start: 0, end: 0 };
  // What nobody saw leave, or arrive, did so in this row.
  if (from === undefined) return { start: (to ?? 0) - FALL, end: to ?? 0 };
  return { start: from, end: Math.max(to ?? from + FALL, from) };
}

/**
 * Breaks a text into lines between its words.
 *
 * @param {string} content
 * @param {number} columns
 */
function wrap(content, columns) {
  /** @type {string[]} */
  const lines = [];
  let line = "";
  for (const word of content.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return [...lines, line].map((line) => cut(line, columns));
}

/**
 * @param {string} content
 * @param {number} length
 */
function cut(content, length) {
  return content.length > length ? `${content.slice(0, length - 1)}…` : content;
}
