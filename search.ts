import { concat, indexOfNeedle } from "@std/bytes";

const SHORT = 32;

class Marker {
  readonly bytes: Uint8Array;
  readonly index: number;
  readonly borders: Uint32Array;
  readonly shifts: Uint32Array;
  readonly again: number;

  constructor(marker: Uint8Array, index: number) {
    const bytes = marker.slice();
    const length = bytes.length;
    const borders = new Uint32Array(length + 1);
    for (let i = 1, border = 0; i < length; i++) {
      while (border > 0 && bytes[i] !== bytes[border]) border = borders[border];
      if (bytes[i] === bytes[border]) border++;
      borders[i + 1] = border;
    }
    const shifts = new Uint32Array(256).fill(length);
    for (let i = 0; i < length - 1; i++) shifts[bytes[i]] = length - 1 - i;
    this.again = shifts[bytes[length - 1]];
    shifts[bytes[length - 1]] = 0;
    this.bytes = bytes;
    this.index = index;
    this.borders = borders;
    this.shifts = shifts;
  }
}

class OneScan implements EndScan {
  pending = 0;
  readonly #marker: Marker;

  constructor(marker: Marker) {
    this.#marker = marker;
  }

  get which(): number {
    return this.#marker.index;
  }

  feed(bytes: Uint8Array): number {
    return this.feedRange(bytes, 0, bytes.length);
  }

  feedRange(bytes: Uint8Array, from: number, to: number): number {
    const { bytes: marker, borders, shifts, again } = this.#marker;
    const length = marker.length;
    const last = length - 1;
    let matched = this.pending;
    if (matched > 0 && length <= SHORT && to - from >= last) {
      const head = bytes.subarray(from, from + last);
      const found = indexOfNeedle(
        concat([marker.subarray(0, matched), head]),
        marker,
      );
      if (found >= 0) {
        this.pending = 0;
        return from + found + length - matched;
      }
      matched = 0;
    }
    let at = from;
    while (at < to) {
      if (matched === 0) {
        let end = at + last;
        while (end < to) {
          const shift = shifts[bytes[end]];
          if (shift === 0) {
            if (bytes[end - last] === marker[0]) break;
            end += again;
          } else end += shift;
        }
        at = end - last;
      }
      while (at < to && bytes[at] === marker[matched]) {
        at++;
        if (++matched === length) {
          this.pending = 0;
          return at;
        }
      }
      if (at >= to) break;
      if (matched === 0) at++;
      else matched = borders[matched];
    }
    this.pending = matched;
    return -1;
  }
}

const FIRST_WINDOW = 256;

class SeveralScan implements EndScan {
  which = 0;
  readonly #scans: OneScan[];

  constructor(scans: OneScan[]) {
    this.#scans = scans;
  }

  get pending(): number {
    return this.#scans.reduce(
      (most, { pending }) => Math.max(most, pending),
      0,
    );
  }

  feed(bytes: Uint8Array): number {
    for (let from = 0, size = FIRST_WINDOW; from < bytes.length; size *= 2) {
      let to = Math.min(bytes.length, from + size);
      let found = -1;
      for (const scan of this.#scans) {
        const end = scan.feedRange(bytes, from, to);
        if (end < 0 || end === found) continue;
        found = to = end;
        this.which = scan.which;
      }
      if (found > 0) {
        for (const scan of this.#scans) scan.pending = 0;
        return found;
      }
      from = to;
    }
    return -1;
  }
}

/** One or several end markers, made ready for searching. */
export class EndMarkers {
  readonly markers: readonly Uint8Array[];
  readonly longest: number;
  readonly #compiled: Marker[];

  constructor(markers: readonly Uint8Array[]) {
    if (markers.length === 0) {
      throw new TypeError("Cannot search for no end marker at all");
    }
    if (markers.some((marker) => marker.length === 0)) {
      throw new TypeError("Cannot search for an empty end marker");
    }
    // Longest first: where two end together, the first that finds it wins.
    this.#compiled = markers.map((marker, index) => new Marker(marker, index))
      .sort((a, b) => b.bytes.length - a.bytes.length);
    this.markers = markers.map((marker) => marker.slice());
    this.longest = this.#compiled[0].bytes.length;
  }

  scan(): EndScan {
    const scans = this.#compiled.map((marker) => new OneScan(marker));
    return scans.length === 1 ? scans[0] : new SeveralScan(scans);
  }
}

export interface EndScan {
  readonly pending: number;
  readonly which: number;
  feed(bytes: Uint8Array): number;
}
