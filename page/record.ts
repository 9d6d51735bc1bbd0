// Runs all scenes, and writes docs/page/: the page as a recording, and pictures
// for the documents. `deno task pictures`

import { RECORDED, recordedFiles } from "./recording.ts";
import { runScene } from "./run_scene.ts";
import { SCENES } from "./scenes.js";
import type { Trace } from "./trace.js";

/** Runs all scenes, one after the other: so they do not slow each other. */
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

const date = new Date().toISOString().slice(0, 10);
const files = await recordedFiles({ date, scenes: await runAll() });
for (const [name, text] of Object.entries(files)) {
  await Deno.writeTextFile(new URL(name, RECORDED), text);
  console.log(`docs/page/${name}: ${text.length} characters`);
}
