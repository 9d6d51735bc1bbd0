import { assert, assertEquals } from "@std/assert";
import { Clock, Watch, type Watched } from "./deadline.ts";

const watches = new Set<Watched>();

/** A watch that its clock looks at. */
function watchOf(clock: Clock): Watch {
  const watch = new Watch(clock);
  watches.add(watch);
  clock.wind();
  return watch;
}

/** Resolves with the milliseconds that passed until the watch expired. */
function expiry(watch: Watch, idle: number, total: number): Promise<number> {
  const began = performance.now();
  return new Promise((resolve) =>
    watch.start(idle, total, {
      expire: () => resolve(performance.now() - began),
    })
  );
}

Deno.test("Watch expires after so long without progress, not before", async () => {
  using clock = new Clock([32, 0], watches);
  const watch = watchOf(clock);
  const passed = await expiry(watch, 32, 0);
  watches.delete(watch);
  assert(passed >= 32, `${passed} ms`);
});

Deno.test("Watch expires after so long in all, whatever moves", async () => {
  using clock = new Clock([32], watches);
  const watch = watchOf(clock);
  const moving = setInterval(() => watch.progress(), 1);
  const passed = await expiry(watch, 32, 64);
  clearInterval(moving);
  watches.delete(watch);
  assert(passed >= 64, `${passed} ms`);
});

Deno.test("Watch rests between phases, and with no limit", async () => {
  using clock = new Clock([16], watches);
  const [resting, unlimited, other] = [0, 1, 2].map(() => watchOf(clock));
  let expired = 0;
  resting!.start(16, 16, { expire: () => expired++ });
  resting!.rest();
  unlimited!.start(0, 0, { expire: () => expired++ });
  await expiry(other!, 48, 0);
  watches.clear();
  assertEquals(expired, 0);
});

Deno.test("Clock runs down when nobody watches, and is wound up again", async () => {
  using clock = new Clock([16], watches);
  const first = watchOf(clock);
  watches.delete(first);
  const { ticks } = clock;
  const second = watchOf(clock);
  await expiry(second, 16, 0);
  watches.delete(second);
  assert(clock.ticks > ticks);
});
