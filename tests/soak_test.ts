import { assertEquals, assertMatch } from "@std/assert";
import { runProgram, scriptTest } from "./testing.ts";

function runSoak(args: string[]) {
  const url = new URL("bench/soak.ts", import.meta.url).href;
  return runProgram(Deno.execPath(), ["run", "-A", "--quiet", url, ...args]);
}

scriptTest("no reply is lost among hostile clients", async () => {
  const { code, stdout, stderr } = await runSoak([
    "--seconds=2",
    "--seed=4444",
    "--clients=24",
  ]);
  // What was lost, and how, says more than the number below.
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
}, { timeout: 50_000 });

scriptTest("the soak checks its command line", async () => {
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
