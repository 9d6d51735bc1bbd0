/**
 * What ends the waiting of a call: its time-out, or its signal.
 *
 * @module
 */
import type { Clock, Timer } from "./clock.ts";
import { LONGEST_TIMER_MS } from "./defaults.ts";
import type { ReadOptions } from "./read_options.ts";

/**
 * The time-out and the signal of one call, while it waits.
 *
 * The call does not race its read against them: a read may stay pending for
 * hours, and would keep something of each call that was interrupted meanwhile.
 */
export class Interrupter {
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => this.interrupt(this.#signal!.reason);
  readonly #timer: Timer | undefined;
  #interruption: { readonly reason: unknown } | undefined;
  #waiter: PromiseWithResolvers<void> | undefined;

  constructor({ signal, timeout = 0 }: ReadOptions, clock: Clock) {
    this.#clock = clock;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#onAbort);
    if (timeout > 0 && timeout <= LONGEST_TIMER_MS) {
      this.#timer = clock.setTimeout(() => {
        const message = `Timed out after ${timeout} ms`;
        this.interrupt(new DOMException(message, "TimeoutError"));
      }, timeout);
    }
  }

  /** Waits for `wake()`. Rejects as soon as the call has been interrupted. */
  wait(): Promise<void> {
    this.#waiter = Promise.withResolvers();
    if (this.#interruption !== undefined) {
      this.#waiter.reject(this.#interruption.reason);
    }
    return this.#waiter.promise;
  }

  wake(): void {
    this.#waiter?.resolve();
  }

  /** Interrupts the call. The first reason counts. */
  interrupt(reason: unknown): void {
    this.#interruption ??= { reason };
    this.#waiter?.reject(reason);
  }

  /** Stops the timer, and forgets the signal. */
  stop(): void {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#clock.clearTimeout(this.#timer);
  }
}
