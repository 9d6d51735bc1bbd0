import { assertEquals } from "@std/assert";
import { bytesOf, timeOf } from "./amounts.ts";

Deno.test.each([
  { ms: 0, expected: "0.0 ms" },
  { ms: 0.84, expected: "0.8 ms" },
  { ms: 99.94, expected: "99.9 ms" },
  { ms: 99.96, expected: "100 ms" },
  { ms: 999.4, expected: "999 ms" },
  { ms: 999.6, expected: "1.0 s" },
  { ms: 3140, expected: "3.1 s" },
  { ms: 99_949, expected: "99.9 s" },
  { ms: 99_951, expected: "1 min 40 s" },
  { ms: 119_600, expected: "2 min 0 s" },
  { ms: 125_000, expected: "2 min 5 s" },
])("timeOf() writes $ms ms as $expected", ({ ms, expected }) => {
  assertEquals(timeOf(ms), expected);
});

Deno.test.each([
  { byteLength: 0, expected: "0 B" },
  { byteLength: 1024, expected: "1 KiB" },
  { byteLength: 72 * 1024 * 1024, expected: "72 MiB" },
])("bytesOf() writes $byteLength bytes as $expected", (test) => {
  assertEquals(bytesOf(test.byteLength), test.expected);
});
