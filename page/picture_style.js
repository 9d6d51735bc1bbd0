// @ts-check
/**
 * The style of a picture of a trace, light and dark.
 *
 * @module
 */

/** Rules for the classes that `drawTrace()` uses. */
export const PICTURE_STYLE = `
.trace {
  --paper: #fff; --ink: #1c2126; --dim: #5b6570; --line: #c3cad1;
  --client: #0b5cad; --server: #1a7040; --path: #7a4a9e; --lost: #c0182b;
  font: 14px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
}
@media (prefers-color-scheme: dark) {
  .trace {
    --paper: #15181c; --ink: #e8ebee; --dim: #a3adb7; --line: #4a525b;
    --client: #6db3ff; --server: #6fd39b; --path: #cba2ef; --lost: #ff7d8a;
  }
}
.trace .paper { fill: var(--paper); }
.trace text {
  fill: var(--ink); stroke: var(--paper); stroke-width: 4px;
  stroke-linejoin: round; paint-order: stroke;
}
.trace.column { font-size: 13px; }
.trace .ms, .trace .unit, .trace .wait { fill: var(--dim); font-size: 12px; }
.trace .same { font-size: 17px; }
.trace .wait { font-style: italic; }
.trace .data {
  font: 12px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
.trace.column .data { font-size: 11px; }
.trace .name { font-weight: 600; }
.trace .client { --hue: var(--client); }
.trace .server { --hue: var(--server); }
.trace .path { --hue: var(--path); }
.trace .lost { --hue: var(--lost); }
.trace text.client, .trace text.server, .trace text.path, .trace text.lost {
  fill: var(--hue);
}
.trace .life { stroke: var(--hue); stroke-width: 4px; }
.trace .life.listens { stroke-dasharray: 7 4; stroke-width: 3px; }
.trace .life.gone { stroke: var(--dim); stroke-dasharray: 1 5; stroke-width: 2px; }
.trace .life.unseen { stroke: var(--line); stroke-width: 2px; }
.trace .mark { fill: var(--hue); stroke: var(--hue); stroke-width: 2px; }
.trace .mark.open { fill: var(--paper); }
.trace .flight { stroke: var(--hue); stroke-width: 1.5px; fill: none; }
.trace .flight.connect { stroke-dasharray: 8 3 1.5 3; }
.trace .flight.end { stroke-dasharray: 5 4; }
.trace .flight.reset { stroke-dasharray: 2 3; }
.trace .tip { fill: var(--hue); }
.trace .cross { stroke: var(--hue); stroke-width: 2.5px; fill: none; }
`;
