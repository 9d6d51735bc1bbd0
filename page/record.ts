// Runs all scenes, and writes docs/page/: the page as a recording, and pictures
// for the documents. `deno task pictures`

import { drawTrace } from "./draw.js";
import { recordedPage } from "./recording.ts";
import { runScene } from "./run_scene.ts";
import { SCENES } from "./scenes.js";
import type { Trace } from "./trace.js";

/** The pictures of the documents: of which scene each is. */
const PICTURES: Record<string, string> = {
  "close.svg": "last-word:close",
  "half_close.svg": "last-word:before",
  "half_close_after.svg": "last-word:after",
  "proxy.svg": "proxy:nginx-off",
};

const folder = new URL("../docs/page/", import.meta.url);

/** Runs all scenes, one after the other: the times are then the quietest. */
async function runAll(): Promise<Record<string, Trace[]>> {
  const scenes: Record<string, Trace[]> = {};
  // The first time, code is compiled meanwhile.
  await runScene("last-word", "before");
  for (const { id, choices } of SCENES) {
    for (const { id: choice } of choices) {
      scenes[`${id}:${choice}`] = await runScene(id, choice);
    }
  }
  return scenes;
}

const scenes = await runAll();
const date = new Date().toISOString().slice(0, 10);
const page = await recordedPage({ date, scenes });
await Deno.writeTextFile(new URL("index.html", folder), page);
for (const [name, scene] of Object.entries(PICTURES)) {
  const picture = drawTrace(scenes[scene]![0]!, { isFile: true });
  await Deno.writeTextFile(new URL(name, folder), `${picture}\n`);
}
console.log(`docs/page/index.html has ${page.length} characters`);
