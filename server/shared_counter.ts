/**
 * A count with a bound, which threads may share.
 *
 * @module
 */

/** How many there are of something, in memory that other threads may see. */
export class Count {
  /** How many there may be. */
  readonly most: number;
  /** Where it is counted: hand it to another thread to count together. */
  readonly cell: Int32Array;

  /**
   * @param most How many there may be: the same for all who share the cell.
   * @param cell Where it is counted.
   */
  constructor(most: number, cell: Int32Array = new Int32Array(1)) {
    this.most = most;
    this.cell = cell;
  }

  /** Whether other threads count along. */
  get isShared(): boolean {
    return this.cell.buffer instanceof SharedArrayBuffer;
  }

  /** How many there are. */
  get count(): number {
    return Atomics.load(this.cell, 0);
  }

  /** Counts one more, and returns how many there are now. */
  add(): number {
    return Atomics.add(this.cell, 0, 1) + 1;
  }

  /** Counts one less. */
  remove(): void {
    Atomics.sub(this.cell, 0, 1);
  }
}
