// @ts-check
/**
 * Draws a trace as SVG: a line for each side, and time running down. Runs in
 * Deno and in a browser.
 *
 * @module
 */
import { NARROW, place, TOP, WIDE } from "./layout.js";
import { PICTURE_STYLE } from "./picture_style.js";
import { storyOf, verdictOf } from "./trace.js";
import { nameOf } from "./words.js";

/** @typedef {import("./trace.js").Trace} Trace */
/** @typedef {import("./trace.js").Flight} Flight */
/** @typedef {import("./trace.js").Side} Side */
/** @typedef {import("./layout.js").Placed} Placed */
/** @typedef {import("./layout.js").Layout} Layout */
/** @typedef {import("./layout.js").Row} Row */
/** @typedef {import("./layout.js").Line} Line */

/**
 * @typedef {object} DrawOptions
 * @property {boolean} [isNarrow] For a telephone, or half a page.
 * @property {boolean} [isFile] For a file of its own, with its style.
 */

/**
 * Draws a trace.
 *
 * @param {Trace} trace
 * @param {DrawOptions} [options]
 * @returns {string} An `svg` element.
 */
export function drawTrace(trace, { isNarrow = false, isFile = false } = {}) {
  const layout = isNarrow ? NARROW : WIDE;
  const story = storyOf(trace);
  const placed = place(trace, story, layout);
  const { rows, height, lineOf } = placed;
  // Texts lie above all lines, and have a border in the colour of the paper.
  const flights = story.flights.map((flight) =>
    drawFlight(flight, lineOf(flight))
  );
  const { width } = layout;
  const about = isFile
    ? `<title>${escape(trace.title)}</title><desc>${
      escape(story.steps.map(({ ms, long }) => `${ms} ms: ${long}`).join("\n"))
    }</desc><style>${PICTURE_STYLE}</style>`
    : "";
  const size = isFile ? ` width="${width}" height="${height}"` : "";
  return `<svg xmlns="http://www.w3.org/2000/svg" class="trace${
    isNarrow ? " column" : ""
  }" viewBox="0 0 ${width} ${height}"${size} role="img" aria-label="${
    escape(`${trace.title}. ${verdictOf(trace)}`)
  }">${about}<rect class="paper" width="${width}" height="${height}" rx="6"/>` +
    drawLives(trace, placed) + flights.join("") +
    rows.map(({ step, y }) => drawMark(step, layout.x[step.at], y)).join("") +
    drawNames(trace, layout) + drawTimes(rows, layout) +
    rows.map(drawTexts).join("") + "</svg>";
}

/**
 * The lines of the sides, and what each side can still do.
 *
 * @param {Trace} trace
 * @param {Placed} placed
 */
function drawLives({ sides, unseen = [] }, { layout, rows, height }) {
  return sides.map((side) => {
    const x = layout.x[side];
    const end = height - 6;
    const parts = unseen.includes(side)
      ? [{ from: TOP, to: end, state: "unseen" }]
      : livesOf(side, rows, end);
    return parts.map(({ from, to, state }) =>
      drawLife(state, side, `M${x} ${from}V${to}`)
    ).join("");
  }).join("");
}

/**
 * @param {Side} side
 * @param {Row[]} rows
 * @param {number} end
 */
function livesOf(side, rows, end) {
  const parts = [];
  let from = TOP;
  let state = "gone";
  let open = 0;
  for (const { step, y } of rows) {
    if (step.at !== side || step.isInferred) continue;
    let next = state;
    for (const { what, error } of step.events) {
      if (error !== undefined) continue;
      if (what === "connect" || what === "accept") {
        open++;
        next = "open";
      }
      // A side of two connections has ended when both have.
      if (what === "half-close" && open === 1) next = "listens";
      if (what === "close" && --open === 0) next = "gone";
      if (what === "forget") next = "gone";
    }
    if (next === state) continue;
    parts.push({ from, to: y, state });
    from = y;
    state = next;
  }
  parts.push({ from, to: end, state });
  return parts;
}

/**
 * A part of the line of a side.
 *
 * @param {string} state What the side can still do: it is "open", "listens"
 * after a half-close, is "gone", or was "unseen".
 * @param {Side} side
 * @param {string} path
 */
export function drawLife(state, side, path) {
  return `<path class="life ${state} ${side}" d="${path}"/>`;
}

/**
 * @param {Trace} trace
 * @param {Layout} layout
 */
