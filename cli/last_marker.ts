/**
 * Takes an end marker off the end of a stream.
 *
 * @module
 */
import { concat, equals } from "@std/bytes";

/**
 * Yields the bytes of `chunks` without one marker at their very end, if there
 * is one. As many bytes as the marker has are held back until more come.
 */
export async function* withoutLastMarker(
  chunks: AsyncIterable<Uint8Array>,
  marker: Uint8Array,
): AsyncGenerator<Uint8Array> {
  let held: Uint8Array = new Uint8Array(0);
  for await (const chunk of chunks) {
    // The new last bytes are held back; those before them are not.
    const ready = held.length + chunk.length - marker.length;
    if (ready <= 0) {
      held = concat([held, chunk]);
      continue;
    }
    const fromHeld = Math.min(ready, held.length);
    if (fromHeld > 0) yield held.subarray(0, fromHeld);
    if (ready > fromHeld) yield chunk.subarray(0, ready - fromHeld);
    held = concat([held.subarray(fromHeld), chunk.subarray(ready - fromHeld)]);
  }
  if (held.length > 0 && !equals(held, marker)) yield held;
}
