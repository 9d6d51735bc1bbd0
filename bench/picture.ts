/**
 * The tables of the benchmark as a picture: bars side by side, those of this
 * server in colour.
 *
 * @module
 */
import { OURS } from "./servers.ts";
import { element, svg } from "./svg.ts";

/** One bar. */
export interface Bar {
  /** The server's name. */
  server: string;
  /** The length of the bar; NaN where it is unknown. */
  value: number;
  /** The text at its end: the number as in the table. */
  label: string;
}

/** Bars with a common heading. */
export interface Panel {
  /** What was measured. */
  heading: string;
  /** More about the measurement, at the other end of the heading's line. */
  note: string;
  /** One for each server. */
  bars: readonly Bar[];
}

/** The content of a picture. */
export interface PictureContent {
  /** CPU time relative to the best peer; a panel for each size. */
  sizes: readonly Panel[];
  /** Memory of an idle connection, if it was measured. */
  idle?: Panel;
  /** The machine, for the description of the picture. */
  machine: string;
}

const TITLE = "Server CPU time for one message";
const RELATIVE =
  "Relative to the best peer in the same round, the line at 1.00. " +
  "Medians; less is better.";
const WORK = "All do the same work, half-close and drain included.";

const WIDTH = 860;
const MARGIN = 20;
const COLUMNS = 2;
const PANEL_WIDTH = 394;
/** The top of the first panels. */
const TOP = 92;
/** The distance from the top of a panel to its first bar. */
const HEADING = 26;
const ROW = 20;
const BAR = 14;
/** The space below each panel. */
const GAP = 20;
/** The space between a bar or a line and a text. */
const SPACE = 6;

const FONT_SIZE = { title: 18, heading: 14, text: 13 };
// The width of a bold digit in the widest of the fonts, relative to the font
// size; few letters are wider.
const CHARACTER_WIDTH = 0.7;

// With a background of its own the picture is legible on a page whose colours
// are not those of the reader's system.
const STYLE = `  <style>
  text {
    fill: #1f2328;
    font-family: -apple-system, "Segoe UI", Helvetica, Arial, sans-serif;
  }
  .page {
    fill: #ffffff;
    stroke: #d1d9e0;
  }
  .quiet {
    fill: #59636e;
  }
  .strong {
    font-weight: bold;
  }
  .peer {
    fill: #8c959f;
  }
  .ours {
    fill: #0969da;
  }
  .best {
    stroke: #1f2328;
    stroke-dasharray: 2 3;
  }
  @media (prefers-color-scheme: dark) {
    text {
      fill: #e6edf3;
    }
    .page {
      fill: #0d1117;
      stroke: #3d444d;
    }
    .quiet {
      fill: #9198a1;
    }
    .peer {
      fill: #59636e;
    }
    .ours {
      fill: #4493f8;
    }
    .best {
      stroke: #e6edf3;
    }
  }
  </style>`.split("\n");

/** The largest width of a text. */
function maxWidth(text: string, fontSize: number): number {
  return Math.ceil(text.length * fontSize * CHARACTER_WIDTH);
}

/** The length of a bar: 0 for NaN, and for memory that was given back. */
function length(value: number): number {
  return value > 0 ? value : 0;
}

/** Where bars begin, and the length of a unit. */
interface Scale {
  left: number;
  pixels: number;
  /** The value that a line marks. */
  best?: number;
}

/** One scale for all of these panels, so that their bars can be compared. */
function scale(panels: readonly Panel[], best?: number): Scale {
  const bars = panels.flatMap((panel) => panel.bars);
  const widest = (texts: string[]) =>
    Math.max(...texts.map((text) => maxWidth(text, FONT_SIZE.text)));
  const left = widest(bars.map(({ server }) => server)) + 8;
  const right = widest(bars.map(({ label }) => label)) + SPACE;
  const values = bars.map(({ value }) => length(value));
  const longest = Math.max(best ?? 0, ...values) || 1;
  return { left, pixels: (PANEL_WIDTH - left - right) / longest, best };
}

