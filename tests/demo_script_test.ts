import { assert, assertEquals, assertMatch } from "@std/assert";
import { SCENES } from "../page/scenes.js";
import { needsRun } from "./options.ts";
import { runDemo, SERVER_PERMISSIONS, startScript } from "./scripts.ts";

Deno.test(
  needsRun("demo.ts --page serves the page, with the fewest permissions"),
  async () => {
    await using demo = startScript("demo.ts", SERVER_PERMISSIONS, ["--page"]);
    const [, url = ""] = await demo.says(/^the page is at (\S+) \(/);
    assertMatch(url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
    assertMatch(await (await fetch(url)).text(), /<h1>Who gets/);
    const response = await fetch(`${url}run`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        origin: new URL(url).origin,
      },
      body: JSON.stringify({ scene: "markers", choice: "agree" }),
    });
    const [{ title }] = await response.json();
    assertEquals(title, "Markers that agree");
  },
);

Deno.test(needsRun("demo.ts --page reports a port that is taken"), async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const { code, stderr } = await runDemo(["--page", `--port=${port}`]);
  assertEquals(code, 1);
  assertMatch(stderr, /^Cannot serve the page: .*\n$/);
});

Deno.test(needsRun("demo.ts --scene prints what happened"), async () => {
  const { code, stdout } = await runDemo(["--scene=last-word:close"]);
  assertEquals(code, 0);
  assertMatch(stdout, /\n +\d+\.\d {2}The client closes: it sends nothing/);
  assertMatch(
    stdout,
    /\nThe server replied .*the client read nothing of it\.\n/,
  );
});

Deno.test(needsRun("demo.ts --scene lists the scenes"), async () => {
  const { code, stdout } = await runDemo(["--scene"]);
  assertEquals(code, 0);
  for (const { id, choices } of SCENES) {
    for (const choice of choices) {
      assert(stdout.includes(`  ${id}:${choice.id} `), `${id}:${choice.id}`);
    }
  }
});

for (
  const [args, message] of [
    [["--scene=no:close"], "--scene no:close is unknown: --scene lists them"],
    [
      ["--scene=nat:\u001b"],
      "--scene nat:\\x1b is unknown: --scene lists them",
    ],
    [["--port=1"], "--port needs --page"],
    [["--page", "--scene"], "--scene and --page exclude each other"],
    [["--page", "--port=x"], /^--port needs a whole number/],
    [["--pages"], "unknown flag --pages"],
  ] as const
) {
  Deno.test(
    needsRun(`demo.ts refuses ${JSON.stringify(args)}`),
    async () => {
      const { code, stdout, stderr } = await runDemo(args);
      assertEquals({ code, stdout }, { code: 2, stdout: "" });
      if (typeof message === "string") {
        assertEquals(stderr, `${message}; see --help\n`);
      } else {
        assertMatch(stderr, message);
      }
    },
  );
}
