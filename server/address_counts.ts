/**
 * How many connections each client has, in memory of a fixed size that the
 * threads of a server share.
 *
 * @module
 */
import { bytesOfAddress } from "./ip_address.ts";

/** Each address is counted once in each row: in a cell that a hash chooses. */
const ROWS = 4;
const ROW_CELLS = 2 ** 18;

/** An address is hashed as this many bytes: of IPv6, its /64. */
const KEY_BYTES = 8;
const TABLE_WORDS = ROWS * KEY_BYTES * 256;

/** Before the bytes of IPv4: no unicast address of IPv6 begins with these. */
const IPV4_PREFIX = [0xff, 0xff, 0xff, 0xff];

/** The cells of one address, one in each row. */
export type AddressCells = readonly number[];

/** Memory for the counts: {@linkcode AddressCounts} tells what lies there. */
export function newAddressMemory(
  Buffer: ArrayBufferConstructor | SharedArrayBufferConstructor,
): Int32Array {
  const bytes = 4 * (TABLE_WORDS + ROWS * ROW_CELLS);
  const memory = new Int32Array(new Buffer(bytes));
  memory.set(crypto.getRandomValues(new Int32Array(TABLE_WORDS)));
  return memory;
}

/**
 * Counts connections by address: a count-min sketch (Cormode and
 * Muthukrishnan) of 4 rows of 2^18 counters, 4 MiB.
 *
 * An address never has more than `max` connections. Others that share its
 * counter in every row may take from them: with 10,000 connections from as many
 * addresses and a `max` of 1, the chance is 2 in a million; it falls with the
 * fourth power of the part of the counters that are full. The hashes are random
 * tables of this process (simple tabulation), so that nobody can choose
 * addresses that collide.
 */
export class AddressCounts {
  /** The largest number of connections of one address. */
  readonly max: number;
  /** The random tables, then the rows of counters. */
  readonly #memory: Int32Array;

  /**
   * @param max The largest number of connections of one address.
   * @param memory The memory, from `newAddressMemory()`.
   */
  constructor(max: number, memory: Int32Array = newAddressMemory(ArrayBuffer)) {
    this.max = max;
    this.#memory = memory;
  }

  /** The cells of an address; undefined for a Unix socket, which has none. */
  cellsOf(addr: Deno.Addr): AddressCells | undefined {
    const bytes = bytesOfAddress(addr);
    if (bytes === undefined) return undefined;
    const key = bytes.length === 4
      ? [...IPV4_PREFIX, ...bytes]
      : bytes.subarray(0, KEY_BYTES);
    const cells = [];
    for (let row = 0; row < ROWS; row++) {
      let hash = 0;
      for (let index = 0; index < KEY_BYTES; index++) {
        const table = (row * KEY_BYTES + index) * 256;
        hash ^= this.#memory[table + key[index]!]!;
      }
      cells.push(TABLE_WORDS + row * ROW_CELLS + (hash & (ROW_CELLS - 1)));
    }
    return cells;
  }

  /** Counts a connection, unless the address has `max` already. */
  add(cells: AddressCells): boolean {
    for (const cell of cells) Atomics.add(this.#memory, cell, 1);
    // Read after all were counted: of two threads that count at the same time,
    // the later one sees both. Each row has at least what the address has.
    const count = Math.min(
      ...cells.map((cell) => Atomics.load(this.#memory, cell)),
    );
    if (count <= this.max) return true;
    this.remove(cells);
    return false;
  }

  /** Counts a connection no more. */
  remove(cells: AddressCells): void {
    for (const cell of cells) Atomics.sub(this.#memory, cell, 1);
  }
}
