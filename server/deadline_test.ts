import { assert, assertEquals } from "@std/assert";
import { type Clock, systemClock, type Timer } from "../framing/clock.ts";
import {
  type Checked,
  Deadline,
  DeadlineTimer,
  type PhaseLimits,
} from "./deadline.ts";

/** A deadline that its timer checks. */
class Watched implements Checked {
  readonly deadline: Deadline;
  readonly #passed = Promise.withResolvers<number>();
  readonly #startedMs = performance.now();
  count = 0;
  checks = 0;

  constructor(timer: DeadlineTimer, set: Set<Checked>) {
    this.deadline = new Deadline(timer);
    set.add(this);
    timer.start();
  }

  /** Resolves to the time that had passed, in ms. */
  get passed(): Promise<number> {
    return this.#passed.promise;
  }

  get dueTick(): number {
    return this.deadline.dueTick;
  }

  check(ticks: number, isShort: boolean): void {
    this.checks++;
    if (!this.deadline.hasPassed(ticks, isShort)) return;
    this.count++;
    this.#passed.resolve(performance.now() - this.#startedMs);
  }
}

Deno.test("Deadline passes after its time without progress, not before", async () => {
  const set = new Set<Checked>();
  using timer = new DeadlineTimer([32, 0], set);
  const watched = new Watched(timer, set);
  watched.deadline.start(timer.limits(32, 0));
  const passedMs = await watched.passed;
  assert(passedMs >= 32, `${passedMs} ms`);
});

Deno.test("Deadline passes after its total time, whatever the progress", async () => {
  const set = new Set<Checked>();
  using timer = new DeadlineTimer([32], set);
  const watched = new Watched(timer, set);
  watched.deadline.start(timer.limits(32, 64));
  const progress = setInterval(() => watched.deadline.progress(), 1);
  const passedMs = await watched.passed;
  clearInterval(progress);
  assert(passedMs >= 64, `${passedMs} ms`);
});

Deno.test("Deadline is put off by progress", () => {
  const timer = new DeadlineTimer([16], new Set());
  const deadline = new Deadline(timer);
  deadline.start(timer.limits(16, 0));
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
  stopped.deadline.start(timer.limits(16, 16));
  stopped.deadline.stop();
  unlimited.deadline.start(timer.limits(0, 0));
  once.deadline.start(timer.limits(16, 0));
  last.deadline.start(timer.limits(64, 0));
  await last.passed;
  assertEquals([stopped.count, unlimited.count, once.count], [0, 0, 1]);
});

Deno.test("DeadlineTimer checks only where a limit may pass, and then in time", () => {
  let tick = () => {};
  const clock: Clock = {
    ...systemClock,
    setTimeout: (callback) => {
      tick = callback;
      return {} as Timer;
    },
  };
  const set = new Set<Checked>();
  const isShort = () => timer.ticks >= 55;
  const timer = new DeadlineTimer([16], set, isShort, undefined, clock);
  const limits = timer.limits(0, 0);
  const long = new Watched(timer, set);
  const short = new Watched(timer, set);
  const passes: Record<string, number> = {};
  const at: Record<number, () => void> = {
    0: () => {
      long.deadline.start({ ...limits, idleTicks: 50, patientIdleTicks: 60 });
    },
    10: () => short.deadline.start({ ...limits, idleTicks: 8 }),
    15: () => short.deadline.stop(),
    20: () => short.deadline.start({ ...limits, patientTotalTicks: 7 }),
  };
  for (let ticks = 0; ticks < 70; ticks++) {
    at[ticks]?.();
    tick();
    if (long.count === 1) passes.long ??= timer.ticks;
    if (short.count === 1) passes.short ??= timer.ticks;
  }
  assertEquals(passes, { long: 55, short: 20 + 7 });
  // For the limit that was stopped, at 27, and from the strict limit on.
  assertEquals(long.checks, 1 + 1 + 6);
});

Deno.test("DeadlineTimer stops when nothing is checked, and starts again", async () => {
  const set = new Set<Checked>();
  using timer = new DeadlineTimer([16], set);
  const first = new Watched(timer, set);
  first.deadline.start(timer.limits(16, 0));
  await first.passed;
  set.clear();
  const second = new Watched(timer, set);
  second.deadline.start(timer.limits(16, 0));
  await second.passed;
});

