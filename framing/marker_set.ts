/**
 * Where the end marker is: fast on ordinary data, linear on hostile data,
 * whatever the markers and however the bytes are split. How one marker is
 * searched for stands in `search_one.ts`.
 *
 * @module
 */
import { OneScan, PreparedMarker } from "./scanner.ts";

/** The first of the windows in which several markers are looked for, bytes. */
const FIRST_WINDOW = 256;

/** The state of one search through a stream that arrives in pieces. */
export interface EndScan {
  /**
   * How many bytes at the end of what was fed may be the start of a marker:
   * the most there can be, from 0 to one less than the longest marker has.
   */
  readonly pending: number;
  /** Which marker ended, an index into `markers`. Valid after a find. */
  readonly which: number;
  /**
   * Feeds the next bytes, any number of them. They are not kept.
   *
   * The answer depends on the stream alone, never on how it was split. A marker
   * may begin in an earlier feed, so the offset may be less than its length.
   * After a find the scan starts afresh: feed it what lies behind the offset
   * for the next message.
   *
   * O(the bytes looked at), for each marker: none behind the offset for one
   * marker, and about as many again, or 256, for several.
   *
   * @param bytes What follows the bytes fed before.
   * @returns The offset in `bytes` just behind the first marker to end there,
   * 1 or more, or -1 where none does. Of two that end together it is the
   * longer one; of two equal ones, the first.
   */
  feed(bytes: Uint8Array): number;
}

/**
 * One or several end markers, made ready for searching: built once, in
 * O(length of the markers), and shared by any number of scans.
 *
 * @example Two messages, split anywhere
 * ```ts
 * import { EndMarkers } from "./marker_set.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const encoder = new TextEncoder();
 * const scan = new EndMarkers([encoder.encode("\r\n")]).scan();
 * assertEquals(scan.feed(encoder.encode("one\r")), -1);
 * assertEquals(scan.pending, 1);
 *
 * const bytes = encoder.encode("\ntwo\r\n");
 * assertEquals(scan.feed(bytes), 1);
 * assertEquals(scan.feed(bytes.subarray(1)), 5);
 * ```
 */
export class EndMarkers {
  /** Copies of the markers, in the order given. Not to be written to. */
  readonly markers: readonly Uint8Array[];
  /** The length of the longest marker, in bytes. */
  readonly longest: number;
  readonly #prepared: readonly PreparedMarker[];

  /**
   * @param markers At least one, and none of them empty. They are copied.
   * @throws {TypeError} If there is none, or an empty one.
   */
  constructor(markers: readonly Uint8Array[]) {
    if (markers.length === 0) {
      throw new TypeError("Cannot search for an end marker: there is none");
    }
    if (markers.some((marker) => marker.length === 0)) {
      throw new TypeError("Cannot search for an end marker: it is empty");
    }
    this.markers = markers.map((marker) => new Uint8Array(marker));
    // Longest first: of two that end together, the one asked first wins.
    this.#prepared = this.markers
      .map((marker, which) => new PreparedMarker(marker, which))
      .sort((a, b) => b.bytes.length - a.bytes.length);
    this.longest = this.#prepared[0]!.bytes.length;
  }

  /**
   * Starts a scan at the start of a stream. It takes a few dozen bytes of
   * memory for each marker; the tables stay here.
   *
   * @returns The scan. Any number of them may be under way at once.
   */
  scan(): EndScan {
    const scans = this.#prepared.map((marker) => new OneScan(marker));
    return scans.length === 1 ? scans[0]! : new SeveralScan(scans);
  }
}

/**
 * A search for each marker; the first end wins. That is O(markers × bytes): a
 * list is for a handful. Two markers at 1 to 8 GB/s each beat one automaton for
 * all of them (Aho and Corasick 1975), which would do 0.4.
 */
class SeveralScan implements EndScan {
  which = 0;
  readonly #scans: readonly OneScan[];

  /** @param scans Those of longer markers first. */
  constructor(scans: readonly OneScan[]) {
    this.#scans = scans;
  }

  get pending(): number {
    return Math.max(...this.#scans.map((scan) => scan.pending));
  }

  feed(bytes: Uint8Array): number {
    // Windows that double. Were each marker looked for in all the bytes, a
    // block full of small messages would be searched once for each of them.
    for (let from = 0, size = FIRST_WINDOW; from < bytes.length; size *= 2) {
      const to = Math.min(bytes.length, from + size);
      let first = -1;
      for (const scan of this.#scans) {
        const end = scan.search(bytes, from, first < 0 ? to : first);
        if (end < 0 || end === first) continue;
        first = end;
        this.which = scan.which;
      }
      if (first >= 0) {
        for (const scan of this.#scans) scan.pending = 0;
        return first;
      }
      from = to;
    }
    return -1;
  }
}
