/**
 * Search for one end marker, in four ways:
 *
 * - **Horspool** (1980) looks at the byte where a marker would end. Most bytes
 *   are not in the marker, so the search skips a marker's length: 3 to 16 GB/s
 *   for 19 bytes. Hostile data allows skips of one byte only.
 * - **SWAR** (SIMD within a register), for markers of up to four bytes, which
 *   leave no room to skip: four places at a time (the zero byte in a word,
 *   Mycroft 1987). 1.5 to 2.5 GB/s, whatever the data.
 * - **SIMD** (`simd_search.ts`) looks at 64 places at a time, in a copy: 11 to
 *   18 GB/s, whatever the data, unless much of it resembles the marker. For
 *   what is left of a long feed after the first bytes, instead of SWAR, and of
 *   Horspool where skips are short or many of them fall short.
 * - **KMP** (Knuth, Morris and Pratt 1977) looks at each byte once and knows
 *   after each how much of the marker has matched: 0.15 to 0.35 GB/s; a steady
 *   0.4 from a table, which is built when the data turns out to be hostile.
 *
 * What lost, in the same feeds of 64 KiB copied from memory: `indexOfNeedle`,
 * 0.5 to 1.5 GB/s, and 0.0003 for 999 × `a` and a `b` in nothing but `a`; the
 * built-in `indexOf` for one byte, 1.9 where SWAR reached 3; Two-Way (Crochemore
 * and Perrin 1991) with skips, 0.11 where the last byte always fits; Horspool
 * and KMP in turn (Franek, Jennings and Smyth 2007), 0.17 where they often turn;
 * SIMD for all long feeds, 17 on random bytes, where Horspool reached 24 with 19
 * bytes and 130 with 300.
 *
 * @module
 */
import { concat, indexOfNeedle } from "@std/bytes";
import type { PreparedMarker } from "./prepared_marker.ts";
import { MIN_SIMD_BYTES, simdSearch } from "./simd_search.ts";

/** `indexOfNeedle` is quadratic; up to this length it takes 2 µs at worst. */
const SHORT_MARKER_BYTES = 20;
/** The first bytes of a feed go through KMP: a few bytes need no table. */
const FIRST_KMP_BYTES = 32;
/** Skips are judged by their yield once this many have been made. */
const SKIPS_PER_ROUND = 64;
/** SIMD is faster than skips of this many bytes, even if none falls short. */
const SHORT_SKIP_BYTES = 10;
/** SIMD is faster where a skip falls short more often than once in 100 bytes. */
const SHORTFALL_BYTES = 100;
/** Bytes that SWAR searches first: in small messages, SIMD would copy in vain. */
const UNCOPIED_BYTES = 2048;
/** A skip on hostile data takes as long as KMP takes for this many bytes. */
const SKIP_IN_KMP_BYTES = 3;
/** Hostile bytes that KMP takes before Horspool is tried again, at 5 % cost. */
const HOSTILE_KMP_BYTES = 4096;

/** A search for one marker: a `Scanner`. */
export class SingleScanner {
  partialMatch = 0;
  readonly #marker: PreparedMarker;

  constructor(marker: PreparedMarker) {
    this.#marker = marker;
  }

  get index(): number {
    return this.#marker.index;
  }

  feed(bytes: Uint8Array): number {
    return this.search(bytes, 0, bytes.length);
  }

  /** Searches `bytes` from `from` to `to`. The offset returned is in `bytes`. */
  search(bytes: Uint8Array, from: number, to: number): number {
    const { bytes: marker, kmpTable } = this.#marker;
    if (
      this.partialMatch > 0 && kmpTable === undefined &&
      marker.length <= SHORT_MARKER_BYTES && to - from >= marker.length - 1
    ) {
      const end = this.#searchSeam(bytes, from);
      if (end >= 0) return end;
    }
    let at = from;
    let stop = Math.min(to, from + FIRST_KMP_BYTES);
    while (true) {
      const stepped = this.#kmp(bytes, at, stop);
      if (stepped >= 0) return stepped;
      if (stop === to) return -1;
      const start = stop - this.partialMatch;
      if (start < from) {
        // The partial match began in an earlier feed: only KMP knows it.
        at = stop;
        stop = Math.min(to, stop + marker.length);
        continue;
      }
      this.partialMatch = 0;
      const found = marker.length > 4
        ? this.#horspool(bytes, start, to)
        : this.#swarThenSimd(bytes, start, to);
      if (found >= 0) return found;
      // No marker starts before here. Hostile data follows, or the end. KMP
      // takes far more bytes than may be searched again, so the cost is linear.
      at = ~found;
      stop = Math.min(to, at + HOSTILE_KMP_BYTES + 4 * marker.length);
    }
  }