/** A line of text. */
function text(
  x: number,
  y: number,
  words: string,
  { size = FONT_SIZE.text, ...more }: {
    size?: number;
    class?: string;
    "text-anchor"?: string;
  } = {},
): string[] {
  return element("text", { x, y, "font-size": size, ...more }, words);
}

function barLines(
  { server, value, label }: Bar,
  x: number,
  y: number,
  { left, pixels, best = 0 }: Scale,
): string[] {
  const isOurs = server === OURS;
  const weight = isOurs ? { class: "strong" } : {};
  const [bar, base] = [x + left, y + BAR - 3];
  const width = length(value) * pixels;
  // The line of the best peer would cross the number of a shorter bar.
  const end = bar + Math.max(width, best * pixels);
  const colour = isOurs ? "ours" : "peer";
  return [
    ...text(x, base, server, weight),
    ...element("rect", { class: colour, x: bar, y, width, height: BAR }),
    ...text(end + SPACE, base, label, weight),
  ];
}

function panelLines(
  { heading, note, bars }: Panel,
  x: number,
  y: number,
  scale: Scale,
): string[] {
  const base = y + FONT_SIZE.heading;
  const first = y + HEADING;
  const end = first + bars.length * ROW;
  return [
    ...text(x, base, heading, { size: FONT_SIZE.heading, class: "strong" }),
    ...text(x + PANEL_WIDTH, base, note, {
      class: "quiet",
      "text-anchor": "end",
    }),
    ...bars.flatMap((bar, index) =>
      barLines(bar, x, first + index * ROW, scale)
    ),
    ...bestLine(x, first - 4, end - 2, scale),
  ];
}

/** The line at the value of the best peer, over all bars of a panel. */
function bestLine(
  x: number,
  top: number,
  bottom: number,
  { left, pixels, best }: Scale,
): string[] {
  if (best === undefined) return [];
  const at = Math.round(x + left + best * pixels);
  return element("path", { class: "best", d: `M ${at} ${top} V ${bottom}` });
}

function panelsOf({ sizes, idle }: PictureContent): Panel[] {
  return idle === undefined ? [...sizes] : [...sizes, idle];
}

/** The description of the picture: its numbers as text. */
function describe(content: PictureContent): string {
  const numbers = panelsOf(content).map(({ heading, note, bars }) => {
    const each = bars.map(({ server, label }) => `${server} ${label}`);
    return `${heading} (${note}): ${each.join(", ")}.`;
  });
  const machine = `Measured on ${content.machine}.`;
  return [RELATIVE, WORK, ...numbers, machine].join(" ");
}

/** Draws a picture; returns the text of an SVG file. */
export function draw(content: PictureContent): string {
  const { sizes, idle } = content;
  const panels = panelsOf(content);
  const most = Math.max(...panels.map(({ bars }) => bars.length));
  const panelHeight = HEADING + most * ROW + GAP;
  const height = TOP + Math.ceil(panels.length / COLUMNS) * panelHeight;
  const sizeScale = scale(sizes, 1);
  const lines = panels.flatMap((panel, index) => {
    const column = index % COLUMNS;
    const x = MARGIN + column * (WIDTH - 2 * MARGIN - PANEL_WIDTH);
    const y = TOP + Math.floor(index / COLUMNS) * panelHeight;
    return panelLines(panel, x, y, panel === idle ? scale([idle]) : sizeScale);
  });
  const page = { x: 0.5, y: 0.5, width: WIDTH - 1, height: height - 1 };
  return svg({
    xmlns: "http://www.w3.org/2000/svg",
    width: WIDTH,
    height,
    viewBox: `0 0 ${WIDTH} ${height}`,
    role: "img",
  }, [
    ...element("title", {}, TITLE),
    ...element("desc", {}, describe(content)),
    ...STYLE,
    ...element("rect", { class: "page", ...page, rx: 8 }),
    ...text(MARGIN, 34, TITLE, { size: FONT_SIZE.title, class: "strong" }),
    ...text(MARGIN, 58, RELATIVE, { class: "quiet" }),
    ...text(MARGIN, 76, WORK, { class: "quiet" }),
    ...lines,
  ]);
}
