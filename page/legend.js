// @ts-check
/**
 * What the marks of a picture mean: each drawn as in a picture. Runs in Deno
 * and in a browser.
 *
 * @module
 */
import { drawFlight, drawLife, drawMark, drawSameTime } from "./draw.js";

/** @typedef {import("./trace.js").Side} Side */
/** @typedef {import("./trace.js").Flight} Flight */

/** The size of a drawing. */
const WIDTH = 40;
const HEIGHT = 16;

/**
 * A mark with its meaning.
 *
 * @typedef {object} Meaning
 * @property {string} drawing An `svg` element.
 * @property {string} words
 */

/** @type {readonly [title: string, meanings: readonly Meaning[]][]} */
export const LEGEND = [
  ["Who", [
    { drawing: life("open", "client"), words: "blue: the client" },
    { drawing: life("open", "server"), words: "green: the server" },
    {
      drawing: life("open", "path"),
      words: "purple: what stands in between, a proxy or a NAT",
    },
    {
      drawing: mark("drop", "client"),
      words: "red: bytes that reach nobody, and what follows from that",
    },
  ]],
  ["What a side can still do", [
    { drawing: life("open", "client"), words: "sends and listens" },
    {
      drawing: life("listens", "client"),
      words: "has half-closed: only listens",
    },
    {
      drawing: life("gone", "client"),
      words: "has closed, has forgotten, or is not connected yet",
    },
  ]],
  ["What a side does", [
    {
      drawing: mark("send", "client"),
      words: "connects, sends, or another step of its program",
    },
    { drawing: mark("receive", "client"), words: "accepts, or reads" },
    { drawing: mark("half-close", "client"), words: "half-closes" },
    { drawing: mark("close", "client"), words: "closes" },
    {
      drawing: mark("unread", "client"),
      words: "never reads these bytes, or drops them",
    },
    {
      drawing: mark("reset", "client"),
      words: "its operating system sends a reset, which is inferred",
    },
  ]],
  ["What travels, and when", [
    { drawing: arrow("bytes"), words: "bytes" },
    { drawing: arrow("connect"), words: "a new connection" },
    { drawing: arrow("end"), words: "the end of a stream" },
    { drawing: arrow("bytes", true), words: "bytes that reach nobody" },
    { drawing: arrow("reset"), words: "a reset" },
    {
      drawing: drawing(drawSameTime(26, 12)),
      words: "the same time as above, to 0.1 ms",
    },
  ]],
];

/** @param {string} content */
function drawing(content) {
  return `<svg xmlns="http://www.w3.org/2000/svg" class="trace" ` +
    `aria-hidden="true" viewBox="0 0 ${WIDTH} ${HEIGHT}">${content}</svg>`;
}

/**
 * @param {string} state
 * @param {Side} side
 */
function life(state, side) {
  return drawing(drawLife(state, side, `M2 ${HEIGHT / 2}H${WIDTH - 2}`));
}

/**
 * @param {string} what
 * @param {Side} at
 */
function mark(what, at) {
  const isInferred = what === "unread" || what === "reset";
  return drawing(drawMark({ what, at, isInferred }, WIDTH / 2, HEIGHT / 2));
}

/**
 * @param {Flight["kind"]} kind
 * @param {boolean} [isLost]
 */
function arrow(kind, isLost = false) {
  const y = HEIGHT / 2;
  return drawing(
    drawFlight({ kind, from: "client", isLost }, {
      ...{ x1: 2, y1: y, x2: WIDTH - 2, y2: y },
    }),
  );
}
