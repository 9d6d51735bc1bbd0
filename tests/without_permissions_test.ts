// The bare `deno test`, without permissions, ignores what it may not run, and
// ends with this file: files are run in the order of their names.

import { assertEquals, assertMatch } from "@std/assert";
import { isRestricted, needsRun } from "./options.ts";
import { runProgram } from "./programs.ts";
import { pathOf } from "./scripts.ts";

if (isRestricted()) {
  Deno.test({
    name: "`deno task test` runs all tests, also those that were ignored here",
    ignore: true,
    fn() {},
  });
}

Deno.test(
  needsRun("deno test without permissions passes", { timeout: 50_000 }),
  async () => {
    // The simulation takes long, and needs no permission in any case.
    const ignored = `--ignore=${pathOf("tests/simulation/")}`;
    const args = ["test", "--no-check", ignored, pathOf("tests/")];
    const { code, stdout } = await runProgram(Deno.execPath(), args);
    assertEquals(code, 0, stdout);
    const [summary = "", ...before] = stdout.trim().split("\n").toReversed();
    assertMatch(summary, /^ok \| \d+ passed .* 0 failed \| \d+ ignored/);
    const hint = before.filter((line) => /^`deno task test` runs/.test(line));
    assertEquals(hint.length, 1);
  },
);
