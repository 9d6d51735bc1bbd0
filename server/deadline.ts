/**
 * The time limits of many connections, under one timer.
 *
 * A timer for each connection would cost a short conversation more than its
 * reading does. So there is one clock for all: it ticks while anybody watches
 * it, and looks at each watch. Progress only notes the count of ticks, for even
 * to ask the time costs more than to read a few bytes. A limit is never cut
 * short, and is up to two ticks too long; more where the server is too busy to
 * tick, which is no fault of a client's.
 *
 * @module
 */

/** The longest that a timer can count, in ms. */
export const LONGEST_TIMER = 2 ** 31 - 1;

/** Ticks are no longer, in ms, however long the limits are. */
const LONGEST_TICK = 1000;

/** Ticks are so many times shorter than the shortest limit. */
const FINENESS = 16;

/** What is told when its time is over. */
export interface Expiring {
  /** It is. */
  expire(): void;
}

/** What is looked at with each tick. */
export interface Watched {
  /** So many ticks there were. */
  look(ticks: number): void;
}

/** What all watches of a server look at. */
export class Clock {
  /** How many ticks there were. */
  ticks = 0;
  readonly #tick: number;
  readonly #watches: ReadonlySet<Watched>;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param limits All that will be watched for, in ms; 0 is no limit.
   * @param watches What it looks at: a set that others fill and empty.
   */
  constructor(limits: readonly number[], watches: ReadonlySet<Watched>) {
    this.#watches = watches;
    const shortest = Math.min(...limits.filter((limit) => limit > 0));
    this.#tick = Math.min(Math.ceil(shortest / FINENESS), LONGEST_TICK);
  }

  /** Starts to tick, if it does not, because there is something to look at. */
  wind(): void {
    this.#timer ??= setTimeout(() => this.#ring(), this.#tick);
  }

  /** How many ticks last longer than so many ms; 0 ms last for ever. */
  ticksFor(milliseconds: number): number {
    if (milliseconds === 0) return Infinity;
    // The first tick comes at once, if what begins now began just before it.
    return Math.ceil(milliseconds / this.#tick) + 1;
  }

  /** Stops ticking, until it is wound up again. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #ring(): void {
    this.#timer = undefined;
    // It runs down by itself: winding it up and stopping it for each of many
    // short conversations would be as dear as a timer for each.
    if (this.#watches.size === 0) return;
    this.#timer = setTimeout(() => this.#ring(), this.#tick);
    this.ticks++;
    for (const watch of this.#watches) watch.look(this.ticks);
  }
}

/**
 * Limits on a phase of a conversation: so long without progress, so long in
 * all.
 */
export class Watch implements Watched {
  readonly #clock: Clock;
  #idleTicks = Infinity;
  #lastTick = Infinity;
  #moved = 0;
  #expiring: Expiring | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Starts a phase, and ends the one before.
   *
   * @param idle Milliseconds without progress; 0 for no limit.
   * @param total Milliseconds in all; 0 for no limit.
   * @param expiring Told once when one of them has passed.
   */
  start(idle: number, total: number, expiring: Expiring): void {
    this.#moved = this.#clock.ticks;
    this.#idleTicks = this.#clock.ticksFor(idle);
    this.#lastTick = this.#moved + this.#clock.ticksFor(total);
    this.#expiring = expiring;
  }

  /** Notes that something moved. */
  progress(): void {
    this.#moved = this.#clock.ticks;
  }

  /** Ends the phase. */
  rest(): void {
    this.#idleTicks = this.#lastTick = Infinity;
  }

  /** Is it time? Only the clock asks. */
  look(ticks: number): void {
    if (ticks < this.#lastTick && ticks - this.#moved < this.#idleTicks) return;
    this.rest();
    this.#expiring?.expire();
  }
}
