/**
 * The tables as a picture, for those who look before they read: bars side by
 * side, this server's in colour.
 *
 * @module
 */
import { OURS } from "./servers.ts";
import { element, svg } from "./svg.ts";

/** One bar. */
export interface Bar {
  /** The server's name. */
  server: string;
  /** How long it is; NaN where that is not known. */
  value: number;
  /** What stands at its end: the number, as the table has it. */
  label: string;
}

/** Bars that share a heading. */
export interface Panel {
  /** What was measured. */
  heading: string;
  /** More about it, at the other end of the heading's line. */
  note: string;
  /** One for each server. */
  bars: readonly Bar[];
}

/** What the picture shows. */
export interface Story {
  /** CPU time relative to the best peer, a panel for each size. */
  sizes: readonly Panel[];
  /** Memory of an idle connection, if that was measured. */
  idle?: Panel;
  /** What it was measured on, for those who hear the picture. */
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
/** Where the first panels begin. */
const TOP = 92;
/** From the top of a panel to its first bar. */
const HEADING = 26;
const ROW = 20;
const BAR = 14;
/** Below each panel. */
const GAP = 20;
/** Between a bar or a line and a text. */
const SPACE = 6;

const FONT_SIZE = { title: 18, heading: 14, text: 13 };
// The widest of the fonts that it may be drawn in have such digits, in bold;
// few letters are wider.
const CHARACTER = 0.7;

// The background is the picture's own: on a page whose colours are not those
// that the reader's system asks for, it can be read all the same.
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

/** How much room a text takes at most. */
function room(text: string, fontSize: number): number {
  return Math.ceil(text.length * fontSize * CHARACTER);
}

/** Of no number, nothing; and of memory that was given back. */
function length(value: number): number {
  return value > 0 ? value : 0;
}

/** Where bars begin, and how long they are. */
interface Scale {
  left: number;
  pixels: number;
  /** The value that has a line of its own. */
  best?: number;
}

/** The same for all panels it is given, so that their bars can be compared. */
function scale(panels: readonly Panel[], best?: number): Scale {
  const bars = panels.flatMap((panel) => panel.bars);
  const widest = (texts: string[]) =>
    Math.max(...texts.map((text) => room(text, FONT_SIZE.text)));
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

/** The line of the best peer, over all bars of a panel. */
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

function inOrder({ sizes, idle }: Story): Panel[] {
  return idle === undefined ? [...sizes] : [...sizes, idle];
}

/** The numbers in words. */
function describe(story: Story): string {
  const numbers = inOrder(story).map(({ heading, note, bars }) => {
    const each = bars.map(({ server, label }) => `${server} ${label}`);
    return `${heading} (${note}): ${each.join(", ")}.`;
  });
  const machine = `Measured on ${story.machine}.`;
  return [RELATIVE, WORK, ...numbers, machine].join(" ");
}

/** The picture of all that was measured, as the text of an SVG file. */
export function draw(story: Story): string {
  const { sizes, idle } = story;
  const panels = inOrder(story);
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
    ...element("desc", {}, describe(story)),
    ...STYLE,
    ...element("rect", { class: "page", ...page, rx: 8 }),
    ...text(MARGIN, 34, TITLE, { size: FONT_SIZE.title, class: "strong" }),
    ...text(MARGIN, 58, RELATIVE, { class: "quiet" }),
    ...text(MARGIN, 76, WORK, { class: "quiet" }),
    ...lines,
  ]);
}
