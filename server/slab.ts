/**
 * A slab of memory that is divided into blocks by halves (a buddy allocator:
 * Knuth, The Art of Computer Programming, vol. 1, section 2.5).
 *
 * @module
 */
import { type Block, SMALLEST_BLOCK_BYTES } from "../framing/read_buffer.ts";

/** A block of a slab. */
export interface SlabBlock extends Block {
  readonly slab: Slab;
}

/**
 * Blocks of one slab, each a power of two and aligned to its size. Two free
 * halves are one block again at once, so that a few small blocks that stay
 * leased cost the slab only their own halves.
 */
export class Slab {
  /** The memory of the slab. */
  readonly memory: Uint8Array<ArrayBuffer>;
  /** The bytes of the blocks that are in use. */
  usedBytes = 0;
  /** The bytes of the blocks that will never come back. */
  abandonedBytes = 0;
  /** Whether no further blocks are to be taken from this slab. */
  isRetired = false;
  /**
   * A binary tree in an array: node 1 is the slab, nodes 2n and 2n + 1 are the
   * halves of node n. Each holds 1 + log2 of the largest free block below it,
   * in units of the smallest block; 0 where nothing is free.
   */
  readonly #largestFree: Uint8Array;

  /** @param byteLength A power of two, from the smallest block. */
  constructor(byteLength: number) {
    this.memory = new Uint8Array(byteLength);
    const units = byteLength / SMALLEST_BLOCK_BYTES;
    this.#largestFree = new Uint8Array(2 * units);
    for (let node = 1; node < 2 * units; node++) {
      this.#largestFree[node] = 1 + Math.log2(units) - depthOf(node);
    }
  }

  /**
   * Takes a block of this size, a power of two, in the lowest place where it
   * fits; undefined where it fits nowhere. O(log of the number of blocks).
   */
  take(byteLength: number): SlabBlock | undefined {
    const level = 1 + Math.log2(byteLength / SMALLEST_BLOCK_BYTES);
    const free = this.#largestFree;
    if (this.isRetired || free[1]! < level) return undefined;
    let node = 1;
    let size = this.memory.length;
    for (; size > byteLength; size /= 2) {
      node *= 2;
      if (free[node]! < level) node++;
    }
    free[node] = 0;
    this.#update(node, level);
    this.usedBytes += byteLength;
    const firstOfDepth = 2 ** depthOf(node);
    const start = (node - firstOfDepth) * byteLength;
    const bytes = this.memory.subarray(start, start + byteLength);
    return { bytes, slab: this };
  }

  /** Puts a block back, whatever is in it. */
  putBack({ bytes }: SlabBlock): void {
    const { byteOffset, length } = bytes;
    const level = 1 + Math.log2(length / SMALLEST_BLOCK_BYTES);
    const node = (this.memory.length + byteOffset) / length;
    this.#largestFree[node] = level;
    this.#update(node, level);
    this.usedBytes -= length;
  }

  /** Sets the nodes above this one, which has this level. */
  #update(node: number, level: number): void {
    const free = this.#largestFree;
    for (node >>= 1, level++; node >= 1; node >>= 1, level++) {
      const left = free[2 * node]!;
      const right = free[2 * node + 1]!;
      const areBothFree = left === level - 1 && right === level - 1;
      free[node] = areBothFree ? level : Math.max(left, right);
    }
  }
}

function depthOf(node: number): number {
  return 31 - Math.clz32(node);
}
