import { assertEquals } from "@std/assert";
import { addTally, emptyTally, type Tally } from "./tally.ts";

function tallyOf(...outcomes: string[]): Tally {
  const tally = emptyTally();
  for (const outcome of outcomes) {
    addTally(tally, {
      conversations: { [outcome]: 1 },
      bytesIn: 1,
      bytesOut: 2,
      repliesLost: 0,
    });
  }
  return tally;
}

Deno.test("addTally() counts partial netstrings under one name", () => {
  const outcomes = Array.from({ length: 500 }, (_, i) => `got ${i} of 9 bytes`);
  const { conversations, bytesIn, bytesOut } = tallyOf("ok", ...outcomes);
  assertEquals(conversations, { "ok": 1, "got N of M bytes": 500 });
  assertEquals([bytesIn, bytesOut], [501, 1002]);
});

Deno.test("addTally() distinguishes 100 outcomes at most", () => {
  const outcomes = Array.from({ length: 150 }, (_, i) => `code ${i}`);
  const one = tallyOf(...outcomes, "code 0", "code 149", "other");
  assertEquals(Object.keys(one.conversations).length, 101);
  assertEquals(one.conversations["code 0"], 2);
  assertEquals(one.conversations["other"], 52);
  const other = tallyOf(...outcomes.map((outcome) => `another ${outcome}`));
  addTally(one, other);
  assertEquals(Object.keys(one.conversations).length, 101);
  assertEquals(one.conversations["other"], 202);
});

Deno.test("addTally() counts an outcome of any name", () => {
  const names = ["__proto__", "constructor", "toString"];
  const { conversations } = tallyOf(...names, ...names);
  assertEquals(Object.entries(conversations), names.map((name) => [name, 2]));
});
