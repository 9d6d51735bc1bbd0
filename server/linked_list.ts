/**
 * A list of what comes and goes.
 *
 * V8 makes a new table for a `Set` after some deletions, and the old table keeps
 * a reference to the new one. As soon as one table has survived long enough to
 * be left to the slow collector, it keeps all later ones, and what was in them.
 * With short conversations that was 15 % of the server's CPU time, and most of
 * its memory. What was deleted from this list refers to nothing in it.
 *
 * @module
 */

/** A place in a list. */
export class Entry<T> {
  readonly value: T;
  /** The list's own; undefined once the entry was deleted. */
  previous: Entry<T> | undefined;
  next: Entry<T> | undefined;

  constructor(value: T) {
    this.value = value;
  }
}

/** A list in the order in which the values were added. */
export class LinkedList<T> implements Iterable<T> {
  #first: Entry<T> | undefined;
  #last: Entry<T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The entry that was added first of those that are left. */
  get first(): Entry<T> | undefined {
    return this.#first;
  }

  /** Adds a value, as the last one. Returns what `delete()` needs. */
  add(value: T): Entry<T> {
    const entry = new Entry(value);
    const last = this.#last;
    entry.previous = last;
    if (last === undefined) this.#first = entry;
    else last.next = entry;
    this.#last = entry;
    this.#size++;
    return entry;
  }

  /** Deletes an entry of this list, unless it was deleted before. */
  delete(entry: Entry<T>): void {
    const { previous, next } = entry;
    if (previous === undefined && entry !== this.#first) return;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    entry.previous = entry.next = undefined;
    this.#size--;
  }

  /** The values that are in the list now, whatever happens to it meanwhile. */
  [Symbol.iterator](): Iterator<T> {
    const values: T[] = [];
    for (let entry = this.#first; entry !== undefined; entry = entry.next) {
      values.push(entry.value);
    }
    return values[Symbol.iterator]();
  }
}
