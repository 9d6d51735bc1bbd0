import { assertEquals } from "@std/assert";
import { obstacleOf } from "./obstacle.ts";
import type { Ending } from "./probe.ts";

interface Case {
  readonly name: string;
  readonly reply: string | readonly number[];
  readonly ending?: Ending;
  readonly reason: string | undefined;
}

Deno.test.each<Case>([
  { name: "a reply", reply: "aa", reason: undefined },
  { name: "another error reply", reply: "ERROR:failed!", reason: undefined },
  { name: "ERROR:no end!", reply: "ERROR:no end!", reason: "other marker" },
  {
    name: "ERROR:timed out!",
    reply: "ERROR:timed out!",
    reason: "other marker",
  },
  {
    name: "ERROR:bad count!",
    reply: "ERROR:bad count!",
    reason: "other marker",
  },
  { name: "ERROR:busy!", reply: "ERROR:busy!", reason: "busy" },
  {
    name: "ERROR:shutting down!",
    reply: "ERROR:shutting down!",
    reason: "busy",
  },
  {
    name: "a reply, and a late error reply",
    reply: "aa;ERROR:timed out!;",
    reason: "keep-alive",
  },
  {
    name: "a reply that does not end",
    reply: "aa",
    ending: "no end",
    reason: "endless reply",
  },
  { name: "a TLS alert", reply: [21, 3, 3, 0, 2, 2, 10], reason: "TLS" },
  {
    name: "seven other bytes",
    reply: [22, 3, 3, 0, 2, 2, 10],
    reason: undefined,
  },
  { name: "seven letters", reply: "abcdefg", reason: undefined },
  {
    name: "eight bytes like an alert",
    reply: [21, 3, 3, 0, 2, 2, 10, 0],
    reason: undefined,
  },
  { name: "no byte", reply: "", reason: "no reply" },
  { name: "a reset", reply: "", ending: "reset", reason: "no reply" },
  { name: "silence", reply: "", ending: "silence", reason: "silence" },
  {
    name: "a reply without an end of file",
    reply: "aa",
    ending: "silence",
    reason: undefined,
  },
])("obstacleOf() after $name is $reason", (test) => {
  const data = typeof test.reply === "string"
    ? new TextEncoder().encode(test.reply)
    : Uint8Array.from(test.reply);
  const { ending = "end of file" } = test;
  const obstacle = obstacleOf({ data, ending, bytesSent: 1, durationMs: 1 });
  assertEquals(obstacle?.reason, test.reason);
});
