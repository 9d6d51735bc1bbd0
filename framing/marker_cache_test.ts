import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import type { Marker } from "./marker.ts";
import { MarkerCache } from "./marker_cache.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);

Deno.test.each<[string, () => Marker | Marker[]]>([
  ["text", () => "\r\n"],
  ["bytes", () => bytes(13, 10)],
  ["a list", () => ["\r\n", bytes(10)]],
])("framing() is the same object for the same marker: %s", (_name, end) => {
  const cache = new MarkerCache();
  const framing = cache.framing(end());
  const skip = cache.skip(end());
  assertStrictEquals(cache.framing(end()), framing);
  assertStrictEquals(cache.skip(end()), skip);
  assertEquals(skip.markers, framing.markers);
});

Deno.test.each<[Marker | Marker[], Marker | Marker[]]>([
  ["a", "b"],
  ["a", bytes(97, 97)],
  [bytes(1), bytes(2)],
  [["a", "b"], ["b", "a"]],
  [["a", "b"], ["a"]],
  ["a", ["a", "b"]],
])("framing() differs for other markers: %j, %j", (first, second) => {
  const cache = new MarkerCache();
  cache.framing(first);
  const list = Array.isArray(second) ? second : [second];
  const expected = list.map((marker) =>
    typeof marker === "string" ? new TextEncoder().encode(marker) : marker
  );
  assertEquals(cache.framing(second).markers, expected);
  assertEquals(cache.skip(second).markers, expected);
});

Deno.test("framing() notices bytes that were overwritten", () => {
  const cache = new MarkerCache();
  const marker = bytes(1);
  const list: Marker[] = [marker, "a"];
  cache.framing(list);
  marker[0] = 2;
  list[1] = "b";
  assertEquals(cache.framing(list).markers, [bytes(2), bytes(98)]);
});

Deno.test("framing() keeps the last markers if the next are not valid", () => {
  const cache = new MarkerCache();
  const framing = cache.framing("a");
  assertThrows(() => cache.framing(""), TypeError);
  assertThrows(() => cache.framing(["a", 1 as never]), TypeError);
  assertStrictEquals(cache.framing("a"), framing);
});
