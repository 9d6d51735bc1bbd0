/**
 * Random numbers that a seed determines.
 *
 * @module
 */

/** A sequence of random numbers (sfc32). The same seed gives the same one. */
export class Random {
  #a: number;
  #b: number;
  #c = 0x9e3779b9;
  #count = 1;

  /** @param seed An integer. @param stream Numbers sequences of one seed. */
  constructor(seed: number, stream = 0) {
    this.#a = seed | 0;
    this.#b = stream ^ Math.floor(seed / 2 ** 32);
    for (let round = 0; round < 12; round++) this.next();
  }

  /** A number from 0, below 1. */
  next(): number {
    const sum = (this.#a + this.#b + this.#count++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum | 0;
    return (sum >>> 0) / 2 ** 32;
  }

  /** An integer from `min` to `max`, both included. */
  int(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  /** Whether an event of this probability happens. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of these. */
  pick<T>(values: readonly T[]): T {
    return values[this.int(0, values.length - 1)]!;
  }

  /**
   * An integer from `min`, at least 1, to `max`, both included: each order of
   * magnitude is as likely.
   */
  magnitude(min: number, max: number): number {
    return Math.floor(min * ((max + 1) / min) ** this.next());
  }
}
