/**
 * One timer for a connection: it is told of progress often, and rings seldom.
 *
 * @module
 */

/**
 * Limits on a phase of a conversation: so long without progress, so long in
 * all.
 *
 * Progress only notes the time. The timer that is set already rings when it
 * would have rung, looks at the note, and sets itself again if it rang too
 * early: setting a timer for each read would cost more than many a read.
 */
export class Watch {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #rings = Infinity;
  #idle = 0;
  #deadline = Infinity;
  #moved = 0;
  #expire: () => void = () => {};

  /**
   * Starts a phase, and ends the one before.
   *
   * @param idle Milliseconds without progress; 0 for no limit.
   * @param total Milliseconds in all; 0 for no limit.
   * @param expire Called once when one of them has passed.
   */
  start(idle: number, total: number, expire: () => void): void {
    this.#moved = performance.now();
    this.#idle = idle;
    this.#deadline = total > 0 ? this.#moved + total : Infinity;
    this.#expire = expire;
    this.#setTimer();
  }

  /** Notes that something moved. */
  progress(): void {
    this.#moved = performance.now();
  }

  /** Ends the phase, and keeps the timer for the next one. */
  rest(): void {
    this.#idle = 0;
    this.#deadline = Infinity;
  }

  /** Ends the phase and the timer. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#rings = Infinity;
  }

  #due(): number {
    return Math.min(
      this.#idle > 0 ? this.#moved + this.#idle : Infinity,
      this.#deadline,
    );
  }

  #setTimer(): void {
    const due = this.#due();
    if (due >= this.#rings || due === Infinity) return;
    clearTimeout(this.#timer);
    this.#rings = due;
    // A timer cannot count further than this, and would ring at once.
    const wait = Math.min(due - performance.now(), 2 ** 31 - 1);
    this.#timer = setTimeout(() => this.#ring(), wait);
  }

  #ring(): void {
    this.#rings = Infinity;
    if (performance.now() < this.#due()) return this.#setTimer();
    this.stop();
    this.#expire();
  }
}
