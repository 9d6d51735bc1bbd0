import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { CheckedConversation } from "../check/check.ts";
import { heading, lineRest, lineStart } from "../cli/check_text.ts";
import { openPath } from "./faulty_path.ts";
import { needsRun } from "./options.ts";
import { FILE_PERMISSIONS, runClient, startServer } from "./scripts.ts";
import { temporaryDirectory } from "./temporary.ts";
import widthOf from "string-width";

const SERVER_FLAGS = ["--quiet", "--max-bytes=2MiB"];
const CHECK_FLAGS = ["--check", "--pause=0.1"];

const CONVERSATION: CheckedConversation = {
  name: "half-close before",
  finding: "unknown",
  bytesSent: 72 * 1024 ** 2,
  bytesReceived: 209,
  error: null,
  ending: "silence",
  durationMs: 1,
};

Deno.test.each(
  [
    ["large amounts", {
      bytesSent: 1023.9 * 1024 ** 2,
      bytesReceived: 1023.9 * 1024 ** 2,
      ending: "end of file",
      durationMs: 119_000,
    }],
    ["an error and a remark", {
      error: "shutting down",
      remark: "no large reply",
    }],
    ["a long error", { error: "w".repeat(190) }],
    ["an error of wide characters", { error: "天".repeat(50) }],
  ] as [string, Partial<CheckedConversation>][],
)("lineRest() keeps a line within 80 columns: %s", (_name, changes) => {
  const line = lineRest({ ...CONVERSATION, ...changes });
  assertEquals(widthOf(lineStart("slow reader") + line), 79);
  assertMatch(line, / unknown$/);
  assertEquals(heading().length <= 80, true);
});

Deno.test(needsRun("client.ts --check prints a verdict"), async () => {
  await using server = await startServer(SERVER_FLAGS);
  const args = [...CHECK_FLAGS, `--port=${server.port}`];
  const { code, stdout, stderr } = await runClient(args);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  assertMatch(stdout, /^the path to 127.0.0.1:\d+\n\nconversation +sent /);
  assertMatch(stdout, /\nno end marker +31 B +ERROR:no end! +end of .* kept\n/);
  assertMatch(stdout, /\n\nthis path keeps the last word\n$/);
  const quiet = await runClient([...args, "--quiet"]);
  assertEquals(quiet.stdout, "this path keeps the last word\n");
});

Deno.test(
  needsRun("client.ts --check exits 1 for a loss, 3 for no answer"),
  async () => {
    await using server = await startServer(SERVER_FLAGS);
    const path = await openPath(server.port, (client, server) => {
      client.pipe(server);
      server.pipe(client);
      client.on("end", () => client.end());
    });
    const args = [...CHECK_FLAGS, `--port=${path.port}`];
    const lost = await runClient(args);
    await path[Symbol.asyncDispose]();
    assertEquals(lost.code, 1);
    assertMatch(lost.stdout, /nothing .* LOST\n/);
    assertStringIncludes(lost.stdout, "(--half-close after)");
    const unknown = await runClient(args);
    assertEquals(unknown.code, 3);
    assertStringIncludes(unknown.stdout, "could not tell: Cannot connect to");
  },
);

Deno.test(needsRun("client.ts --check --unix checks a socket"), async () => {
  await using directory = await temporaryDirectory();
  const socket = `${directory.path}/socket`;
  const flags = [`--unix=${socket}`, ...SERVER_FLAGS];
  await using _server = await startServer(flags, FILE_PERMISSIONS);
  const { code, stdout } = await runClient([
    ...CHECK_FLAGS,
    `--unix=${socket}`,
  ]);
  assertEquals(code, 0);
  assertStringIncludes(stdout, `the path to ${socket}\n`);
});
