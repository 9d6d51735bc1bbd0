import { assert, assertEquals, assertMatch } from "@std/assert";
import type { SendEvent } from "../client/events.ts";
import { ConversationError } from "../client/reply.ts";
import { needsRun } from "../tests/options.ts";
import { runClient, startServer } from "../tests/scripts.ts";
import { NARROW, Timeline, type TimelineOptions } from "./timeline.ts";

/** Events, each with its time in ms. */
type Script = readonly (readonly [number, SendEvent])[];

const SMALL: Script = [
  [0.5, { type: "connected" }],
  [1, { type: "wrote", byteLength: 24 }],
  [1.25, { type: "sent", byteLength: 5 }],
  [1.5, { type: "half-close" }],
  [21.5, { type: "read", byteLength: 13 }],
  [21.75, { type: "end of file" }],
  [22, { type: "closed" }],
];

/** Returns what a time line draws of these events. */
function draw(
  script: Script,
  options: Partial<TimelineOptions> = {},
  failure?: ConversationError,
): string {
  let drawn = "";
  let now = 1000;
  const write = (text: string) => drawn += text;
  const timeline = new Timeline({ write, clock: () => now, ...options });
  timeline.begin("127.0.0.1:4444");
  for (const [time, event] of script) {
    now = 1000 + time;
    timeline.event(event);
  }
  timeline.end(failure);
  return drawn;
}

Deno.test("event() draws a conversation in two columns", () => {
  assertEquals(
    draw(SMALL),
    `\
       ms  this side                             that side
      0.0  connect to 127.0.0.1:4444
      0.5  connected
      1.0  24 bytes                         -->
      1.5  half-close                       -->
      1.5  waits 20.0 ms
     21.5                                   <--  13 bytes
     21.8                                   <--  half-close
     22.0  close                            -->
           24 bytes out, 13 bytes in
`,
  );
});

Deno.test("begin() begins anew for a second conversation", () => {
  const drawn: string[] = [""];
  const write = (text: string) => drawn[drawn.length - 1] += text;
  const timeline = new Timeline({ write, clock: () => 1000 });
  for (let conversation = 0; conversation < 3; conversation++) {
    timeline.begin("127.0.0.1:4444");
    for (const [, event] of SMALL) timeline.event(event);
    timeline.end();
    drawn.push("");
  }
  assertMatch(drawn[0]!, /24 bytes out, 13 bytes in\n$/);
  assertEquals(drawn, [drawn[0]!, drawn[0]!, drawn[0]!, ""]);
});

Deno.test("event() draws in 39 columns with NARROW", () => {
  const lines = draw(SMALL, { layout: NARROW }).split("\n").slice(2);
  const widest = Math.max(...lines.map((line) => line.length));
  assert(widest <= 39, `${widest} columns`);
});

Deno.test("event() draws the same text with colours", () => {
  const colored = draw(SMALL, { color: true });
  // The environment may forbid them all, as NO_COLOR does.
  assertEquals(colored.includes("\x1b["), !Deno.noColor);
  // deno-lint-ignore no-control-regex
  assertEquals(colored.replace(/\x1b\[\d+m/g, ""), draw(SMALL));
});

Deno.test("event() joins bytes, but not for longer than a second", () => {
  const wrote = (time: number): readonly [number, SendEvent] => [
    time,
    { type: "wrote", byteLength: 1000 },
  ];
  const times = Array.from({ length: 26 }, (_, index) => index * 50);
  const lines = draw(times.map(wrote)).split("\n").slice(2, -2);
  assertEquals(lines, [
    "      0.0  21,000 bytes in 1.0 s            -->",
    "   1050.0  5,000 bytes in 200 ms            -->",
  ]);
});

Deno.test("event() keeps the order of bytes sent and received", () => {
  const script: Script = [
    [1, { type: "read", byteLength: 1 }],
    [2, { type: "wrote", byteLength: 2 }],
    [3, { type: "read", byteLength: 3 }],
    [4, { type: "end of file" }],
  ];
  assertEquals(draw(script).split("\n").slice(2, -2), [
    "      1.0                                   <--  4 bytes",
    "      2.0  2 bytes                          -->",
    "      4.0                                   <--  half-close",
  ]);
});

Deno.test("end() draws why a conversation failed", () => {
  const failure = new ConversationError("truncated", "", new Uint8Array(0));
  const lines = draw(SMALL.slice(0, 4), {}, failure).split("\n").slice(-5);
  assertEquals(lines, [
    "      1.5  half-close                       -->",
    "      1.5  waits 0.0 ms",
    "      1.5  failed: truncated",
    "           24 bytes out, 0 bytes in",
    "",
  ]);
});

Deno.test("event() draws a wait while it lasts", async () => {
  let drawn = "";
  const shown = Promise.withResolvers<void>();
  const timeline = new Timeline({
    write(text) {
      drawn += text;
      if (drawn.endsWith("waits")) shown.resolve();
    },
  });
  timeline.begin("there");
  for (const [, event] of SMALL.slice(0, 4)) timeline.event(event);
  await shown.promise;
  timeline.event({ type: "read", byteLength: 1 });
  assertMatch(drawn, /\n +\d+\.\d {2}waits \d+ ms\n$/);
  timeline.end();
});

Deno.test(needsRun("client.ts --trace draws on standard error"), async () => {
  await using server = await startServer();
  const { code, stdout, stderr } = await runClient(
    ["--data=a", "--trace", `--port=${server.port}`],
  );
  assertEquals({ code, stdout }, { code: 1, stdout: "ERROR:no end!\n" });
  assertMatch(
    stderr,
    /connected\n.* 20 bytes +-->\n.* half-close +-->\n.*waits .*\n.* <-- {2}13 b/,
  );
});
