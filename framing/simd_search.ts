/**
 * Search for one marker with SIMD, in a WebAssembly module: 64 places at a time
 * are compared with the first byte of the marker and with its last; where both
 * are right, with the second and the last but one, too. A module sees no memory
 * but its own, so the bytes are copied there in pieces, and stay until the next
 * ones overwrite them. 11 to 18 GB/s, the copy included, whatever the marker.
 *
 * @module
 */
import { type Find, simdModule } from "./simd_module.ts";

/** Less than this is not worth the calls, nor the module's memory. */
export const MIN_SIMD_BYTES = 4096;
/** The first piece; each is twice as long as the one before. */
const FIRST_PIECE_BYTES = 4096;
/** Of a longer marker, the first bytes are searched for: pieces overlap by it. */
const MAX_SPAN_BYTES = 256;
/** A call takes as long as this many bytes to compare. */
const CALL_IN_COMPARED_BYTES = 32;
/** Bytes that are compared before the comparing is judged. */
const FREE_COMPARED_BYTES = 512;

interface Machine {
  readonly memory: Uint8Array;
  readonly find: Find;
}

/** Made when first needed. Null where there is no WebAssembly with SIMD. */
let machine: Machine | null | undefined;

function startMachine(): Machine | null {
  try {
    const { exports } = new WebAssembly.Instance(
      new WebAssembly.Module(simdModule()),
    );
    const { buffer } = exports.memory as WebAssembly.Memory;
    return { memory: new Uint8Array(buffer), find: exports.find as Find };
  } catch {
    return null;
  }
}

/**
 * Searches `bytes` from `from` to `to` for a marker. The first search of a
 * thread takes 4 ms more, to make the module.
 *
 * O(to - from), whatever the length of the marker: the search gives up where
 * many places begin and end as the marker does.
 *
 * @returns The offset after the marker, or `~offset` where the search stopped:
 * no marker starts before that offset. It is `from` for less than
 * `MIN_SIMD_BYTES`, and where there is no SIMD.
 */
export function simdSearch(
  marker: Uint8Array,
  bytes: Uint8Array,
  from: number,
  to: number,
): number {
  if (to - from < MIN_SIMD_BYTES) return ~from;
  if (machine === undefined) machine = startMachine();
  if (machine === null) return ~from;
  const { memory, find } = machine;
  const { length } = marker;
  // Of a marker of up to four bytes, these are all.
  const last = Math.min(length, MAX_SPAN_BYTES) - 1;
  const second = Math.min(1, last);
  const third = Math.max(0, last - 1);
  const four = marker[0]! | marker[second]! << 8 | marker[third]! << 16 |
    marker[last]! << 24;
  // A marker that starts in a piece is complete in `bytes`.
  const until = to - (length - 1 - last);
  let at = from;
  let compared = 0;
  // Pieces that double: where the search soon ends, little was copied in vain.
  for (
    let size = FIRST_PIECE_BYTES;;
    size = Math.min(2 * size, memory.length)
  ) {
    const end = Math.min(at + size, until);
    memory.set(bytes.subarray(at, end));
    let place = find(0, end - at, four, second, third, last);
    while (place >= 0) {
      const start = at + place;
      let same = 0;
      while (same < length && bytes[start + same] === marker[same]) same++;
      if (same === length) return start + length;
      compared += CALL_IN_COMPARED_BYTES + same;
      if (compared > FREE_COMPARED_BYTES + start - from) return ~(start + 1);
      place = find(place + 1, end - at, four, second, third, last);
    }
    at += ~place;
    if (end === until) return ~at;
  }
}
