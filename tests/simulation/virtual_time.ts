/**
 * Virtual time: events happen in the order of their times, and nothing waits.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type { Clock, Timer } from "../../framing/clock.ts";
import type { Random } from "../random.ts";

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly action: () => void;
  /** Whether code of a process runs, which promises continue. */
  readonly runsCode: boolean;
  isCancelled: boolean;
}

/** More events than any world of a few clients has. */
const MAX_EVENTS = 20_000_000;

/** A queue of events, and the time of the one that happens now. */
export class VirtualTime {
  nowMs = 0;
  /** The number of events so far. */
  events = 0;
  /** Called after each event in which code ran. */
  afterEach: () => void = () => {};
  /** A heap: no event comes before the one at half its index. */
  readonly #heap: Event[] = [];
  #order = 0;

  /** Has something happen at this time; not before now. */
  at(atMs: number, action: () => void, runsCode = false): Event {
    const event = {
      atMs: Math.max(atMs, this.nowMs),
      order: this.#order++,
      action,
      runsCode,
      isCancelled: false,
    };
    this.#push(event);
    return event;
  }

  /**
   * Lets events happen until there are none, or until this time.
   *
   * @throws {Error} If there is no end of them.
   */
  run(untilMs = Infinity): Promise<void> {
    // Promises can be continued from outside of them only.
    return new Promise((resolve, reject) =>
      setImmediate(() => {
        try {
          this.#run(untilMs);
          resolve();
        } catch (error) {
          reject(error);
        }
      })
    );
  }

  #run(untilMs: number): void {
    for (;;) {
      const event = this.#heap[0];
      if (event === undefined || event.atMs > untilMs) return;
      this.#pop();
      if (event.isCancelled) continue;
      this.nowMs = event.atMs;
      if (++this.events > MAX_EVENTS) throw new Error("It does not end");
      event.action();
      if (!event.runsCode) continue;
      // As in an event loop: promises continue before the next event.
      continuePromises();
      this.afterEach();
    }
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let index = heap.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    const { length } = heap;
    if (length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= length) break;
      if (child + 1 < length && isBefore(heap[child + 1]!, heap[child]!)) {
        child++;
      }
      if (!isBefore(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}

/**
 * Lets all promises continue that are settled, and reports rejections that are
 * not handled by then: what Deno does at the end of each turn of its event loop,
 * without the turn, which takes longer than most events.
 */
// deno-lint-ignore no-explicit-any
const continuePromises: () => void = (Deno as any)[(Deno as any).internal]
  .core.runNextTicks;

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** The longest time from an event in the kernel to the code that waits, in ms. */
const MAX_LATENCY_MS = 0.05;

/** A process: code that runs for its events, one at a time. */
export class Process implements Clock {
  readonly time: VirtualTime;
  readonly random: Random;
  /** Until then the process is busy, and sees nothing of what happens. */
  #stalledUntilMs = 0;

  constructor(time: VirtualTime, random: Random) {
    this.time = time;
    this.random = random;
  }

  /** Has the process do nothing for a while, as in a long computation. */
  stall(ms: number): void {
    this.#stalledUntilMs = this.time.nowMs + ms;
  }

  /** Runs code of this process, soon. */
  wake(code: () => void): void {
    const { time, random } = this;
    this.#runAt(time.nowMs + random.next() * MAX_LATENCY_MS, code);
  }

  now(): number {
    return this.time.nowMs;
  }

  setTimeout(callback: () => void, ms: number): Timer {
    const event = this.#runAt(this.time.nowMs + Math.max(ms, 1), callback);
    return event as unknown as Timer;
  }

  clearTimeout(timer: Timer | undefined): void {
    if (timer !== undefined) (timer as unknown as Event).isCancelled = true;
  }

  unrefTimer(): void {}

  setImmediate(callback: () => void): void {
    this.wake(callback);
  }

  /** Waits. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.setTimeout(resolve, ms));
  }

  /** Waits until a time, if it has not passed. */
  async sleepUntil(atMs: number): Promise<void> {
    if (atMs > this.time.nowMs) await this.sleep(atMs - this.time.nowMs);
  }

  #runAt(atMs: number, code: () => void): Event {
    const event = this.time.at(atMs, () => {
      const untilMs = this.#stalledUntilMs;
      if (untilMs <= this.time.nowMs) return code();
      this.#runAt(untilMs + this.random.next() * MAX_LATENCY_MS, () => {
        if (!event.isCancelled) code();
      });
    }, true);
    return event;
  }
}
