import { assert, assertEquals } from "@std/assert";
import { PreparedMarker } from "./prepared_marker.ts";
import { SingleScanner } from "./single_scanner.ts";

/** Bytes that count how often one of them is read, or copied. */
function countedBytes(
  bytes: Uint8Array,
): { bytes: Uint8Array; reads: () => number } {
  let reads = 0;
  const proxy = new Proxy(bytes, {
    get(target, property) {
      if (typeof property === "string" && /^\d+$/.test(property)) reads++;
      if (property === "subarray") {
        return (from: number, to: number) => {
          reads += to - from;
          return target.subarray(from, to);
        };
      }
      return Reflect.get(target, property, target);
    },
  });
  return { bytes: proxy, reads: () => reads };
}

// In each text, a place where the marker's last byte fits comes every few
// bytes, and there the marker fits for a long while before it does not.
Deno.test.each([
  { name: "every byte", period: "a" },
  { name: "every second byte", period: "ab" },
  { name: "every fourth byte", period: "aaab" },
  { name: "every eighth byte", period: "abcdefgh" },
])(
  "SingleScanner compares hostile data in linear time: $name",
  ({ period }) => {
    const encoder = new TextEncoder();
    const marker = encoder.encode(period.repeat(800).slice(0, 800));
    marker[400] = encoder.encode("x")[0]!;
    const text = encoder.encode(period.repeat(100_000).slice(0, 100_000));
    const { bytes, reads } = countedBytes(text);
    const scanner = new SingleScanner(new PreparedMarker(marker, 0));
    assertEquals(scanner.feed(bytes), -1);
    assert(
      reads() < 3 * text.length,
      `${reads()} reads of ${text.length} bytes`,
    );
  },
);

// The skips are poor, but not hopeless, so SIMD is tried: a copy of 4 KiB at
// least. It gives up, for many places begin and end as the marker does.
Deno.test.each([
  { marker: "SEqqqqqqqqqqqqqqqER", part: "SEqqqqqqqqqqqqxqqER" },
  { marker: "SEqqqqqqqqqqqqqqqER", part: "SEqqqqqqqqqqqqxqqERE R " },
  { marker: "SERVER WRONG MARKER", part: "SERVER WRONG XARKERthe the " },
  { marker: "abqqqqcd", part: "abxxxxcd" },
  // SIMD does not give up: all is copied, once.
  { marker: "abqqqqqqqqqqcd", part: "abqqqqq xxxxxxxxxxxxxxxxxxxxxxcd" },
])("SingleScanner does not copy again and again: $part", (row) => {
  const encoder = new TextEncoder();
  const marker = encoder.encode(row.marker);
  const text = encoder.encode(row.part.repeat(200_000 / row.part.length));
  const { bytes, reads } = countedBytes(text);
  const scanner = new SingleScanner(new PreparedMarker(marker, 0));
  assertEquals(scanner.feed(bytes), -1);
  assert(
    reads() < 2 * text.length,
    `${reads()} reads of ${text.length} bytes`,
  );
});
