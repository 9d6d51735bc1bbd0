/**
 * Random choices that follow from a seed, and timing.
 *
 * @module
 */

/** Random choices, always the same for a seed (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** A number from 0 to 1, excluding 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ this.#state >>> 15, this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  }

  /** A whole number from `min` to `max`, both included. */
  whole(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  /** A whole number from 1 to `max`, each order of magnitude equally often. */
  size(max: number): number {
    return Math.floor((max + 1) ** this.next());
  }

  /** Whether something with this probability happens. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of the items. */
  pick<Item>(items: readonly Item[]): Item {
    return items[this.whole(0, items.length - 1)]!;
  }

  /** Random bytes. */
  bytes(count: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length: count }, () => this.whole(0, 255));
  }

  /** An independent sequence of choices. */
  fork(): Random {
    return new Random(this.whole(0, 2 ** 32 - 1));
  }
}

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
