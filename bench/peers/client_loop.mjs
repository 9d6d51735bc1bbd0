// The loop of the clients in Deno and Node: a warm-up, and then requests whose
// cost it prints.
import fs from "node:fs";
import process from "node:process";

/**
 * Runs steps, prints what they cost as clients.ts reads it, and ends the process.
 *
 * @param {() => Promise<number>} step Returns the number of its requests.
 * @param {readonly string[]} args The least number of requests, the shortest
 * warm-up and the shortest measurement in seconds; no warm-up if that is 0.
 */
export async function measureSteps(step, [least, warmUp, seconds]) {
  /** @param {number} seconds */
  const run = async (seconds) => {
    const end = performance.now() + 1000 * seconds;
    let count = 0;
    do count += await step(); while (
      count < Number(least) || performance.now() < end
    );
    return count;
  };
  if (Number(warmUp) > 0) await run(Number(warmUp));
  const start = performance.now();
  const used = process.cpuUsage();
  const count = await run(Number(seconds));
  const { user, system } = process.cpuUsage(used);
  const status = fs.readFileSync("/proc/self/status", "utf8");
  const [, kilobytes] = /VmHWM:\s+(\d+)/.exec(status) ?? [];
  console.log(JSON.stringify({
    count,
    seconds: (performance.now() - start) / 1000,
    cpuSeconds: (user + system) / 1e6,
    peakBytes: 1024 * Number(kilobytes),
  }));
  process.exit();
}