function drawNames(trace, { x, isColumn, msX }) {
  const names = trace.sides.map((side) => {
    const name = nameOf(trace, side);
    const label = trace.unseen?.includes(side)
      ? `${name} (not observed)`
      : name;
    const names = `name ${side}`;
    // Names that stand closely end, or start, at their lines.
    if (!isColumn || side === "path") {
      return drawText({ x: x[side], y: 22, text: label }, names, "middle");
    }
    return side === "client"
      ? drawText({ x: x[side] + 6, y: 22, text: label }, names, "end")
      : drawText({ x: x[side] - 6, y: 22, text: label }, names);
  });
  const unit = isColumn
    ? drawText({ x: 4, y: TOP + 2, text: "ms" }, "unit")
    : drawText({ x: msX, y: 22, text: "ms" }, "unit", "end");
  return unit + names.join("");
}

/**
 * The times. One that is the same as that of the row above has a ditto mark.
 *
 * @param {Row[]} rows
 * @param {Layout} layout
 */
function drawTimes(rows, { msX }) {
  let before = "";
  return rows.map(({ step, y }) => {
    const time = step.ms.toFixed(1);
    const label = time === before ? drawSameTime(msX, y + 5) : drawText(
      { x: msX, y: y + 5, text: time },
      "ms",
      "end",
    );
    before = time;
    return label;
  }).join("");
}

/**
 * What stands for a time that is the same as that of the row above.
 *
 * @param {number} x
 * @param {number} y
 */
export function drawSameTime(x, y) {
  return drawText({ x: x - 6, y: y + 3, text: "″" }, "ms same", "end");
}

/** @param {Row} row */
function drawTexts({ step, lines, data, wait }) {
  const isLost = step.event.error !== undefined || step.isInferred ||
    step.what === "drop";
  const side = isLost ? "lost" : step.at;
  return (wait ? drawText(wait, "wait") : "") +
    lines.map((line) => drawText(line, side)).join("") +
    (data ? drawText(data, "data") : "");
}

/**
 * The mark of a step.
 *
 * @param {{ what: string, at: Side, isInferred?: boolean }} step
 * @param {number} x
 * @param {number} y
 */
export function drawMark({ what, at, isInferred }, x, y) {
  const side = isInferred || what === "drop" ? "lost" : at;
  if (["close", "unread", "drop"].includes(what)) {
    return `<path class="cross ${side}" d="M${x - 5} ${
      y - 5
    }l10 10m0-10l-10 10"/>`;
  }
  if (what === "half-close") {
    return `<circle class="mark open ${side}" cx="${x}" cy="${y}" r="5"/>` +
      `<path class="mark ${side}" d="M${x - 5} ${y}a5 5 0 0 1 10 0z"/>`;
  }
  const isOpen = ["accept", "receive", "end of file"].includes(what);
  return `<circle class="mark ${isOpen ? "open " : ""}${side}" cx="${x}" ` +
    `cy="${y}" r="4"/>`;
}

/**
 * The line of what travels.
 *
 * @param {Pick<Flight, "kind" | "from" | "isLost">} flight
 * @param {Line} line
 */
export function drawFlight({ kind, from, isLost }, { x1, y1, x2, y2 }) {
  const side = isLost || kind === "reset" ? "lost" : from;
  const line = `<path class="flight ${kind} ${side}" d="M${x1} ${round(y1)}L${
    round(x2)
  } ${round(y2)}"/>`;
  // The tip points along the line.
  const angle = Math.atan2(y2 - y1, x2 - x1) * 180 / Math.PI;
  const tip = `<path class="tip ${side}" transform="translate(${round(x2)} ${
    round(y2)
  }) rotate(${round(angle)})" d="M0 0l-8-4v8z"/>`;
  return line + tip;
}

/**
 * @param {{ x: number, y: number, text: string, anchor?: string }} label
 * @param {string} names
 * @param {string} [anchor]
 */
function drawText(label, names, anchor = label.anchor ?? "start") {
  const { x, y, text } = label;
  const attributes = ` class="${names}"` +
    (anchor === "start" ? "" : ` text-anchor="${anchor}"`);
  return `<text x="${round(x)}" y="${round(y)}"${attributes}>${
    escape(text)
  }</text>`;
}

/** @param {number} number */
function round(number) {
  return Math.round(number * 10) / 10;
}

/** @type {Record<string, string>} */
const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** What XML cannot hold, however it is written. */
// deno-lint-ignore no-control-regex
const NOT_XML = /[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g;

/**
 * Escapes text for an element or an attribute.
 *
 * @param {string} content
 * @returns {string}
 */
export function escape(content) {
  return content.toWellFormed().replace(NOT_XML, "\ufffd")
    .replace(/[&<>"]/g, (character) => ENTITIES[character] ?? "");
}
