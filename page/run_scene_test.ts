import { assert, assertEquals, assertRejects } from "@std/assert";
import { rowsOf } from "../tests/markdown.ts";
import { needsNet, needsRead } from "../tests/options.ts";
import { runScene, UnknownSceneError } from "./run_scene.ts";
import { SCENES } from "./scenes.js";
import { outcomeOf, storyOf } from "./trace.js";

/** What becomes of the reply in each scene: what the page says of it. */
const OUTCOMES: Record<string, string[]> = {
  "last-word:close": ["lost"],
  "last-word:before": ["arrived"],
  "last-word:after": ["arrived"],
  "markers:differ": ["arrived"],
  "markers:agree": ["arrived"],
  "cuts:7,12": ["arrived", "wrong"],
  "cuts:10,10": ["arrived", "wrong"],
  "cuts:2,5": ["arrived", "arrived"],
  "unread:closes": ["lost"],
  "unread:lingers": ["arrived"],
  "refused:beside": ["arrived"],
  "refused:after": ["arrived"],
  "proxy:nginx-off": ["lost", "arrived"],
  "proxy:nginx-on": ["arrived", "arrived"],
  "proxy:haproxy": ["lost", "arrived"],
  "proxy:socat": ["lost", "arrived"],
  "proxy:socat-10": ["arrived", "arrived"],
  "proxy:node": ["lost", "arrived"],
  "proxy:deno": ["arrived", "arrived"],
  "nat:1000": ["lost", "arrived"],
  "nat:100": ["arrived", "arrived"],
  "keep-alive:half-close": ["lost"],
  "keep-alive:count": ["arrived"],
};

Deno.test("OUTCOMES has each choice of each scene", () => {
  const all = SCENES.flatMap(({ id, choices }) =>
    choices.map((choice) => `${id}:${choice.id}`)
  );
  assertEquals(Object.keys(OUTCOMES), all);
});

/** The row of docs/paths.md that each choice of the scene `proxy` stands for. */
const PATHS: Record<string, string> = {
  "nginx-off": "nginx stream, `proxy_half_close off` (default)",
  "nginx-on": "nginx stream, `proxy_half_close on`",
  "haproxy": "HAProxy, `timeout server-fin 500ms`",
  "socat": "socat, by default (`-t 0.5`)",
  "socat-10": "socat, `-t 10`",
  "node": "Node `pipe()`, `allowHalfOpen: false` (default)",
  "deno": "Deno, `read()`, `write()`, `closeWrite()`",
};

Deno.test(
  needsRead("the proxies lose what docs/paths.md says they lose"),
  () => {
    const page = new URL("../docs/paths.md", import.meta.url);
    const rows = rowsOf(Deno.readTextFileSync(page), "path");
    const { choices } = SCENES.find(({ id }) => id === "proxy")!;
    for (const { id } of choices) {
      const [, , slow, after] = rows.find(([path]) => path === PATHS[id]) ?? [];
      const measured = [slow, after].map((finding) =>
        finding === "LOST" ? "lost" : finding === "kept" ? "arrived" : finding
      );
      assertEquals(measured, OUTCOMES[`proxy:${id}`], id);
    }
  },
);

for (const [name, outcomes] of Object.entries(OUTCOMES)) {
  Deno.test(needsNet(`runScene() shows what it claims: ${name}`), async () => {
    const [id = "", choice = ""] = name.split(":");
    const traces = await runScene(id, choice);
    assertEquals(traces.map((trace) => outcomeOf(trace).kind), outcomes);
    for (const trace of traces) {
      const { steps } = storyOf(trace);
      assert(steps.length > 6, trace.title);
      assert(steps.every(({ ms }) => ms >= 0));
    }
  });
}

Deno.test(needsNet("runScene() cuts a message anywhere"), async () => {
  const traces = await runScene("cuts", "23,1");
  for (const { events } of traces) {
    const sent = events.filter(({ at, what }) =>
      at === "client" && what === "send"
    );
    assertEquals(sent.map(({ byteLength }) => byteLength), [1, 22, 1]);
  }
});

Deno.test.each([
  ["", ""],
  ["constructor", "close"],
  ["last-word", ""],
  ["last-word", "no"],
  ["cuts", "0,3"],
  ["cuts", "3,24"],
  ["cuts", "3"],
  ["cuts", "3,4,5"],
  ["cuts", "-1,4"],
])("runScene() refuses what it does not know: %s:%s", async (id, choice) => {
  await assertRejects(() => runScene(id, choice), UnknownSceneError);
});
