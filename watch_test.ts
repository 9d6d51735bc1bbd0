import { assert, assertEquals } from "@std/assert";
import { Clock, Watch } from "./watch.ts";

/** Resolves with the milliseconds that passed until the watch expired. */
function expiry(watch: Watch, idle: number, total: number): Promise<number> {
  const began = performance.now();
  return new Promise((resolve) =>
    watch.start(idle, total, () => resolve(performance.now() - began))
  );
}

Deno.test("Watch expires after so long without progress, not before", async () => {
  using clock = new Clock([32, 0]);
  const watch = new Watch(clock);
  const passed = await expiry(watch, 32, 0);
  watch.stop();
  assert(passed >= 32, `${passed} ms`);
});

Deno.test("Watch expires after so long in all, whatever moves", async () => {
  using clock = new Clock([32]);
  const watch = new Watch(clock);
  const moving = setInterval(() => watch.progress(), 1);
  const passed = await expiry(watch, 32, 64);
  clearInterval(moving);
  watch.stop();
  assert(passed >= 64, `${passed} ms`);
});

Deno.test("Watch rests between phases, and with no limit", async () => {
  using clock = new Clock([16]);
  const [resting, unlimited, other] = [0, 1, 2].map(() => new Watch(clock));
  let expired = 0;
  resting!.start(16, 16, () => expired++);
  resting!.rest();
  unlimited!.start(0, 0, () => expired++);
  await expiry(other!, 48, 0);
  for (const watch of [resting, unlimited, other]) watch!.stop();
  assertEquals(expired, 0);
});

Deno.test("Clock runs down when nobody watches, and is wound up again", async () => {
  using clock = new Clock([16]);
  const first = new Watch(clock);
  first.stop();
  const { ticks } = clock;
  const second = new Watch(clock);
  await expiry(second, 16, 0);
  second.stop();
  assert(clock.ticks > ticks);
});