  /**
   * Searches for a marker that lies across two feeds, with `indexOfNeedle`. The
   * bytes of the partial match were not kept, but they are known: they equal the
   * first bytes of the marker. Afterwards no partial match is left, because
   * every marker that starts before `from` ends within the seam.
   */
  #searchSeam(bytes: Uint8Array, from: number): number {
    const { bytes: marker } = this.#marker;
    const { partialMatch } = this;
    const head = bytes.subarray(from, from + marker.length - 1);
    const seam = concat([marker.subarray(0, partialMatch), head]);
    const found = indexOfNeedle(seam, marker);
    this.partialMatch = 0;
    return found < 0 ? -1 : from + found - partialMatch + marker.length;
  }

  /** Searches byte by byte. Sets `partialMatch` to the match that ends at `to`. */
  #kmp(bytes: Uint8Array, from: number, to: number): number {
    const { bytes: marker, borders, kmpTable } = this.#marker;
    const { length } = marker;
    let at = from;
    if (kmpTable !== undefined) {
      const { classes, width, next } = kmpTable;
      const whole = length * width;
      let state = this.partialMatch * width;
      while (at < to && state !== whole) {
        state = next[state + classes[bytes[at++]!]!]!;
      }
      this.partialMatch = state === whole ? 0 : state / width;
      return state === whole ? at : -1;
    }
    let matched = this.partialMatch;
    while (at < to && matched !== length) {
      if (bytes[at] === marker[matched]) {
        at++;
        matched++;
      } else if (matched > 0) matched = borders[matched]!;
      else at++;
    }
    this.partialMatch = matched === length ? 0 : matched;
    return matched === length ? at : -1;
  }

  /** Returns the offset after the marker, or `~offset` where the search stopped. */
  #swarThenSimd(bytes: Uint8Array, from: number, to: number): number {
    const near = from + UNCOPIED_BYTES;
    if (to - near < MIN_SIMD_BYTES) return this.#swar(bytes, from, to);
    let found = this.#swar(bytes, from, near);
    if (found < 0) found = simdSearch(this.#marker.bytes, bytes, ~found, to);
    return found < 0 ? this.#swar(bytes, ~found, to) : found;
  }

  /** Returns the offset after the marker, or `~offset` where the search stopped. */
  #swar(bytes: Uint8Array, from: number, to: number): number {
    const { bytes: marker } = this.#marker;
    const last = marker.length - 1;
    // For a marker of fewer than four bytes, a byte is compared twice.
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

  /** Returns the offset after the marker, or `~offset` where the search stopped. */
  #horspool(bytes: Uint8Array, from: number, to: number): number {
    const { bytes: marker, skipTable } = this.#marker;
    const { length } = marker;
    const last = length - 1;
    // If only the last byte matches: skip to where that byte occurs before.
    const again = last - marker.lastIndexOf(marker[last]!, last - 1);
    let end = from + last;
    let began = end;
    let cost = 0;
    let mayUseSimd = true;
    while (end < to) {
      let skip = skipTable[bytes[end]!]!;
      // The processor predicts this loop, and need not wait for one byte to find
      // the next: 16 GB/s instead of 5 where full skips are the rule. (Where half
      // of them are, for a marker of common letters, 1.2 instead of 2.2.)
      while (skip === length) {
        end += length;
        if (end >= to) return ~(end - last);
        skip = skipTable[bytes[end]!]!;
      }
      if (skip === 0) {
        const start = end - last;
        let same = 0;
        while (same < last && bytes[start + same] === marker[same]) same++;
        if (same === last) return end + 1;
        cost += same >> 2;
        skip = again;
      }
      end += skip;
      if (++cost < SKIPS_PER_ROUND) continue;
      if (end - began < SKIP_IN_KMP_BYTES * cost) {
        this.#marker.expectHostileData();
        break;
      }
      if (
        mayUseSimd &&
        (length <= SHORT_SKIP_BYTES || end - began < SHORTFALL_BYTES * cost)
      ) {
        const found = simdSearch(marker, bytes, end - last, to);
        if (found >= 0) return found;
        end = ~found + last;
        // It has reached the end, or hostile data, and would copy that again.
        mayUseSimd = false;
      }
      began = end;
      cost = 0;
    }
    return ~(end - last);
  }
}
