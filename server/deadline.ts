/**
 * The time limits of many connections, under one timer.
 *
 * A timer for each connection would cost a short conversation more than its
 * reading does. One timer ticks for all, and checks the deadlines of all
 * connections at the ticks at which one of them may pass. Progress only notes
 * the number of the tick, because even reading the clock costs more than reading
 * a few bytes. A limit is never cut short. It may pass up to two ticks late, and
 * later where the server is too busy to tick, which is not the client's fault.
 *
 * @module
 */

import { type Clock, systemClock, type Timer } from "../framing/clock.ts";

/** No tick is longer than this, however long the limits are. */
const LONGEST_TICK_MS = 1000;

/** A tick is this many times shorter than the shortest limit. */
const TICKS_PER_TIMEOUT = 16;

/** An object whose deadlines are checked at the ticks where one may pass. */
export interface Checked {
  /**
   * Checks a deadline.
   *
   * @param ticks The number of ticks so far.
   * @param isShort Whether the server runs short of connections or memory.
   */
  check(ticks: number, isShort: boolean): void;
  /** The tick from which on it has to be checked; `Infinity` for never. */
  readonly dueTick: number;
}

/**
 * The time limits of a phase, in ticks; `Infinity` is no limit.
 *
 * A phase has two pairs of limits. The strict ones hold when the server runs
 * short of connections or memory. Otherwise the patient ones hold, and every
 * byte that moves earns more time, so that a slow client is not taken for a
 * dead one: the idea of `MinRate` in Apache's mod_reqtimeout.
 */
export interface PhaseLimits {
  /** Strict: without progress. */
  readonly idleTicks: number;
  /** Strict: in all. */
  readonly totalTicks: number;
  /** Patient: without progress. */
  readonly patientIdleTicks: number;
  /** Patient: in all. */
  readonly patientTotalTicks: number;
  /** What earned time extends: the patient limit without progress, or in all. */
  readonly earned: "idle" | "total";
  /** The largest time that can be earned. */
  readonly maxEarnedTicks: number;
}

/** The objects to check: others add and delete them. */
export interface AllChecked extends Iterable<Checked> {
  readonly size: number;
}

/** The timer that all deadlines of a server share. */
export class DeadlineTimer {
  /** The number of ticks so far. */
  ticks = 0;
  readonly #tickMs: number;
  readonly #checked: AllChecked;
  readonly #isShort: () => boolean;
  readonly #onTick: (isLast: boolean) => void;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  /**
   * The tick of the next check. To look at each of 9,000 silent connections at
   * every tick would take 2 % of a core, for limits of 30 s.
   */
  #nextCheckTick = Infinity;

