/**
 * Counters with a bound, which the threads of a server share.
 *
 * @module
 */
import type { AddressCounts } from "./address_counts.ts";

/** A counter in memory that several threads may share. */
export class SharedCounter {
  /** The largest count that is allowed. */
  readonly max: number;
  /** The memory of the counter: pass it to a thread that counts along. */
  readonly memory: Int32Array;

  /**
   * @param max The largest count that is allowed, the same in all threads.
   * @param memory The memory of the counter, one element.
   */
  constructor(max: number, memory: Int32Array = new Int32Array(1)) {
    this.max = max;
    this.memory = memory;
  }

  /** Whether other threads may count along. */
  get isShared(): boolean {
    return this.memory.buffer instanceof SharedArrayBuffer;
  }

  /** The count. */
  get count(): number {
    return Atomics.load(this.memory, 0);
  }

  /** Adds one, and returns the new count. It may be above `max`. */
  increment(): number {
    return Atomics.add(this.memory, 0, 1) + 1;
  }

  /** Subtracts one. */
  decrement(): void {
    Atomics.sub(this.memory, 0, 1);
  }
}

/** The limits of a complete server, however many threads it has. */
export interface SharedLimits {
  /** Connections that are open. */
  readonly connections: SharedCounter;
  /** Slabs of memory that messages are read into. */
  readonly slabs: SharedCounter;
  /** Connections of each address; undefined without a limit on them. */
  readonly addresses: AddressCounts | undefined;
}
