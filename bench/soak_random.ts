/**
 * Choices that follow from a seed, and the time between them.
 *
 * @module
 */

/** Random choices, the same each time for the same seed (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** From 0 to 1, which it never is. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ this.#state >>> 15, this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  }

  whole(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  /** From 1 to `most`, each order of magnitude as often as the others. */
  size(most: number): number {
    return Math.floor((most + 1) ** this.next());
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.whole(0, items.length - 1)]!;
  }

  bytes(count: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length: count }, () => this.whole(0, 255));
  }

  /** Choices of its own: how many it takes is nobody else's concern. */
  fork(): Random {
    return new Random(this.whole(0, 2 ** 32 - 1));
  }
}

/** Resolves after so many ms. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/**
 * So many connections a second on average, and no more: each takes a port,
 * which is used up for a while.
 */
export class Pace {
  readonly #perSecond: number;
  #next = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Waits until it is the turn of so many. */
  async turn(count = 1): Promise<void> {
    const now = performance.now();
    const turn = Math.max(now, this.#next);
    this.#next = turn + 1000 * count / this.#perSecond;
    if (turn > now) await pause(turn - now);
  }
}

/** How often the pulse beats, in ms. */
const BEAT = 50;

/** Knows when this process was held up, and cannot blame anybody else. */
export class Pulse implements Disposable {
  readonly #tolerance: number;
  readonly #timer = setInterval(() => this.#beat(), BEAT);
  #last = performance.now();
  #heldUp = -Infinity;

  /** @param tolerance What is not yet too long, in ms. */
  constructor(tolerance: number) {
    this.#tolerance = tolerance;
  }

  /** Whether it was held up for too long at some time since then. */
  wasHeldUpSince(time: number): boolean {
    this.#beat();
    return this.#heldUp >= time;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #beat(): void {
    const now = performance.now();
    if (now - this.#last > this.#tolerance) this.#heldUp = now;
    this.#last = now;
  }
}
