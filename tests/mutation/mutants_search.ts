/**
 * Mistakes in the search for end markers.
 *
 * @module
 */
import { type Mutant, mutantsIn } from "./mutant.ts";

/** Mistakes in the search for end markers. */
export const SEARCH_MUTANTS: readonly Mutant[] = [
  ...mutantsIn("framing/single_scanner.ts", [
    "framing/single_scanner_test.ts",
    "framing/marker_set_test.ts",
  ], [
    {
      name: "long comparisons cost nothing, so the search is quadratic",
      find: "cost += same >> 2;",
      replace: "",
    },
    {
      name: "a mismatch forgets the part of the marker that still matches",
      find: "else if (matched > 0) matched = borders[matched]!;",
      replace: "else if (matched > 0) matched = 0;",
    },
    {
      name: "a marker over two reads is looked for in a byte too few",
      find: "bytes.subarray(from, from + marker.length - 1)",
      replace: "bytes.subarray(from, from + marker.length - 2)",
    },
    {
      name: "a search of whole words reads one byte past the end",
      find: "at + last + 4 <= to; at += 4",
      replace: "at + last + 3 <= to; at += 4",
    },
  ]),
  ...mutantsIn("framing/marker_set.ts", ["framing/marker_set_test.ts"], [
    {
      name: "of two markers that end together the shorter one wins",
      find: "b.bytes.length - a.bytes.length",
      replace: "a.bytes.length - b.bytes.length",
    },
    {
      name: "after a find, another marker's partial match remains",
      find: "for (const scanner of this.#scanners) scanner.partialMatch = 0;",
      replace: "",
    },
    {
      name: "33 markers are accepted",
      find: "markers.length > MAX_MARKERS",
      replace: "markers.length > MAX_MARKERS + 1",
      tests: ["framing/marker_set_test.ts", "server/options_test.ts"],
    },
  ]),
];
