// @ts-check
/**
 * A page with one trace: its picture, and the same as a list. Runs in Deno and
 * in a browser.
 *
 * @module
 */
import { drawTrace, escape } from "./draw.js";
import { storyOf, verdictOf } from "./trace.js";

/** @typedef {import("./trace.js").Trace} Trace */

/** The style around the picture. */
const STYLE = `
:root { color-scheme: light dark; }
body {
  margin: 1rem auto; max-width: 55rem; padding: 0 0.5rem;
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere;
}
.trace { display: block; max-width: 100%; height: auto; }
.narrow { display: none; }
@media (max-width: 45rem) {
  .wide { display: none; }
  .narrow { display: block; }
}
`;

/**
 * Makes a page of a trace: one file, without a script.
 *
 * @param {Trace} trace
 * @returns {string}
 */
export function documentOf(trace) {
  const { steps } = storyOf(trace);
  const items = steps.map(({ ms, long }) =>
    `<li>${ms.toFixed(1)} ms: ${escape(long)}</li>`
  );
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escape(trace.title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escape(trace.title)}</h1>
<p>${escape(verdictOf(trace))}</p>
<div class="wide">${drawTrace(trace, { isFile: true })}</div>
<div class="narrow">${drawTrace(trace, { isFile: true, isNarrow: true })}</div>
<h2>The same as a list</h2>
<ol>
${items.join("\n")}
</ol>
</main>
</body>
</html>
`;
}
