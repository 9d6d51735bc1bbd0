import { assertEquals } from "@std/assert";
import { cut, wrap } from "./fit.js";

Deno.test.each<[string, number, string[]]>([
  ["", 10, [""]],
  ["one two", 7, ["one two"]],
  ["one two", 6, ["one", "two"]],
  ["reply: “no end!”", 14, ["reply:", "“no end!”"]],
  ["reply: “no end!”, so", 20, ["reply: “no end!”, so"]],
  // A quotation that is too long for a line.
  ["“one two three”", 9, ["“one two", "three”"]],
  ["abcdefghij", 5, ["abcd…"]],
])("wrap() breaks %s into lines of %i columns", (content, columns, lines) => {
  assertEquals(wrap(content, columns), lines);
});

Deno.test("cut() shortens only what is too long", () => {
  assertEquals([cut("abc", 3), cut("abcd", 3)], ["abc", "ab…"]);
});
