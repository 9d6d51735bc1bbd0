import { assertEquals } from "@std/assert";
import { LineQuota } from "./line_quota.ts";

Deno.test("LineQuota allows some lines in each second, and counts the others", () => {
  let nowMs = 5;
  const quota = new LineQuota(2, () => nowMs);
  const take = (times: number) =>
    Array.from({ length: times }, () => quota.take());
  assertEquals(take(4), [true, true, false, false]);
  nowMs += 999;
  assertEquals(take(1), [false]);
  nowMs += 1;
  assertEquals(take(3), [true, true, false]);
  assertEquals([quota.takeUnlisted(), quota.takeUnlisted()], [4, 0]);
  nowMs += 100_000;
  assertEquals(take(3), [true, true, false]);
  assertEquals(quota.takeUnlisted(), 1);
});