/** Limits in ticks: strict 2 idle and 10 in all, patient 5 and 20. */
const PATIENT = {
  idleTicks: 2,
  totalTicks: 10,
  patientIdleTicks: 5,
  patientTotalTicks: 20,
  maxEarnedTicks: 30,
};

/** The tick at which a deadline passes that makes progress at these ticks. */
function passesAt(
  limits: PhaseLimits,
  isShort: boolean,
  progress: (tick: number) => number | undefined,
): number {
  const timer = new DeadlineTimer([16], new Set());
  const deadline = new Deadline(timer);
  deadline.start(limits);
  for (let tick = 1; tick < 1000; tick++) {
    if (deadline.hasPassed(tick, isShort)) return tick;
    timer.ticks = tick;
    const earned = progress(tick);
    if (earned !== undefined) deadline.progress(earned);
  }
  return Infinity;
}

Deno.test.each(
  [
    // Silent, and always moving.
    { name: "silent", earned: "total", short: 2, patient: 5, rate: undefined },
    { name: "moving", earned: "total", short: 10, patient: 20, rate: 0 },
    // Half a tick is earned at each, from the second half of the limit on late.
    { name: "slow", earned: "total", short: 10, patient: 39, rate: 0.5 },
    { name: "fast enough", earned: "total", short: 10, patient: 50, rate: 1 },
    {
      name: "moving without total",
      earned: "idle",
      short: 10,
      patient: 20,
      rate: 1,
    },
  ] as const,
)(
  "Deadline is strict where the server is short, and patient elsewhere: $name",
  ({ earned, short, patient, rate }) => {
    const limits = { ...PATIENT, earned };
    assertEquals(passesAt(limits, true, () => rate), short);
    assertEquals(passesAt(limits, false, () => rate), patient);
  },
);

Deno.test("Deadline without progress earns the time of what moved before", () => {
  const limits = { ...PATIENT, earned: "idle", patientTotalTicks: Infinity };
  const once = (tick: number) => tick === 1 ? 7 : undefined;
  assertEquals(passesAt({ ...limits, earned: "idle" }, false, once), 1 + 5 + 7);
  assertEquals(passesAt({ ...limits, earned: "idle" }, true, once), 1 + 2);
});

Deno.test("Deadline is never longer where the server is short", () => {
  const limits = {
    ...PATIENT,
    earned: "total",
    patientTotalTicks: 7,
    maxEarnedTicks: 0,
  } as const;
  assertEquals(passesAt(limits, false, () => 0), 7);
  assertEquals(passesAt(limits, true, () => 0), 7);
});

Deno.test("DeadlineTimer.ticksFor() never cuts a limit short", () => {
  const timer = new DeadlineTimer([32, 0, 100], new Set());
  const tickMs = 2; // a sixteenth of the shortest limit
  for (let ms = 1; ms <= 100; ms++) {
    // The first tick may come at once, just after the start of the limit.
    const shortestMs = (timer.ticksFor(ms) - 1) * tickMs;
    assert(shortestMs >= ms, `${shortestMs} for ${ms} ms`);
    assert(shortestMs < ms + tickMs, `${shortestMs} for ${ms} ms`);
  }
  assertEquals(timer.ticksFor(0), Infinity);
});

Deno.test("DeadlineTimer.ticksPerByte() earns the time of the minimal rate", () => {
  const timer = new DeadlineTimer([32], new Set());
  assertEquals(timer.ticksPerByte(1000) * 2 * 1000, 1000);
  // Without a minimal rate, a byte earns more than any limit.
  assert(timer.ticksPerByte(0) > timer.ticksFor(3_600_000));
});

Deno.test("Deadline.start() begins anew, whatever the phase before has left", () => {
  const timer = new DeadlineTimer([16], new Set());
  const deadline = new Deadline(timer);
  const limits: PhaseLimits = { ...PATIENT, earned: "idle" };
  for (let phase = 1; phase <= 3; phase++) {
    deadline.start(limits);
    const startTick = timer.ticks;
    assert(!deadline.hasPassed(startTick + 4), `phase ${phase}`);
    assert(deadline.hasPassed(startTick + 5), `phase ${phase}`);
    deadline.start(limits);
    deadline.progress(30);
    timer.ticks += 100;
    assert(deadline.hasPassed(timer.ticks), `phase ${phase}`);
  }
});
