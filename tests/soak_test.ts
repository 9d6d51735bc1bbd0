import { assertEquals, assertMatch } from "@std/assert";
import { needsRun } from "./options.ts";
import { type Outcome, runProgram } from "./programs.ts";
import { pathOf } from "./scripts.ts";

function runSoak(args: string[]): Promise<Outcome> {
  const script = pathOf("bench/soak.ts");
  return runProgram(Deno.execPath(), ["run", "-A", "--quiet", script, ...args]);
}

Deno.test(
  needsRun("serve() loses no reply among hostile clients", { timeout: 50_000 }),
  async () => {
    const { code, stdout, stderr } = await runSoak([
      "--seconds=2",
      "--seed=4444",
      "--clients=24",
    ]);
    // The lines of lost replies tell more than their number below.
    assertEquals(stderr.split("\n").filter((line) => /^lost/.test(line)), []);
    assertMatch(stdout, /^seed 4444, 2 seconds, 24 clients\n/);
    assertMatch(stdout, /^replies lost +0$/m);
    assertMatch(stdout, /^honest conversations +[1-9]\d* \(.*reply [1-9]/m);
    assertMatch(stdout, /^hostile conversations +[1-9]\d*$/m);
    assertMatch(stdout, /^ {2}flood +[1-9]\d*$/m);
    assertMatch(stdout, /^slowest honest reply +\d+ ms/m);
    assertMatch(stdout, /^server's memory +(unknown|.* MiB at the end)/m);
    assertMatch(stdout, /^stop +10 of 10 .*, exit status 0 after \d+ ms$/m);
    assertMatch(stdout, /\npassed\n$/);
    assertEquals(code, 0);
  },
);

Deno.test(needsRun("soak.ts exits 2 for a wrong command line"), async () => {
  for (
    const args of [["--sseconds=3"], ["--seconds=0"], ["--clients=1"], [
      "--seed=x",
    ]]
  ) {
    const { code, stdout, stderr } = await runSoak(args);
    assertMatch(stderr, /^.*; see --help\n$/);
    assertEquals(stdout, "");
    assertEquals(code, 2);
  }
});
