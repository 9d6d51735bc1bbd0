import { assert, assertEquals, assertMatch } from "@std/assert";
import config from "../deno.json" with { type: "json" };
import { needsRun } from "./options.ts";
import { runClient, runDemo, runServer, startServer } from "./scripts.ts";

const FITTING = ["--marker", "SERVER WRONG MARKER"];

Deno.test(needsRun("the scripts print ERROR:no end! by default"), async () => {
  await using server = await startServer();
  const port = `--port=${server.port}`;
  const { code, stdout, stderr } = await runClient([port, "--data", "a1234"]);
  assertEquals(stdout, "connected\nsent a1234\nshutdown\nERROR:no end!\n");
  assertMatch(stderr, /^hint: .* --marker\n$/);
  assertEquals(code, 1);
  await server.says(/ no end, 24 bytes in, 13 out, .* ms\n/, "stderr");
});

Deno.test(
  needsRun("the scripts print the data twice with the same marker"),
  async () => {
    await using server = await startServer();
    const port = `--port=${server.port}`;
    const { code, stdout, stderr } = await runClient([
      port,
      ...FITTING,
      ...["a1", "b2", "c3", "d4", "e5"].flatMap((data) => ["--data", data]),
    ]);
    assertEquals(
      stdout,
      ["a1", "b2", "c3", "d4", "e5"].map((data) =>
        `connected\nsent ${data}\nshutdown\n${data}${data}\n`
      ).join(""),
    );
    assertEquals(stderr, "");
    assertEquals(code, 0);
  },
);

Deno.test(
  needsRun("the scripts keep a connection for several messages"),
  async () => {
    const flags = ["--marker=;", "--keep-alive"];
    await using server = await startServer(flags);
    const { code, stdout } = await runClient([
      ...flags,
      `--port=${server.port}`,
      ...["--data=a", "--data=b", "--data=c"],
    ]);
    assertEquals(
      stdout,
      "connected\nsent a\naa\nsent b\nbb\nsent c\ncc\nshutdown\n",
    );
    assertEquals(code, 0);
    const { stderr } = await server.stop();
    assertEquals(stderr.match(/ ok, 6 bytes in, 9 out/g)?.length, 1);
  },
);

Deno.test(needsRun("the scripts count"), async () => {
  await using server = await startServer(["--framing=count"]);
  const args = ["--framing=count", `--port=${server.port}`];
  const { code, stdout } = await runClient([...args, "--data=a,b"]);
  assertEquals(stdout, "connected\nsent a,b\nshutdown\na,ba,b\n");
  assertEquals(code, 0);
  const wrong = await runClient([`--port=${server.port}`, "--data=a"]);
  assertEquals(wrong.code, 0); // to this client it is a reply like any other
});

Deno.test(
  needsRun("both scripts print their --help and --version"),
  async () => {
    for (const run of [runServer, runClient]) {
      const help = await run(["--help"]);
      assertEquals(help.code, 0);
      assertMatch(
        help.stdout,
        /^.*\n\nUsage: deno run -A \w+\.ts \[OPTIONS\]( \[MODULE\])?\n/,
      );
      assert(help.stdout.split("\n").every((line) => line.length <= 80));
      const version = await run(["--version"]);
      assertEquals(version.stdout, `${config.version}\n`);
      assertEquals(version.code, 0);
    }
  },
);

Deno.test(needsRun("demo.ts shows what a half-close buys"), async () => {
  const { code, stdout, stderr } = await runDemo();
  assertMatch(stderr, /^hint: .*\n$/); // the client's, as anybody sees it
  assertEquals(code, 0);
  assertEquals(stdout.match(/^ERROR:no end!$/gm)?.length, 5);
  assertEquals(stdout.match(/^[a-e]1234[a-e]1234$/gm)?.length, 5);
  assertMatch(stdout, /the client received\n +nothing +ERROR:no end!/);
  assertMatch(stdout, /the client received +a1234a1234/);
  assert(stdout.split("\n").every((line) => line.length <= 80));
});
