/**
 * The time limits of many connections, under one timer.
 *
 * A timer for each connection would cost a short conversation more than its
 * reading does. One timer ticks for all, and checks the deadline of each
 * connection. Progress only notes the number of the tick, because even reading
 * the clock costs more than reading a few bytes. A limit is never cut short. It
 * may pass up to two ticks late, and later where the server is too busy to
 * tick, which is not the client's fault.
 *
 * @module
 */

/** No tick is longer than this, however long the limits are. */
const LONGEST_TICK_MS = 1000;

/** A tick is this many times shorter than the shortest limit. */
const TICKS_PER_TIMEOUT = 16;

/** An object that is checked at each tick. */
export interface Checked {
  /** Checks a deadline, given the number of ticks so far. */
  check(ticks: number): void;
}

/** The timer that all deadlines of a server share. */
export class DeadlineTimer {
  /** The number of ticks so far. */
  ticks = 0;
  readonly #tickMs: number;
  readonly #checked: ReadonlySet<Checked>;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param limits All limits that deadlines will use, in ms; 0 is no limit.
   * @param checked The objects to check: a set that others fill and empty.
   */
  constructor(limits: readonly number[], checked: ReadonlySet<Checked>) {
    this.#checked = checked;
    const shortest = Math.min(...limits.filter((limit) => limit > 0));
    this.#tickMs = Math.min(
      Math.ceil(shortest / TICKS_PER_TIMEOUT),
      LONGEST_TICK_MS,
    );
  }

  /** Starts ticking, unless it ticks already. It stops when the set is empty. */
  start(): void {
    this.#timer ??= setTimeout(() => this.#tick(), this.#tickMs);
  }

  /** The number of ticks that last at least `ms`; for 0 ms, infinite. */
  ticksFor(ms: number): number {
    if (ms === 0) return Infinity;
    // The first tick comes at once if a limit starts just before it.
    return Math.ceil(ms / this.#tickMs) + 1;
  }

  /** Stops ticking. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    this.#timer = undefined;
    // The timer runs out by itself: to start and stop it for each of many short
    // conversations would cost as much as a timer for each.
    if (this.#checked.size === 0) return;
    this.#timer = setTimeout(() => this.#tick(), this.#tickMs);
    this.ticks++;
    for (const checked of this.#checked) checked.check(this.ticks);
  }
}

/** Two limits on a phase of a connection: without progress, and in all. */
export class Deadline {
  readonly #timer: DeadlineTimer;
  #idleTicks = Infinity;
  #lastTick = Infinity;
  #progressTick = 0;

  constructor(timer: DeadlineTimer) {
    this.#timer = timer;
  }

  /**
   * Starts a phase, and ends the one before.
   *
   * @param idleMs The longest time without progress, in ms; 0 for no limit.
   * @param totalMs The longest time in all, in ms; 0 for no limit.
   */
  start(idleMs: number, totalMs: number): void {
    this.#progressTick = this.#timer.ticks;
    this.#idleTicks = this.#timer.ticksFor(idleMs);
    this.#lastTick = this.#progressTick + this.#timer.ticksFor(totalMs);
  }

  /** Notes progress. */
  progress(): void {
    this.#progressTick = this.#timer.ticks;
  }

  /** Ends the phase. */
  stop(): void {
    this.#idleTicks = this.#lastTick = Infinity;
  }

  /** Whether a limit has passed at this tick. Reports it once. */
  hasPassed(ticks: number): boolean {
    if (
      ticks < this.#lastTick && ticks - this.#progressTick < this.#idleTicks
    ) {
      return false;
    }
    this.stop();
    return true;
  }
}
