import { assert, assertEquals, assertRejects } from "@std/assert";
import { needsRead } from "../tests/options.ts";
import { RECORDED, recordedFiles, recordingIn } from "./recording.ts";
import { SCENES } from "./scenes.js";

function recordedPage(): string {
  return Deno.readTextFileSync(new URL("index.html", RECORDED));
}

// After a change of page/, record anew: deno task pictures
Deno.test(
  needsRead("docs/page/ is what page/ makes of the recording"),
  async () => {
    const files = await recordedFiles(recordingIn(recordedPage()));
    const names = [...Deno.readDirSync(RECORDED)].map(({ name }) => name);
    assertEquals(names.toSorted(), Object.keys(files).toSorted());
    for (const [name, text] of Object.entries(files)) {
      const recorded = Deno.readTextFileSync(new URL(name, RECORDED));
      assert(
        recorded === text,
        `${name} is not up to date: deno task pictures`,
      );
    }
  },
);

Deno.test(
  needsRead("docs/page/index.html has each choice of each scene"),
  () => {
    const { date, scenes } = recordingIn(recordedPage());
    assertEquals(date, new Date(date).toISOString().slice(0, 10));
    const all = SCENES.flatMap(({ id, choices }) =>
      choices.map((choice) => `${id}:${choice.id}`)
    );
    assertEquals(Object.keys(scenes), all);
  },
);

Deno.test(
  needsRead("docs/page/index.html is one file, of fewer than 150,000 bytes"),
  () => {
    const page = recordedPage();
    const { size } = Deno.statSync(new URL("index.html", RECORDED));
    assert(size < 150_000, `${size} bytes`);
    const loaded = page.match(/(?:src|href)="[^"]*"/g);
    assertEquals(loaded, ['href="data:,"']);
  },
);

Deno.test(
  needsRead("recordedFiles() keeps the text of a trace in its element"),
  async () => {
    const recording = recordingIn(recordedPage());
    const [trace] = recording.scenes["last-word:close"]!;
    const scenes = {
      ...recording.scenes,
      x: [{ ...trace!, title: "</script>" }],
    };
    const { "index.html": page = "" } = await recordedFiles({
      ...recording,
      scenes,
    });
    assertEquals(recordingIn(page).scenes.x![0]!.title, "</script>");
  },
);

Deno.test(
  needsRead("recordedFiles() misses the scene of a picture"),
  async () => {
    await assertRejects(
      () => recordedFiles({ date: "2026-01-31", scenes: {} }),
      Error,
    );
  },
);
