/**
 * Time, which is handed in: a test runs the server and the client on a clock of
 * its own, where an hour takes milliseconds.
 *
 * @module
 */
import { setImmediate } from "node:timers";

/** A timer that has been set. */
export type Timer = ReturnType<typeof setTimeout>;

/** A source of time. */
export interface Clock {
  /** The time in ms since some moment. It never goes back. */
  now(): number;
  /** Calls back once, after at least `ms`. */
  setTimeout(callback: () => void, ms: number): Timer;
  /** Drops a timer, if it has not called back yet. */
  clearTimeout(timer: Timer | undefined): void;
  /** Lets a timer no longer keep the process alive. */
  unrefTimer(timer: Timer): void;
  /** Calls back after whatever has arrived meanwhile was handled. */
  setImmediate(callback: () => void): void;
}

/** The time of this machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (timer) => clearTimeout(timer),
  unrefTimer: (timer) => Deno.unrefTimer(timer),
  setImmediate: (callback) => void setImmediate(callback),
};
