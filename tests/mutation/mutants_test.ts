import { assert, assertEquals, assertThrows } from "@std/assert";
import { needsRead } from "../options.ts";
import { pathOf } from "../scripts.ts";
import { type Mutant, mutate } from "./mutant.ts";
import { MUTANTS } from "./mutants.ts";

/** The modules that must have mutants, by the starts of their paths. */
const PLACES = [
  ...["framing/", "server/", "client/", "check/", "cli/"],
  ...["server.ts", "client.ts", "recv_end.ts"],
];

Deno.test(needsRead("mutants: each one can be made"), () => {
  for (const mutant of MUTANTS) {
    mutate(mutant, Deno.readTextFileSync(pathOf(mutant.file)));
  }
});

Deno.test(needsRead("mutants: their likely tests exist"), () => {
  for (const path of new Set(MUTANTS.flatMap(({ tests }) => tests))) {
    assert(Deno.statSync(pathOf(path)).isFile, path);
  }
});

Deno.test("mutants: there are enough, with unique names, in all places", () => {
  assert(MUTANTS.length >= 60, `${MUTANTS.length}`);
  assertEquals(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
  for (const place of PLACES) {
    assert(MUTANTS.some(({ file }) => file.startsWith(place)), place);
  }
});

const MUTANT: Mutant = {
  name: "a + is a -",
  file: "a.ts",
  find: "a + b",
  replace: "a - b",
  tests: [],
};

Deno.test("mutate() replaces the only occurrence", () => {
  assertEquals(mutate(MUTANT, "x = a + b;"), "x = a - b;");
});

Deno.test.each([
  { name: "a text that is missing", text: "x = a;", replace: "$&" },
  { name: "a text that occurs twice", text: "a + b + a + b", replace: "$&" },
  { name: "no change", text: "x = a + b;", replace: "a + b" },
])("mutate() throws for $name", ({ text, replace }) => {
  assertThrows(
    () => mutate({ ...MUTANT, replace }, text),
    Error,
    "Cannot make",
  );
});
