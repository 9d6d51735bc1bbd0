/**
 * What a search knows of its marker: the tables of Horspool and of Knuth, Morris
 * and Pratt.
 *
 * @module
 */

/** Entries of a KMP table, 1 MiB: every marker of up to 1,000 bytes fits. */
const MAX_TABLE_ENTRIES = 1 << 18;

/** A KMP automaton: `next[state + classes[byte]]` is the next state. */
interface KmpTable {
  /** Bytes that are not in the marker all have class 0. */
  readonly classes: Uint16Array;
  /** The number of classes. A state is the matched length times this. */
  readonly width: number;
  readonly next: Int32Array;
}

/** One marker and its tables; the costly ones are built when first needed. */
export class PreparedMarker {
  readonly bytes: Uint8Array;
  readonly index: number;
  /** By length of a prefix: its longest suffix that is a shorter prefix. */
  readonly borders: readonly number[];
  kmpTable: KmpTable | undefined;
  #skipTable: Int32Array | undefined;

  constructor(bytes: Uint8Array, index: number) {
    const borders = [0, 0];
    for (let i = 1, border = 0; i < bytes.length; i++) {
      while (border > 0 && bytes[i] !== bytes[border]) {
        border = borders[border]!;
      }
      if (bytes[i] === bytes[border]) border++;
      borders.push(border);
    }
    this.bytes = bytes;
    this.index = index;
    this.borders = borders;
  }

  /** The distance to skip, by byte: 0 for the marker's last byte. */
  get skipTable(): Int32Array {
    if (this.#skipTable !== undefined) return this.#skipTable;
    const last = this.bytes.length - 1;
    const table = new Int32Array(256).fill(this.bytes.length);
    this.bytes.forEach((byte, i) => table[byte] = last - i);
    return this.#skipTable = table;
  }

  /** Builds the KMP table, which pays off once skips have failed. */
  expectHostileData(): void {
    const { bytes, borders } = this;
    // 16 bits: a marker of all 256 byte values has 257 classes.
    const classes = new Uint16Array(256);
    let width = 1;
    for (const byte of bytes) if (classes[byte] === 0) classes[byte] = width++;
    if (this.kmpTable || width * bytes.length > MAX_TABLE_ENTRIES) return;
    const next = new Int32Array(width * bytes.length);
    for (let matched = 0; matched < bytes.length; matched++) {
      // On a byte that does not match, continue as from the border.
      const row = matched * width;
      const border = borders[matched]! * width;
      next.copyWithin(row, border, border + width);
      next[row + classes[bytes[matched]!]!] = row + width;
    }
    this.kmpTable = { classes, width, next };
  }
}
