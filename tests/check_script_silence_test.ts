// A path that is silent once, and what a check says that it did not test.

import { assertEquals, assertMatch } from "@std/assert";
import { verdictOf } from "../cli/check_text.ts";
import { serve } from "../mod.ts";
import { ALL_KEPT, checkPort, findingsOf, openPath } from "./faulty_path.ts";
import { needsNet, needsRun } from "./options.ts";
import { runClient, startServer } from "./scripts.ts";

/** The time without a byte that counts as silence, in ms. */
const SILENCE_MS = 500;

Deno.test(
  needsNet("checkPath() repeats a conversation that was silent once"),
  async () => {
    const maxBytes = 16 * 1024 * 1024;
    await using server = serve({ port: 0, end: "\n", maxBytes });
    let connections = 0;
    await using path = await openPath(server.addr.port, (client, server) => {
      // The first conversation with a half-close before the reply.
      if (++connections === 2) client.resume();
      else client.pipe(server).pipe(client);
    });
    const report = await checkPort(path.port, { timeout: SILENCE_MS });
    assertEquals(findingsOf(report), ALL_KEPT);
    assertEquals(report.finding, "kept");
    const remarks = report.conversations.map(({ remark }) => remark);
    assertEquals(remarks[1], "silent at first");
    assertMatch(verdictOf(report), /keeps/);
  },
);

Deno.test(
  needsNet("checkPath() reports a loss where the path is always silent"),
  async () => {
    await using server = serve({ port: 0, end: "\n" });
    await using path = await openPath(server.addr.port, (client, server) => {
      client.pipe(server);
      // After a half-close, nothing passes any more.
      let hasEnded = false;
      client.on("end", () => hasEnded = true);
      server.on("data", (data) => hasEnded || client.write(data));
      server.on("end", () => hasEnded || client.end());
    });
    const report = await checkPort(path.port, { timeout: SILENCE_MS });
    assertEquals(report.finding, "lost");
  },
);

Deno.test(
  needsRun("client.ts --check says what it did not test"),
  async () => {
    await using server = await startServer(["--quiet", "--max-bytes=2MiB"]);
    const args = ["--check", "--pause=0.1", `--port=${server.port}`];
    const { stdout } = await runClient(args);
    const text = stdout.replaceAll("\n", " ");
    assertMatch(
      text,
      / not tested: time limits longer than 100 ms \(--pause\), /,
    );
    assertMatch(
      text,
      /idle between messages, and what .* load {2}this path keeps/,
    );
    const quiet = await runClient([...args, "--quiet"]);
    assertEquals(quiet.stdout, "this path keeps the last word\n");
  },
);
