// @ts-check
/**
 * Places the steps of a trace in a picture: a row for each, so that no text
 * lies on another, and no line crosses a text. Runs in Deno and in a browser.
 *
 * @module
 */
import { cut, wrap } from "./fit.js";
import { nameOf } from "./words.js";

/** @typedef {import("./trace.js").Trace} Trace */
/** @typedef {import("./trace.js").Story} Story */
/** @typedef {import("./trace.js").Step} Step */
/** @typedef {import("./trace.js").Flight} Flight */
/** @typedef {import("./trace.js").Side} Side */

/**
 * @typedef {object} Layout
 * @property {boolean} isColumn Whether all texts stand in a column on the right;
 * else those of the client stand on the left of its line.
 * @property {number} width
 * @property {number} fontSize The style of the picture has it, too.
 * @property {number} lineHeight
 * @property {number} msX Right end of the times.
 * @property {Record<Side, number>} x Where the line of each side is.
 */

/** @type {Layout} For the width of a page. */
export const WIDE = {
  isColumn: false,
  width: 860,
  fontSize: 14,
  lineHeight: 17,
  msX: 54,
  x: { client: 300, path: 440, server: 580 },
};

/** @type {Layout} For a telephone, or half a page. */
export const NARROW = {
  isColumn: true,
  width: 352,
  fontSize: 13,
  lineHeight: 16,
  msX: 42,
  x: { client: 55, path: 91, server: 127 },
};

/** Where the lines of the sides start. */
export const TOP = 34;

/**
 * A text with its place.
 *
 * @typedef {object} Label
 * @property {number} x
 * @property {number} y The base line.
 * @property {string} text
 * @property {"start" | "end"} anchor
 */

/**
 * A step with its place.
 *
 * @typedef {object} Row
 * @property {Step} step
 * @property {number} y
 * @property {Label[]} lines
 * @property {Label} [data] The bytes that are sent.
 * @property {Label} [wait] Says that much time has passed since the row before.
 */

/**
 * @typedef {object} Line
 * @property {number} x1
 * @property {number} y1
 * @property {number} x2
 * @property {number} y2
 */

/**
 * @typedef {object} Placed
 * @property {Layout} layout
 * @property {Row[]} rows
 * @property {number} height
 * @property {(flight: Flight) => Line} lineOf The line of a flight.
 */

/** Widths of a character, as parts of the font's size: of a wide font. */
const CHARACTER = 0.55;
const DATA_CHARACTER = 0.61;

/** The font of bytes is smaller, by this many pixels. */
const DATA_SMALLER = 2;

/** A longer time between two rows is written there, in ms. */
const LONG_WAIT_MS = 50;

/** How far a flight falls that nobody has seen leave, or arrive. */
const FALL = 14;

/**
 * Places the steps of a trace.
 *
 * @param {Trace} trace
 * @param {Story} story
 * @param {Layout} layout
 * @returns {Placed}
 */
export function place(trace, story, layout) {
  // Bytes stand on their line, unless another line crosses them there. Then
  // they stand below the words, which moves the rows: so we look again.
  /** @type {Set<Step>} */
  const moved = new Set();
  const isBeside = layout.isColumn || trace.sides.includes("path");
  for (;;) {
    const placed = placeRows(
      trace,
      story,
      layout,
      (step) => isBeside || moved.has(step),
    );
    if (isBeside) return placed;
    const lines = story.flights.map(placed.lineOf);
    const crossed = placed.rows.filter(({ step, data }) =>
      data !== undefined && !moved.has(step) &&
      lines.some((line) => crosses(line, data, layout))
    );
    if (crossed.length === 0) return placed;
    for (const { step } of crossed) moved.add(step);
  }
}

/**
 * @param {Trace} trace
 * @param {Story} story
 * @param {Layout} layout
 * @param {(step: Step) => boolean} isBeside Whether the bytes of a step stand
 * below its words.
 * @returns {Placed}
 */
function placeRows(trace, { steps, flights }, layout, isBeside) {
  const { fontSize, lineHeight } = layout;
  const pitch = lineHeight + 2;
  const hasPath = trace.sides.includes("path");
  /** @type {Map<Step, Row>} */
  const rowOf = new Map();
  let y = TOP - 6;
  // Where the texts end on the left and on the right of the lines.
  const ends = { start: 0, end: 0 };
  for (const [index, step] of steps.entries()) {
    const { x, anchor, width } = labelPlace(layout, step.at);
    // Who does it: where texts of several sides stand below each other.
    const isNamed = layout.isColumn || hasPath && step.at !== "client";
    const words = isNamed
      ? `${nameOf(trace, step.at)} ${step.short}`
      : step.short;
    const columns = Math.floor(width / (fontSize * CHARACTER));
    const text = textOf(step, flights);
    const isOnLine = text !== undefined && !isBeside(step);
    const waitMs = step.ms - (steps[index - 1]?.ms ?? step.ms);
    /** @type {Label | undefined} */
    let wait;
    if (waitMs > LONG_WAIT_MS) {
      const side = layout.isColumn ? x : 10;
      y = Math.max(y + pitch, ends.start, ends.end);
      wait = { x: side, y: y + 5, text: waited(waitMs), anchor: "start" };
      ends.start = ends.end = y + pitch - 4;
    }
    y = Math.max(y + pitch, ends[anchor]) + (isOnLine ? 8 : 0);
    const base = y + 5;
    const lines = wrap(words, columns).map((text, line) => (
      { x, y: base + line * lineHeight, text, anchor }
    ));
    ends[anchor] = base + lines.length * lineHeight;
    /** @type {Row} */
    const row = { step, y, lines, ...(wait && { wait }) };
    if (text !== undefined && !isOnLine && step.at !== "path") {
      row.data = dataBeside(
        text,
        { x, y: ends[anchor], anchor, width },
        layout,
      );
      ends[anchor] += lineHeight;
    }
    if (isOnLine) row.data = dataOnLine(step, text, y, flights, layout);
    rowOf.set(step, row);
  }
  return {
    layout,
    rows: [...rowOf.values()],
    height: Math.max(y + 18, ends.start, ends.end),
    lineOf: (flight) => lineOf(flight, rowOf, layout),
  };
}

