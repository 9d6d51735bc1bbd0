import { assertEquals } from "@std/assert";
import { isComplete, observe } from "./finding.ts";
import type { Ending, ProbeResult } from "./probe.ts";

function resultOf(text: string, ending: Ending): ProbeResult {
  const data = new TextEncoder().encode(text);
  return { data, ending, bytesSent: 12, durationMs: 1 };
}

const EXPECTED = new TextEncoder().encode("aabb");

interface Case {
  readonly name: string;
  readonly text: string;
  readonly ending: Ending;
  /** The loss; else the finding. */
  readonly shows: string;
}

Deno.test.each<Case>([
  {
    name: "the expected reply",
    text: "aabb",
    ending: "end of file",
    shows: "kept",
  },
  { name: "another reply", text: "ccc", ending: "end of file", shows: "kept" },
  {
    name: "a longer reply",
    text: "aabbcc",
    ending: "end marker",
    shows: "kept",
  },
  { name: "no byte", text: "", ending: "end of file", shows: "half-close" },
  {
    name: "no byte, and a reset",
    text: "",
    ending: "reset",
    shows: "half-close",
  },
  {
    name: "a part of the reply",
    text: "aab",
    ending: "end of file",
    shows: "time limit",
  },
  {
    name: "a part of the reply, and a reset",
    text: "aab",
    ending: "reset",
    shows: "time limit",
  },
  {
    name: "another reply without its marker",
    text: "cccccc",
    ending: "truncated",
    shows: "time limit",
  },
  {
    name: "the reply without an end of file",
    text: "aabb",
    ending: "silence",
    shows: "end of file",
  },
  {
    name: "the reply, and a reset",
    text: "aabb",
    ending: "reset",
    shows: "reset",
  },
  {
    name: "a reply that does not end",
    text: "aabb",
    ending: "no end",
    shows: "unknown",
  },
])("observe() of $name shows $shows", ({ text, ending, shows }) => {
  const { finding, loss } = observe(resultOf(text, ending), EXPECTED);
  assertEquals(loss ?? finding, shows);
  assertEquals(finding === "lost", loss !== undefined);
});

Deno.test("isComplete() wants a byte, and an orderly end", () => {
  const endings: Ending[] = [
    ...["end marker", "end of file", "truncated"] as const,
    ...["reset", "silence", "no end"] as const,
  ];
  const complete = endings.filter((ending) =>
    isComplete(resultOf("a", ending))
  );
  assertEquals(complete, ["end marker", "end of file"]);
  assertEquals(isComplete(resultOf("", "end of file")), false);
});
