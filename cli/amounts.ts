/**
 * Bytes and times as people read them.
 *
 * @module
 */
import { format } from "@std/fmt/bytes";

/** Formats a number of bytes: `24 B`, `1.5 MiB`. */
export function bytesOf(byteLength: number): string {
  const text = format(byteLength, { binary: true, maximumFractionDigits: 1 });
  // The flags write KiB, like MiB and GiB.
  return text.replace("kiB", "KiB");
}

/** Formats a time: `0.8 ms`, `250 ms`, `3.1 s`, `2 min 5 s`. */
export function timeOf(ms: number): string {
  if (ms < 99.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${ms.toFixed(0)} ms`;
  if (ms < 99_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
