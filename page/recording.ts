/**
 * Writes the page with recorded traces as one file, which needs no server.
 *
 * @module
 */
import { drawTrace } from "./draw.js";
import type { Trace } from "./trace.js";

/** The traces of all scenes, by scene and choice: `last-word:close`. */
export interface Recording {
  /** The day, as 2026-01-31. */
  readonly date: string;
  readonly scenes: Readonly<Record<string, readonly Trace[]>>;
}

/** The folder of the recorded page, and of the pictures of the documents. */
export const RECORDED: URL = new URL("../docs/page/", import.meta.url);

/** The pictures of the documents: of which scene each is. */
const PICTURES: Record<string, string> = {
  "close.svg": "last-word:close",
  "half_close.svg": "last-word:before",
  "half_close_after.svg": "last-word:after",
  "proxy.svg": "proxy:nginx-off",
};

/** The modules of the page; each after those that it imports. */
const MODULES = [
  ...["relays", "words", "flights", "trace"],
  ...["fit", "layout", "picture_style", "draw", "legend"],
  ...["scenes", "controls", "player", "app"],
];

/** The files of the folder `RECORDED`, by their names. */
export async function recordedFiles(
  recording: Recording,
): Promise<Record<string, string>> {
  const pictures = Object.entries(PICTURES).map(([name, scene]) => {
    const [trace] = recording.scenes[scene] ?? [];
    if (trace === undefined) throw new Error(`Cannot find the scene ${scene}`);
    return [name, `${drawTrace(trace, { isFile: true })}\n`];
  });
  return {
    "index.html": await recordedPage(recording),
    ...Object.fromEntries(pictures),
  };
}

/** The recording in a page that `recordedPage()` has made. */
export function recordingIn(page: string): Recording {
  const [, data] = /<script [^>]* id="recording">(.*)<\/script>/.exec(page) ??
    [];
  if (data === undefined) throw new Error("Cannot find a recording");
  return JSON.parse(data);
}

/**
 * Returns the page as one file: style, script and traces are inside. Its
 * policy allows nothing else.
 *
 * @throws {Error} If the page is not as it is expected.
 */
export async function recordedPage(recording: Recording): Promise<string> {
  const style = await read("style.css");
  const modules = await Promise.all(
    MODULES.map((name) => read(`${name}.js`)),
  );
  const script = modules.map(inlined).join("\n");
  const policy = `default-src 'none'; img-src data:; ` +
    `script-src ${await hashOf(script)}; style-src ${await hashOf(style)}; ` +
    `base-uri 'none'; form-action 'none'`;
  // No text of a trace may end the element.
  const data = JSON.stringify(recording).replaceAll("<", "\\u003c");
  const replacements = [
    [
      `<meta charset="utf-8">`,
      `<meta charset="utf-8">\n    ` +
      `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    ],
    [
      `<link rel="stylesheet" href="style.css">`,
      `<style>${style}</style>`,
    ],
    [
      `<script type="module" src="app.js"></script>`,
      `<script type="application/json" id="recording">${data}</script>\n` +
      `<script type="module">${script}</script>`,
    ],
  ];
  let page = await read("index.html");
  for (const [from = "", to = ""] of replacements) {
    if (!page.includes(from)) throw new Error(`Cannot find ${from}`);
    page = page.replace(from, () => to);
  }
  return page;
}

/** A module as a part of one script: without imports, exports and comments. */
function inlined(source: string): string {
  return source
    .replaceAll(/^import\b[^]*?;\n/gm, "")
    .replaceAll(/^export /gm, "")
    .replaceAll(/^\s*\/\*\*(?:(?!\*\/)[^])*\*\/\n/gm, "")
    .replaceAll(/^\/\/ @ts-check\n/gm, "")
    .replaceAll(/\n{2,}/g, "\n");
}

/** A source of a Content-Security-Policy that allows this text. */
async function hashOf(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return `'sha256-${new Uint8Array(digest).toBase64()}'`;
}

function read(name: string): Promise<string> {
  return Deno.readTextFile(new URL(name, import.meta.url));
}
