// @ts-check
/**
 * Draws a trace as SVG: a line for each side, and time running down. Runs in
 * Deno and in a browser.
 *
 * @module
 */
import { NARROW, place, WIDE } from "./layout.js";
import { PICTURE_STYLE } from "./picture_style.js";
import { storyOf, verdictOf } from "./trace.js";

/** @typedef {import("./trace.js").Trace} Trace */
/** @typedef {import("./trace.js").Flight} Flight */
/** @typedef {import("./trace.js").Step} Step */
/** @typedef {import("./trace.js").Side} Side */
/** @typedef {import("./layout.js").Placed} Placed */
/** @typedef {import("./layout.js").Layout} Layout */

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
  // Texts lie above all lines, and have a border in the colour of the paper.
  const flights = story.flights.map((flight) => drawFlight(flight, placed));
  const rows = placed.rows.map((row) => drawRow(row, placed));
  const { width } = layout;
  const { height } = placed;
  const about = isFile
    ? `<title>${escape(trace.title)}</title><desc>${
      escape(story.steps.map(({ ms, long }) => `${ms} ms: ${long}`).join("\n"))
    }</desc><style>${PICTURE_STYLE}</style>`
    : "";
  const size = isFile ? ` width="${width}" height="${height}"` : "";
  return `<svg xmlns="http://www.w3.org/2000/svg" class="trace" ` +
    `viewBox="0 0 ${width} ${height}"${size} role="img" aria-label="${
      escape(`${trace.title}. ${verdictOf(trace)}`)
    }">${about}<rect class="paper" width="${width}" height="${height}" rx="6"/>` +
    drawLives(trace, placed) + flights.join("") + rows.join("") + "</svg>";
}

/**
 * The lines of the sides, and what each side can still do.
 *
 * @param {Trace} trace
 * @param {Placed} placed
 */
function drawLives({ sides, names = {}, unseen = [] }, placed) {
  const { layout, height } = placed;
  return sides.map((side) => {
    const x = layout.x[side];
    const name = names[side] ?? (side === "path" ? "proxy" : side);
    const anchor = layout.hasMargins || side === "path"
      ? "middle"
      : side === "client"
      ? "start"
      : "end";
    const label = text(
      anchor === "middle" ? x : anchor === "start" ? x - 6 : x + 6,
      22,
      unseen.includes(side) ? `${name} (not observed)` : name,
      `name ${side}`,
      anchor,
    );
    const parts = unseen.includes(side)
      ? [{ from: 34, to: height - 12, state: "unseen" }]
      : livesOf(side, placed);
    const lines = parts.map(({ from, to, state }) =>
      `<path class="life ${state} ${side}" d="M${x} ${from}V${to}"/>`
    );
    return lines.join("") + label;
  }).join("");
}

/**
 * @param {Side} side
 * @param {Placed} placed
 */
function livesOf(side, { rows, height }) {
  const parts = [];
  let from = 34;
  let state = "gone";
  let open = 0;
  for (const { step, y } of rows) {
    const { at, what, event } = step;
    if (at !== side || event.error !== undefined) continue;
    let next = state;
    if (what === "connect" || what === "accept") {
      open++;
      next = "";
    }
    // A side of two connections has ended when both have.
    if (what === "half-close" && open === 1) next = "listens";
    if (what === "close" && --open === 0) next = "gone";
    if (next === state) continue;
    parts.push({ from, to: y, state });
    from = y;
    state = next;
  }
  parts.push({ from, to: height - 12, state });
  return parts;
}

/**
 * @param {import("./layout.js").Row} row
 * @param {Placed} placed
 */
function drawRow(row, { layout }) {
  const { step, y, lines, textX, textY, anchor, waitMs, data } = row;
  const { at, what, isInferred } = step;
  const side = isInferred ? "lost" : at;
  const isFailed = step.event.error !== undefined || what === "unread";
  const parts = [
    text(layout.msX, y + 4, amount(step.ms), "ms", "end"),
    ...lines.map((line, index) =>
      text(
        textX,
        textY + index * layout.lineHeight,
        line,
        isFailed ? "lost" : "",
        anchor,
      )
    ),
    ...(data === undefined
      ? []
      : [text(data.x, data.y, data.text, "data", data.anchor)]),
    drawMark(what, layout.x[at], y, side),
  ];
  if (waitMs !== undefined) {
    parts.unshift(
      text(
        layout.waitX,
        row.waitY ?? y,
        wait(waitMs),
        "wait",
        layout.waitAnchor,
      ),
    );
  }
  return parts.join("");
}

/**
 * @param {string} what
 * @param {number} x
 * @param {number} y
 * @param {string} side
 */
function drawMark(what, x, y, side) {
  if (what === "close" || what === "unread") {
    return `<path class="cross ${side}" d="M${x - 5} ${
      y - 5
    }l10 10m0-10l-10 10"/>`;
  }
  if (what === "half-close") {
    return `<circle class="mark open ${side}" cx="${x}" cy="${y}" r="5"/>` +
      `<path class="mark ${side}" d="M${x - 5} ${y}a5 5 0 0 1 10 0z"/>`;
  }
  const isOpen = what === "end of file" || what === "accept" ||
    what === "receive";
  return `<circle class="mark ${isOpen ? "open " : ""}${side}" cx="${x}" ` +
    `cy="${y}" r="4"/>`;
}

/**
 * @param {Flight} flight
 * @param {Placed} placed
 */
function drawFlight(flight, placed) {
  const { kind, from, to, isLost } = flight;
  const { layout } = placed;
  const { start, end } = placed.spanOf(flight);
  const sign = layout.x[to] > layout.x[from] ? 1 : -1;
  const x1 = layout.x[from] + sign * 6;
  const x2 = layout.x[to] - sign * (isLost ? 16 : 7);
  const side = isLost || kind === "reset" ? "lost" : from;
  const line = `<path class="flight ${kind} ${side}" d="M${x1} ${
    round(start)
  }L${round(x2)} ${round(end)}"/>`;
  // The tip points along the line.
  const angle = Math.atan2(end - start, x2 - x1) * 180 / Math.PI;
  const tip = `<path class="tip ${side}" transform="translate(${round(x2)} ${
    round(end)
  }) rotate(${round(angle)})" d="M0 0l-8-4v8z"/>`;
  return line + tip;
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} content
 * @param {string} names
 * @param {string} anchor
 */
function text(x, y, content, names, anchor) {
  const attributes = (names === "" ? "" : ` class="${names}"`) +
    (anchor === "start" ? "" : ` text-anchor="${anchor}"`);
  return `<text x="${round(x)}" y="${round(y)}"${attributes}>${
    escape(content)
  }</text>`;
}

/** @param {number} ms */
function amount(ms) {
  return ms.toFixed(1);
}

/** @param {number} ms */
function wait(ms) {
  return ms < 1000
    ? `${Math.round(ms)} ms pass`
    : `${(ms / 1000).toFixed(1)} s pass`;
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
