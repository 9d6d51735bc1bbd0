import { assertEquals } from "@std/assert";
import { Deadline, DeadlineTimer, type PhaseLimits } from "./deadline.ts";
import { Phases, shortestLimits, type TimeOptions } from "./phases.ts";

/** The default limits of a server. */
const TIMES: TimeOptions = {
  idleTimeoutMs: 30_000,
  messageTimeoutMs: 300_000,
  lingerTimeoutMs: 20_000,
  minRate: 2000,
};

/** More ticks than any limit of these tests has. */
const FOREVER = 100_000;

interface Case {
  readonly name: string;
  readonly phase: Exclude<keyof Phases, "ticksPerByte">;
  readonly isShort?: boolean;
  readonly times?: Partial<TimeOptions>;
  /** Bytes a second; undefined where no byte moves. */
  readonly rate?: number;
  /** Bytes that move at the start. */
  readonly first?: number;
  /** The time after which the phase ends, in s. */
  readonly seconds: number;
}

/** The tick at which a phase ends, with one move of bytes at each tick. */
function endOf(
  limits: PhaseLimits,
  isShort: boolean,
  timer: DeadlineTimer,
  earnedAt: (tick: number) => number | undefined,
): number {
  const deadline = new Deadline(timer);
  deadline.start(limits);
  for (let tick = 1; tick < FOREVER; tick++) {
    const earned = earnedAt(tick);
    if (earned !== undefined) deadline.progress(earned);
    timer.ticks = tick;
    if (deadline.hasPassed(tick, isShort)) return tick;
  }
  return Infinity;
}

Deno.test.each<Case>([
  { name: "idle, silent", phase: "idle", seconds: 30 },
  // A connection may send nothing complete for hours between two messages, and
  // the limit on a message does not end it.
  { name: "idle, moving", phase: "idle", rate: 1, seconds: Infinity },
  { name: "reading, silent", phase: "reading", seconds: 30 },
  { name: "reading, moving", phase: "reading", rate: 1e9, seconds: 300 },
  {
    name: "reading, moving, where the server is short",
    phase: "reading",
    isShort: true,
    rate: 1e9,
    seconds: 300,
  },
  { name: "last read, moving", phase: "lastRead", rate: 1e9, seconds: 0.5 },
  { name: "writing, silent", phase: "writing", seconds: 30 },
  // A reply may take longer than a message.
  { name: "writing, moving", phase: "writing", rate: 1, seconds: Infinity },
  {
    name: "writing, moving, where the server is short",
    phase: "writing",
    isShort: true,
    rate: 1,
    seconds: Infinity,
  },
  {
    name: "writing, silent after 1 MB",
    phase: "writing",
    first: 1_000_000,
    seconds: 500 + 30,
  },
  {
    name: "writing, silent after more than the kernel's buffer",
    phase: "writing",
    first: 100_000_000,
    seconds: 4 * 1024 * 1024 / 2000 + 30,
  },
  {
    name: "writing, silent after 1 MB, where the server is short",
    phase: "writing",
    isShort: true,
    first: 1_000_000,
    seconds: 30,
  },
  { name: "lingering, silent", phase: "lingering", seconds: 20 },
  {
    name: "lingering, at half the rate",
    phase: "lingering",
    rate: 1000,
    seconds: 40,
  },
  {
    name: "lingering, at twice the rate",
    phase: "lingering",
    rate: 4000,
    seconds: 3600 + 20,
  },
  {
    name: "lingering without a limit, silent",
    phase: "lingering",
    times: { lingerTimeoutMs: 0 },
    seconds: Infinity,
  },
  {
    name: "lingering, silent, where the server is short",
    phase: "lingering",
    isShort: true,
    seconds: 5,
  },
  {
    name: "lingering, moving, where the server is short",
    phase: "lingering",
    isShort: true,
    rate: 1e9,
    seconds: 30,
  },
  {
    name: "lingering for 2 s, where the server is short",
    phase: "lingering",
    isShort: true,
    times: { lingerTimeoutMs: 2000 },
    seconds: 2,
  },
  {
    name: "lingering with a short limit, where the server is short",
    phase: "lingering",
    isShort: true,
    times: { lingerTimeoutMs: 1600 },
    seconds: 1.6,
  },
  {
    name: "lingering without a limit, where the server is short",
    phase: "lingering",
    isShort: true,
    times: { lingerTimeoutMs: 0 },
    seconds: 5,
  },
])("Phases end in time, and not before: $name", (test) => {
  const { phase, isShort = false, rate, first, seconds } = test;
  const times = { ...TIMES, ...test.times };
  const timer = new DeadlineTimer(shortestLimits(times), new Set());
  const phases = new Phases(times, timer);
  const tickMs = Math.ceil(Math.min(5000, times.lingerTimeoutMs || 5000) / 16);
  const perTick = rate === undefined
    ? undefined
    : rate * tickMs / 1000 * phases.ticksPerByte;
  const tick = endOf(
    phases[phase],
    isShort,
    timer,
    (tick) =>
      tick === 1 && first !== undefined ? first * phases.ticksPerByte : perTick,
  );
  if (seconds === Infinity) return assertEquals(tick, Infinity);
  const ms = tick * tickMs;
  // Up to two ticks late.
  const isInTime = ms >= seconds * 1000 && ms <= seconds * 1000 + 3 * tickMs;
  assertEquals(isInTime, true, `${ms / 1000} s`);
});
