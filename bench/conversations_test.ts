import { assert, assertEquals } from "@std/assert";
import { serve } from "../mod.ts";
import { needsLinux } from "../tests/options.ts";
import { runProgram } from "../tests/programs.ts";
import { pathOf } from "../tests/scripts.ts";
import type { LoadOrder, LoadResult } from "./load.ts";

/** The least time of each reply: a timer of 10 ms may end a little early. */
const REPLY_MS = 9;

const COUNT = 20;

/** Runs the load on a server that answers after {@linkcode REPLY_MS} or more. */
async function runLoad(order: Partial<LoadOrder>): Promise<LoadResult> {
  const end = "SERVER WRONG MARKER";
  await using server = serve({ port: 0, end }, async (message) => {
    await new Promise((resolve) => setTimeout(resolve, 10));
    const text = message.text();
    return text + text;
  });
  const complete: LoadOrder = {
    ...{ port: server.addr.port, pid: Deno.pid, size: 5, data: "text" },
    ...{ seconds: 0, messages: 0, inFlight: 1, rate: 0, idle: 0, ...order },
  };
  const { code, stdout, stderr } = await runProgram(Deno.execPath(), [
    ...["run", "-A", "--quiet", pathOf("bench/load.ts")],
    JSON.stringify(complete),
  ]);
  assertEquals(code, 0, stderr);
  return JSON.parse(stdout);
}

Deno.test(
  needsLinux("converseAtRate() counts from when a conversation is due"),
  async () => {
    // One place, and a hundred times the rate that it allows: each one waits
    // for all before it.
    const rate = 100 * 1000 / REPLY_MS;
    const seconds = COUNT / rate;
    const result = await runLoad({ rate, seconds });
    assertEquals(result.messages, COUNT);
    const least = (REPLY_MS - 1000 / rate) * (COUNT - 2);
    assert(result.p999 >= least, `${result.p999} ms`);
    assert(result.p50 >= least / 2, `${result.p50} ms`);
    assert(result.delay999 >= least - REPLY_MS, `${result.delay999} ms`);
  },
);

Deno.test(
  needsLinux("converseAtRate() begins at the rate, and not faster"),
  async () => {
    const result = await runLoad({ rate: 200, seconds: 0.2, inFlight: 16 });
    assertEquals(result.messages, 40);
    assert(result.seconds >= 39 / 200, `${result.seconds} s`);
    assert(result.p50 >= REPLY_MS, `${result.p50} ms`);
  },
);

Deno.test(
  needsLinux("converseAll() runs conversations without a rate"),
  async () => {
    const result = await runLoad({ inFlight: 4 });
    assertEquals([result.messages, result.delay999], [4, 0]);
    assert(result.p50 >= REPLY_MS, `${result.p50} ms`);
  },
);
