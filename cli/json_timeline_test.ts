import { assertEquals } from "@std/assert";
import type { SendEvent } from "../client/events.ts";
import { needsRun } from "../tests/options.ts";
import { runClient, startServer } from "../tests/scripts.ts";
import { JsonTimeline } from "./json_timeline.ts";

const EVENTS: readonly SendEvent[] = [
  { type: "connected" },
  { type: "wrote", byteLength: 24 },
  { type: "sent", byteLength: 5 },
  { type: "half-close" },
  { type: "read", byteLength: 13 },
  { type: "end of file" },
  { type: "closed" },
];

Deno.test("event() writes each step as a line of JSON", () => {
  let written = "";
  const timeline = new JsonTimeline((text) => written += text);
  for (let conversation = 1; conversation <= 2; conversation++) {
    timeline.begin("there");
    for (const event of EVENTS) timeline.event(event);
    timeline.end();
  }
  const lines = written.trimEnd().split("\n").map((line) => JSON.parse(line));
  for (const { ms } of lines) assertEquals(typeof ms, "number");
  assertEquals(lines.length, 16);
  const { ms: _ms, ...wrote } = lines[10];
  assertEquals(wrote, { conversation: 2, event: "wrote", bytes: 24 });
});

Deno.test(
  needsRun("client.ts --trace json writes all steps and the failure"),
  async () => {
    await using server = await startServer(["--quiet"]);
    const args = ["--data=a", "--data=b", "--trace=json", "--keep-alive"];
    const { code, stdout, stderr } = await runClient(
      [...args, "--marker=SERVER WRONG MARKER", `--port=${server.port}`],
    );
    // This server closes each connection, and sends no reply marker.
    assertEquals({ code, stdout }, { code: 3, stdout: "aa\n" });
    const events = stderr.trimEnd().split("\n").map((line) => JSON.parse(line));
    assertEquals(events.map(({ event }) => event), [
      "connect",
      "connected",
      "wrote",
      "sent",
      "read",
      "end of file",
      "closed",
      "failed",
    ]);
    const { ms: _ms, ...failed } = events.at(-1);
    assertEquals(failed, {
      conversation: 1,
      event: "failed",
      reason: "truncated",
      message: "The reply was truncated after 2 bytes: " +
        "the connection ended before it did",
    });
  },
);
