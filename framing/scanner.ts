/**
 * The search for one end marker. Three ways, each for what it is good at:
 *
 * - **Leaps** (Horspool 1980) look at the byte where a marker would end. Most
 *   bytes are in no marker, so the next place to look is a whole marker on:
 *   3 to 16 GB/s for 19 bytes. Hostile data allows leaps of one byte only.
 * - **Words**, for markers of up to four bytes, which leave no room to leap:
 *   four places at a time (the zero byte in a word, Mycroft 1987). 1.5 to
 *   2.5 GB/s, and the same work whatever the data.
 * - **Steps** (Knuth, Morris and Pratt 1977) look at each byte once and know
 *   after each how much of the marker has come: 0.15 to 0.35 GB/s; 0.4, and
 *   steady, from a table, which is built when the data turns out hostile.
 *
 * What lost, in the same feeds of 64 KiB copied from memory: `indexOfNeedle`,
 * 0.5 to 1.5 GB/s, and 0.0003 for 999 × `a` and a `b` in nothing but `a`; the
 * built-in `indexOf` for one byte, 1.9 where words did 3; Two-Way (Crochemore
 * and Perrin 1991) with leaps, 0.11 where the last byte always fits; leaps and
 * steps in turn (Franek, Jennings and Smyth 2007), 0.17 where they often turn.
 *
 * @module
 */
import { concat, indexOfNeedle } from "@std/bytes";

/** Up to here `indexOfNeedle`, quadratic on a seam, takes 2 µs at worst. */
const SHORT_MARKER = 20;
/** Bytes of a feed that are stepped through: a few bytes need no table. */
const FIRST_STEPS = 32;
/** The cost of leaps, counted in leaps, after which they are judged by it. */
const ROUND = 64;
/** A leap on hostile data takes as long as stepping through so many bytes. */
const LEAP_IN_STEPS = 3;
/** Hostile bytes stepped through before leaping again: the try costs 5 %. */
const HOSTILE_STEPS = 4096;
/** Entries of a step table, 1 MiB: every marker of up to 1,000 bytes fits. */
const MAX_TABLE = 1 << 18;

/** Steps from a table: `next[state + classes[byte]]` is the next state. */
interface StepTable {
  /** Bytes that are not in the marker are all alike, class 0. */
  readonly classes: Uint16Array;
  /** The number of classes. A state is the matched length times this. */
  readonly width: number;
  readonly next: Int32Array;
}

/** One marker and its tables, the dear ones built when first needed. */
export class PreparedMarker {
  readonly bytes: Uint8Array;
  readonly which: number;
  /** By length of a prefix: its longest suffix that is a shorter prefix. */
  readonly borders: readonly number[];
  stepTable: StepTable | undefined;
  #leapTable: Int32Array | undefined;

  constructor(bytes: Uint8Array, which: number) {
    const borders = [0, 0];
    for (let i = 1, border = 0; i < bytes.length; i++) {
      while (border > 0 && bytes[i] !== bytes[border]) {
        border = borders[border]!;
      }
      if (bytes[i] === bytes[border]) border++;
      borders.push(border);
    }
    this.bytes = bytes;
    this.which = which;
    this.borders = borders;
  }

  /** How far to leap, by byte: 0 for the marker's last. */
  get leapTable(): Int32Array {
    if (this.#leapTable !== undefined) return this.#leapTable;
    const last = this.bytes.length - 1;
    const table = new Int32Array(256).fill(this.bytes.length);
    this.bytes.forEach((byte, i) => table[byte] = last - i);
    return this.#leapTable = table;
  }

  /** Builds the step table: worth its while once leaps have failed. */
  expectHostileData(): void {
    const { bytes, borders } = this;
    // Not bytes: a marker of all 256 has 257 classes.
    const classes = new Uint16Array(256);
    let width = 1;
    for (const byte of bytes) if (classes[byte] === 0) classes[byte] = width++;
    if (this.stepTable || width * bytes.length > MAX_TABLE) return;
    const next = new Int32Array(width * bytes.length);
    for (let matched = 0; matched < bytes.length; matched++) {
      // On another byte than the marker's, go on as from the border.
      const row = matched * width;
      const border = borders[matched]! * width;
      next.copyWithin(row, border, border + width);
      next[row + classes[bytes[matched]!]!] = row + width;
    }
    this.stepTable = { classes, width, next };
  }
}

/** The search for one marker: an `EndScan`. */
export class OneScan {
  pending = 0;
  readonly #marker: PreparedMarker;

  constructor(marker: PreparedMarker) {
    this.#marker = marker;
  }

  get which(): number {
    return this.#marker.which;
  }

  feed(bytes: Uint8Array): number {
    return this.search(bytes, 0, bytes.length);
  }

