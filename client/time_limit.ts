/**
 * The time limit and the signal of connecting, or of a conversation.
 *
 * @module
 */
import type { Clock, Timer } from "../framing/clock.ts";
import { LONGEST_TIMER_MS } from "../framing/defaults.ts";
import { ConversationError } from "./reply.ts";

/** @throws {RangeError} If this is not a time limit, in ms. */
export function checkTimeout(timeout: number): void {
  if (typeof timeout === "number" && timeout >= 0) return;
  throw new RangeError(
    `Cannot use timeout as a limit: it must be from 0, and is ${timeout}`,
  );
}

/**
 * Starts a time limit.
 *
 * @returns The timer; undefined with 0, and beyond the longest timer.
 */
export function startTimeout(
  clock: Clock,
  timeout: number,
  callback: () => void,
): Timer | undefined {
  return timeout > 0 && timeout <= LONGEST_TIMER_MS
    ? clock.setTimeout(callback, timeout)
    : undefined;
}

/** Aborts its own signal when a time has passed, or another signal aborts. */
export class TimeLimit implements Disposable {
  readonly #controller = new AbortController();
  readonly #clock: Clock;
  readonly #timeout: number;
  readonly #timer: Timer | undefined;
  readonly #outer: AbortSignal | undefined;
  readonly #onAbort = () => this.#controller.abort(this.#outer?.reason);

  /** @throws The reason of the outer signal, if it has aborted. */
  constructor(clock: Clock, timeout: number, outer: AbortSignal | undefined) {
    outer?.throwIfAborted();
    this.#clock = clock;
    this.#timeout = timeout;
    this.#outer = outer;
    outer?.addEventListener("abort", this.#onAbort);
    this.#timer = startTimeout(
      clock,
      timeout,
      () => this.#controller.abort(),
    );
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /**
   * What a caller is thrown for an error: the reason of the outer signal, or a
   * `ConversationError` if the time has passed.
   *
   * @param received The bytes of the reply that were received.
   */
  reasonOf(error: unknown, received?: Uint8Array): unknown {
    if (this.#outer?.aborted) return this.#outer.reason;
    if (!this.signal.aborted) return error;
    const message = `Timed out after ${this.#timeout} ms`;
    const options = { cause: error };
    return new ConversationError("timed out", message, received, options);
  }

  /** Stops the timer, and forgets the outer signal. */
  [Symbol.dispose](): void {
    this.#clock.clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.#onAbort);
  }
}