/**
 * Where the words of a side stand.
 *
 * @param {Layout} layout
 * @param {Side} side
 * @returns {{ x: number, anchor: "start" | "end", width: number }}
 */
function labelPlace({ isColumn, x, msX, width }, side) {
  if (!isColumn && side === "client") {
    return { x: x.client - 14, anchor: "end", width: x.client - msX - 22 };
  }
  const left = x.server + 14;
  return { x: left, anchor: "start", width: width - left - 4 };
}

/**
 * The bytes that leave with a step; or, if nobody saw them leave, arrive.
 *
 * @param {Step} step
 * @param {Flight[]} flights
 */
function textOf(step, flights) {
  return flights.find(({ kind, sent, received, text = "" }) =>
    kind === "bytes" && text !== "" &&
    (sent === step || sent === undefined && received === step)
  )?.text;
}

/**
 * @param {string} text
 * @param {{ x: number, y: number, anchor: "start" | "end", width: number }} where
 * @param {Layout} layout
 * @returns {Label}
 */
function dataBeside(text, { x, y, anchor, width }, layout) {
  return { x, y, anchor, text: cut(text, dataColumns(width, layout)) };
}

/**
 * @param {Step} step
 * @param {string} text
 * @param {number} y
 * @param {Flight[]} flights
 * @param {Layout} layout
 * @returns {Label}
 */
function dataOnLine(step, text, y, flights, layout) {
  const isUnseen = flights.some(({ sent, received, text: other }) =>
    sent === undefined && received === step && other === text
  );
  // What nobody saw leave comes from the other side, above this row.
  const isLeft = (step.at === "client") !== isUnseen;
  const room = layout.x.server - layout.x.client - 30;
  return {
    x: isLeft ? layout.x.client + 14 : layout.x.server - 14,
    y: y - 5 - (isUnseen ? FALL : 0),
    text: cut(text, dataColumns(room, layout)),
    anchor: isLeft ? "start" : "end",
  };
}

/** @param {number} width @param {Layout} layout */
function dataColumns(width, { fontSize }) {
  return Math.floor(width / ((fontSize - DATA_SMALLER) * DATA_CHARACTER));
}

/**
 * @param {Flight} flight
 * @param {Map<Step, Row>} rowOf
 * @param {Layout} layout
 * @returns {Line}
 */
function lineOf(flight, rowOf, { x }) {
  const { from, to, isLost } = flight;
  const { start, end } = spanOf(flight, rowOf);
  const sign = x[to] > x[from] ? 1 : -1;
  return {
    x1: x[from] + sign * 6,
    y1: start,
    x2: x[to] - sign * (isLost ? 12 : 7),
    y2: end,
  };
}

/**
 * @param {Flight} flight
 * @param {Map<Step, Row>} rowOf
 */
function spanOf({ sent, received, start = 0, end = 0 }, rowOf) {
  // Each end is at a mark: what is not the first of a run is at the end of the
  // run, unless it arrived earlier.
  /** @param {Step} step @param {number} part @param {number} [latest] */
  const at = (step, part, latest = Infinity) => {
    const first = rowOf.get(step)?.y ?? 0;
    const last = step.runEnd && rowOf.get(step.runEnd)?.y;
    return part > 0 && last !== undefined && last <= latest ? last : first;
  };
  const to = received && at(received, end);
  const from = sent && at(sent, start, to);
  if (from === undefined && to === undefined) return { start: 0, end: 0 };
  // What nobody saw leave, or arrive, did so in this row.
  if (from === undefined) return { start: (to ?? 0) - FALL, end: to ?? 0 };
  return { start: from, end: Math.max(to ?? from + FALL, from) };
}

/**
 * Whether a line passes through a text.
 *
 * @param {Line} line
 * @param {Label} label Of bytes.
 * @param {Layout} layout
 */
function crosses({ x1, y1, x2, y2 }, { x, y, text, anchor }, { fontSize }) {
  const width = text.length * (fontSize - DATA_SMALLER) * DATA_CHARACTER;
  const left = anchor === "start" ? x : x - width;
  const [from, to] = x1 < x2 ? [x1, x2] : [x2, x1];
  const [first, last] = [Math.max(from, left), Math.min(to, left + width)];
  if (first >= last) return false;
  /** @param {number} at */
  const yAt = (at) => y1 + (y2 - y1) * (at - x1) / (x2 - x1);
  const ends = [yAt(first), yAt(last)];
  return Math.max(...ends) > y - fontSize + 2 && Math.min(...ends) < y + 3;
}

/** @param {number} ms */
function waited(ms) {
  return ms < 1000
    ? `${Math.round(ms)} ms pass`
    : `${(ms / 1000).toFixed(1)} s pass`;
}