  /** Feeds `bytes` from `from` to `to`. The offset returned is in `bytes`. */
  search(bytes: Uint8Array, from: number, to: number): number {
    const { bytes: marker, stepTable } = this.#marker;
    if (
      this.pending > 0 && stepTable === undefined &&
      marker.length <= SHORT_MARKER && to - from >= marker.length - 1
    ) {
      const end = this.#searchSeam(bytes, from);
      if (end >= 0) return end;
    }
    let at = from;
    let stop = Math.min(to, from + FIRST_STEPS);
    while (true) {
      const stepped = this.#step(bytes, at, stop);
      if (stepped >= 0) return stepped;
      if (stop === to) return -1;
      const start = stop - this.pending;
      if (start < from) {
        // What has matched began in an earlier feed: only steps know of it.
        at = stop;
        stop = Math.min(to, stop + marker.length);
        continue;
      }
      this.pending = 0;
      const found = marker.length > 4
        ? this.#leap(bytes, start, to)
        : this.#searchWords(bytes, start, to);
      if (found >= 0) return found;
      // No marker starts before here. Hostile data follows, or the end. The
      // steps outnumber what may have to be looked at again by far: linear.
      at = ~found;
      stop = Math.min(to, at + HOSTILE_STEPS + 4 * marker.length);
    }
  }

  /**
   * Looks for a marker that lies across two feeds. The bytes pending are not
   * kept, but known: they are the marker's own first. Then none is pending, as
   * every marker that starts before `from` ends in the seam.
   */
  #searchSeam(bytes: Uint8Array, from: number): number {
    const { bytes: marker } = this.#marker;
    const { pending } = this;
    const head = bytes.subarray(from, from + marker.length - 1);
    const seam = concat([marker.subarray(0, pending), head]);
    const found = indexOfNeedle(seam, marker);
    this.pending = 0;
    return found < 0 ? -1 : from + found - pending + marker.length;
  }

  /** Byte by byte; afterwards `pending` is what has matched at `to`. */
  #step(bytes: Uint8Array, from: number, to: number): number {
    const { bytes: marker, borders, stepTable } = this.#marker;
    const { length } = marker;
    let at = from;
    if (stepTable !== undefined) {
      const { classes, width, next } = stepTable;
      const whole = length * width;
      let state = this.pending * width;
      while (at < to && state !== whole) {
        state = next[state + classes[bytes[at++]!]!]!;
      }
      this.pending = state === whole ? 0 : state / width;
      return state === whole ? at : -1;
    }
    let matched = this.pending;
    while (at < to && matched !== length) {
      if (bytes[at] === marker[matched]) {
        at++;
        matched++;
      } else if (matched > 0) matched = borders[matched]!;
      else at++;
    }
    this.pending = matched === length ? 0 : matched;
    return matched === length ? at : -1;
  }

  /** The offset behind the marker; or `~offset` where the search stopped. */
  #searchWords(bytes: Uint8Array, from: number, to: number): number {
    const { bytes: marker } = this.#marker;
    const last = marker.length - 1;
    // Bytes that a shorter marker does not have are looked at twice.
    const second = Math.min(1, last);
    const third = Math.max(0, last - 1);
    const firstByte = marker[0]! * 0x01010101;
    const secondByte = marker[second]! * 0x01010101;
    const thirdByte = marker[third]! * 0x01010101;
    const lastByte = marker[last]! * 0x01010101;
    const view = new DataView(bytes.buffer, bytes.byteOffset, to);
    let at = from;
    for (; at + last + 4 <= to; at += 4) {
      let differ = (view.getInt32(at, true) ^ firstByte) |
        (view.getInt32(at + last, true) ^ lastByte);
      if (((differ - 0x01010101) & ~differ & 0x80808080) === 0) continue;
      differ |= (view.getInt32(at + second, true) ^ secondByte) |
        (view.getInt32(at + third, true) ^ thirdByte);
      const same = (differ - 0x01010101) & ~differ & 0x80808080;
      if (same === 0) continue;
      // The lowest bit of a zero byte is exact; those above it may not be.
      const place = (31 - Math.clz32(same & -same)) >> 3;
      return at + place + marker.length;
    }
    return ~at;
  }

  /** The offset behind the marker; or `~offset` where the search stopped. */
  #leap(bytes: Uint8Array, from: number, to: number): number {
    const { bytes: marker, leapTable } = this.#marker;
    const { length } = marker;
    const last = length - 1;
    // Where the last byte fits and others do not: to where it stands before.
    const again = last - marker.lastIndexOf(marker[last]!, last - 1);
    let end = from + last;
    let began = end;
    let cost = 0;
    while (end < to) {
      let leap = leapTable[bytes[end]!]!;
      // A processor foresees this loop and need not wait for each byte to
      // know the next: 16 GB/s instead of 5 where whole leaps are the rule.
      // (Where half are whole, for a marker of common letters, 1.2 not 2.2.)
      while (leap === length) {
        end += length;
        if (end >= to) return ~(end - last);
        leap = leapTable[bytes[end]!]!;
      }
      if (leap === 0) {
        const start = end - last;
        let same = 0;
        while (same < last && bytes[start + same] === marker[same]) same++;
        if (same === last) return end + 1;
        cost += same >> 2;
        leap = again;
      }
      end += leap;
      if (++cost < ROUND) continue;
      if (end - began < LEAP_IN_STEPS * cost) {
        this.#marker.expectHostileData();
        break;
      }
      began = end;
      cost = 0;
    }
    return ~(end - last);
  }
}
