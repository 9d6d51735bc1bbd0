/**
 * Pauses, the rate of connections, and delays of this process.
 *
 * @module
 */

/** Waits for a time in ms. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Limits the number of connections a second, on average: each takes a port,
 * which is used up for a while.
 */
export class Pace {
  readonly #perSecond: number;
  #next = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Waits until `count` more connections are allowed. */
  async turn(count = 1): Promise<void> {
    const now = performance.now();
    const turn = Math.max(now, this.#next);
    this.#next = turn + 1000 * count / this.#perSecond;
    if (turn > now) await pause(turn - now);
  }
}

/** The time between two ticks of a watchdog. */
const TICK_MS = 50;

/** Notices delays of this process, which are not the server's fault. */
export class Watchdog implements Disposable {
  readonly #maxDelayMs: number;
  readonly #timer = setInterval(() => this.#tick(), TICK_MS);
  #last = performance.now();
  #delayedAt = -Infinity;

  /** @param maxDelayMs The longest delay that is ignored. */
  constructor(maxDelayMs: number) {
    this.#maxDelayMs = maxDelayMs;
  }

  /** Whether there was a longer delay at some time since `time`. */
  wasDelayedSince(time: number): boolean {
    this.#tick();
    return this.#delayedAt >= time;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = performance.now();
    if (now - this.#last > this.#maxDelayMs) this.#delayedAt = now;
    this.#last = now;
  }
}
