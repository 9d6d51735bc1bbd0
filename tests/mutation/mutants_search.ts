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
    {
      name: "hostile data is copied for SIMD again and again",
      find: "mayUseSimd = false;",
      replace: "",
    },
    {
      name: "after SIMD, skips go on too late",
      find: "end = ~found + last;",
      replace: "end = ~found + length;",
      tests: ["framing/simd_search_test.ts"],
    },
  ]),
  ...mutantsIn("framing/simd_search.ts", ["framing/simd_search_test.ts"], [
    {
      name: "a marker over two pieces for SIMD is missed",
      find: "at += ~place;",
      replace: "at = end;",
    },
    {
      name: "a long marker is compared beyond the end",
      find: "const until = to - (length - 1 - last);",
      replace: "const until = to;",
    },
    {
      name: "after a place that resembles the marker, SIMD leaves one out",
      find: "find(place + 1,",
      replace: "find(place + 2,",
    },
    {
      name: "calls for nothing cost nothing, so hostile data is slow",
      find: "compared += CALL_IN_COMPARED_BYTES + same;",
      replace: "compared += same;",
    },
    {
      name: "without SIMD, each search tries to make the module",
      find: "if (machine === undefined) machine",
      replace: "if (!machine) machine",
      tests: ["framing/without_simd_test.ts"],
    },
  ]),
  ...mutantsIn("framing/simd_module.ts", ["framing/simd_module_test.ts"], [
    {
      name: "SIMD looks at 48 of 64 places",
      find: "v128.or(outer(32), outer(48))",
      replace: "outer(32)",
    },
    {
      name: "SIMD reads beyond the end",
      find: "i32.gtS(i32.add(local.get(STOP), local.get(TO_LAST)),",
      replace: "i32.gtS(local.get(STOP),",
    },
    {
      name: "SIMD takes three bytes of four for all",
      find: "equal(THIRD, i32.add(at, local.get(TO_THIRD)))",
      replace: "equal(SECOND, i32.add(at, local.get(TO_SECOND)))",
    },
  ]),
  ...mutantsIn("framing/marker_set.ts", ["framing/marker_set_test.ts"], [
    {
      name: "a marker is found that begins in the message before",
      find: "if (start < from) continue;",
      replace: "if (start < 0) continue;",
      tests: ["framing/decoder_test.ts"],
    },
    {
      name: "a marker that lies across two feeds is missed by one pass",
      find: "if (scanner.partialMatch > 0) return -1;",
      replace: "",
    },
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
