/**
 * Bytes and milliseconds, for people.
 *
 * @module
 */
import { format } from "@std/fmt/bytes";

/** A number of bytes: `24 B`, `1.5 MiB`. */
export function bytesOf(byteLength: number): string {
  const text = format(byteLength, { binary: true, maximumFractionDigits: 1 });
  // As the flags have it: all binary units begin with a capital letter.
  return text.replace("kiB", "KiB");
}

/** A time: `0.8 ms`, `250 ms`, `3.1 s`, `2 min 5 s`. */
export function timeOf(milliseconds: number): string {
  if (milliseconds < 99.95) return `${milliseconds.toFixed(1)} ms`;
  if (milliseconds < 999.5) return `${milliseconds.toFixed(0)} ms`;
  if (milliseconds < 99_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
