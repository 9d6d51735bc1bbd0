/**
 * A bound on the lines of the log that anybody can cause without an effort.
 *
 * @module
 */

/** The lines of one kind in a second; further ones are only counted. */
export class LineQuota {
  readonly #maxPerSecond: number;
  readonly #now: () => number;
  #secondStartMs = -Infinity;
  #listed = 0;
  #unlisted = 0;

  /** @param now The time in ms, which tests replace. */
  constructor(maxPerSecond: number, now = () => performance.now()) {
    this.#maxPerSecond = maxPerSecond;
    this.#now = now;
  }

  /** Whether one more line may be written. If not, it is counted. */
  take(): boolean {
    const nowMs = this.#now();
    if (nowMs - this.#secondStartMs >= 1000) {
      this.#secondStartMs = nowMs;
      this.#listed = 0;
    }
    if (this.#listed < this.#maxPerSecond) {
      this.#listed++;
      return true;
    }
    this.#unlisted++;
    return false;
  }

  /** Returns the number of lines that were not written, and forgets it. */
  takeUnlisted(): number {
    const count = this.#unlisted;
    this.#unlisted = 0;
    return count;
  }
}
