import { assertEquals } from "@std/assert";
import { needsNet } from "../options.ts";
import { randomScript, runScript, simulateScript } from "./script.ts";

/** Scripts that run on real sockets too. */
const SCRIPTS = 200;

/**
 * A busy kernel may deliver a step's bytes only after the next step. Then the
 * script is run again.
 */
const MAX_RUNS = 5;

Deno.test(
  needsNet(`simulated sockets do as real ones do: ${SCRIPTS} scripts`, {
    timeout: 59_000,
  }),
  async () => {
    for (let seed = 0; seed < SCRIPTS; seed++) {
      const script = randomScript(seed);
      const history = await simulateScript(script);
      const expected = history.at(-1)!;
      for (let run = 1;; run++) {
        const outcomes = await runScript(script, history);
        if (run < MAX_RUNS && String(outcomes) !== String(expected)) continue;
        assertEquals(outcomes, expected, `script ${seed}`);
        break;
      }
    }
  },
);
