/**
 * Waiting that can be interrupted, for a read or for a handler.
 *
 * @module
 */

/** What a wait resolves to when an error reply has pre-empted it. */
export class Interruption {
  /** Tells an interruption from what a decoder found. */
  readonly reason = "interrupted";
  /** The code of the error reply. */
  readonly errorCode: string;

  constructor(errorCode: string) {
    this.errorCode = errorCode;
  }
}

/**
 * Receives the result of one wait: one of its methods is called once, perhaps
 * before the call returns that began the wait. Neither may throw.
 */
export interface Waiter<T> {
  resolve(value: T | Interruption): void;
  reject(reason: unknown): void;
}

/** What a connection waits for: one thing at a time. */
export class Wait {
  // deno-lint-ignore no-explicit-any
  #waiter: Waiter<any> | undefined;
  /** An interruption that came while nothing was waited for, as in a write. */
  #interruption: Interruption | undefined;

  /**
   * Begins a wait, when the one before has ended. Returns false if it is over at
   * once, because the interruption came before.
   */
  begin(waiter: Waiter<never>): boolean {
    const interruption = this.#interruption;
    if (interruption === undefined) {
      this.#waiter = waiter;
      return true;
    }
    this.#interruption = undefined;
    waiter.resolve(interruption);
    return false;
  }

  /** Ends a wait. Returns false if it is over: somebody has told the waiter. */
  end(waiter: Waiter<never>): boolean {
    if (this.#waiter !== waiter) return false;
    this.#waiter = undefined;
    return true;
  }

  /** Ends the wait, or the next one, with an interruption. */
  interrupt(errorCode: string): void {
    const interruption = new Interruption(errorCode);
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (waiter === undefined) this.#interruption = interruption;
    else waiter.resolve(interruption);
  }

  /** Ends the wait, if there is one, with a failure. */
  fail(reason: unknown): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.reject(reason);
  }

  /** Forgets an interruption that came while nothing was waited for. */
  forgetInterruption(): void {
    this.#interruption = undefined;
  }
}
