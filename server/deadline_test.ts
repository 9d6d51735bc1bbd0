import { assert, assertEquals } from "@std/assert";
import { type Checked, Deadline, DeadlineTimer } from "./deadline.ts";

/** A deadline that its timer checks. */
class Watched implements Checked {
  readonly deadline: Deadline;
  readonly #passed = Promise.withResolvers<number>();
  readonly #startedMs = performance.now();
  count = 0;

  constructor(timer: DeadlineTimer, set: Set<Checked>) {
    this.deadline = new Deadline(timer);
    set.add(this);
    timer.start();
  }

  /** Resolves to the time that had passed, in ms. */
  get passed(): Promise<number> {
    return this.#passed.promise;
  }

  check(ticks: number): void {
    if (!this.deadline.hasPassed(ticks)) return;
    this.count++;
    this.#passed.resolve(performance.now() - this.#startedMs);
  }
}

Deno.test("Deadline passes after its time without progress, not before", async () => {
  const set = new Set<Checked>();
  using timer = new DeadlineTimer([32, 0], set);
  const watched = new Watched(timer, set);
  watched.deadline.start(32, 0);
  const passedMs = await watched.passed;
  assert(passedMs >= 32, `${passedMs} ms`);
});

Deno.test("Deadline passes after its total time, whatever the progress", async () => {
  const set = new Set<Checked>();
  using timer = new DeadlineTimer([32], set);
  const watched = new Watched(timer, set);
  watched.deadline.start(32, 64);
  const progress = setInterval(() => watched.deadline.progress(), 1);
  const passedMs = await watched.passed;
  clearInterval(progress);
  assert(passedMs >= 64, `${passedMs} ms`);
});

Deno.test("Deadline is put off by progress", () => {
  const timer = new DeadlineTimer([16], new Set());
  const deadline = new Deadline(timer);
  deadline.start(16, 0);
  for (let ticks = 1; ticks < 200; ticks++) {
    timer.ticks = ticks;
    deadline.progress();
    assert(!deadline.hasPassed(ticks + 1));
  }
  const limit = timer.ticks + timer.ticksFor(16);
  assert(!deadline.hasPassed(limit - 1));
  assert(deadline.hasPassed(limit));
});

Deno.test("Deadline passes once, and not when stopped or without limit", async () => {
  const set = new Set<Checked>();
  using timer = new DeadlineTimer([16], set);
  const [stopped, unlimited, once, last] = [0, 1, 2, 3]
    .map(() => new Watched(timer, set)) as [Watched, Watched, Watched, Watched];
  stopped.deadline.start(16, 16);
  stopped.deadline.stop();
  unlimited.deadline.start(0, 0);
  once.deadline.start(16, 0);
  last.deadline.start(64, 0);
  await last.passed;
  assertEquals([stopped.count, unlimited.count, once.count], [0, 0, 1]);
});

Deno.test("DeadlineTimer stops when nothing is checked, and starts again", async () => {
  const set = new Set<Checked>();
  using timer = new DeadlineTimer([16], set);
  const first = new Watched(timer, set);
  first.deadline.start(16, 0);
  await first.passed;
  set.clear();
  const second = new Watched(timer, set);
  second.deadline.start(16, 0);
  await second.passed;
});