  /**
   * @param limits All limits that deadlines will use, in ms; 0 is no limit.
   * @param checked The objects to check.
   * @param isShort Whether the server runs short of connections or memory.
   * @param onTick Called at each tick; the last is the one at which there is
   * nothing to check any more, and after which it stops.
   */
  constructor(
    limits: readonly number[],
    checked: AllChecked,
    isShort: () => boolean = () => false,
    onTick: (isLast: boolean) => void = () => {},
    clock: Clock = systemClock,
  ) {
    this.#clock = clock;
    this.#checked = checked;
    this.#isShort = isShort;
    this.#onTick = onTick;
    const shortest = Math.min(...limits.filter((limit) => limit > 0));
    this.#tickMs = Math.min(
      Math.ceil(shortest / TICKS_PER_TIMEOUT),
      LONGEST_TICK_MS,
    );
  }

  /** Starts ticking, unless it ticks already. It stops when the set is empty. */
  start(): void {
    this.#timer ??= this.#clock.setTimeout(() => this.#tick(), this.#tickMs);
  }

  /** Has everything checked at this tick, if not before. */
  checkAt(tick: number): void {
    if (tick < this.#nextCheckTick) this.#nextCheckTick = tick;
  }

  /** The number of ticks that last at least `ms`; for 0 ms, infinite. */
  ticksFor(ms: number): number {
    if (ms === 0) return Infinity;
    // The first tick comes at once if a limit starts just before it.
    return Math.ceil(ms / this.#tickMs) + 1;
  }

  /** The ticks, with a fraction, that a byte earns at this minimal rate. */
  ticksPerByte(bytesPerSecond: number): number {
    // At a rate of 0 a byte earns as much time as anybody could want.
    if (bytesPerSecond === 0) return 2 ** 32;
    return 1000 / bytesPerSecond / this.#tickMs;
  }

  /** Limits of a phase that are the same, however much room there is. */
  limits(idleMs: number, totalMs: number): PhaseLimits {
    const idleTicks = this.ticksFor(idleMs);
    const totalTicks = this.ticksFor(totalMs);
    return {
      idleTicks,
      totalTicks,
      patientIdleTicks: idleTicks,
      patientTotalTicks: totalTicks,
      earned: "idle",
      maxEarnedTicks: 0,
    };
  }

  /** Stops ticking. */
  [Symbol.dispose](): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    this.#timer = undefined;
    this.#onTick(this.#checked.size === 0);
    // The timer runs out by itself: to start and stop it for each of many short
    // conversations would cost as much as a timer for each.
    if (this.#checked.size === 0) return;
    this.#timer = this.#clock.setTimeout(() => this.#tick(), this.#tickMs);
    this.ticks++;
    if (this.ticks < this.#nextCheckTick) return;
    this.#nextCheckTick = Infinity;
    const isShort = this.#isShort();
    for (const checked of this.#checked) {
      checked.check(this.ticks, isShort);
      this.checkAt(checked.dueTick);
    }
  }
}

/** The time limits on the current phase of a connection. */
export class Deadline {
  readonly #timer: DeadlineTimer;
  #limits: PhaseLimits | undefined;
  #startTick = 0;
  #progressTick = 0;
  #earnedTicks = 0;

  constructor(timer: DeadlineTimer) {
    this.#timer = timer;
  }

  /** Starts a phase, and ends the one before. */
  start(limits: PhaseLimits, earnedTicks = 0): void {
    this.#limits = limits;
    this.#startTick = this.#progressTick = this.#timer.ticks;
    this.#earnedTicks = earnedTicks;
    this.#timer.checkAt(this.dueTick);
  }

  /**
   * The first tick at which a limit may pass, if nothing is earned and the
   * server runs short. Progress makes it later.
   */
  get dueTick(): number {
    const limits = this.#limits;
    if (limits === undefined) return Infinity;
    return Math.min(
      this.#progressTick + Math.min(limits.idleTicks, limits.patientIdleTicks),
      this.#startTick + Math.min(limits.totalTicks, limits.patientTotalTicks),
    );
  }

  /** Notes progress, which earns this much time. */
  progress(earnedTicks = 0): void {
    this.#progressTick = this.#timer.ticks;
    this.#earnedTicks += earnedTicks;
  }

  /** Ends the phase. */
  stop(): void {
    this.#limits = undefined;
  }

  /** Whether a limit has passed at this tick. Reports it once. */
  hasPassed(ticks: number, isShort = false): boolean {
    const limits = this.#limits;
    if (limits === undefined) return false;
    let { patientIdleTicks: idleTicks, patientTotalTicks: totalTicks } = limits;
    const earned = Math.min(this.#earnedTicks, limits.maxEarnedTicks);
    if (limits.earned === "idle") idleTicks += earned;
    else totalTicks += earned;
    if (isShort) {
      // An operator's limits may be shorter than the strict ones.
      idleTicks = Math.min(idleTicks, limits.idleTicks);
      totalTicks = Math.min(totalTicks, limits.totalTicks);
    }
    const isOver = ticks - this.#progressTick >= idleTicks ||
      ticks - this.#startTick >= totalTicks;
    if (isOver) this.stop();
    return isOver;
  }
}
