import { assertEquals } from "@std/assert";
import { Random } from "../tests/random.ts";
import { type Entry, LinkedList } from "./linked_list.ts";

Deno.test("LinkedList has the values of a Set, in the same order", () => {
  const random = new Random(1);
  const list = new LinkedList<number>();
  const set = new Set<number>();
  const entries: Entry<number>[] = [];
  for (let step = 0; step < 2000; step++) {
    // Sometimes an entry is deleted again, which does nothing.
    if (entries.length > 0 && random.int(0, 2) > 0) {
      const entry = entries[random.int(0, entries.length - 1)]!;
      list.delete(entry);
      set.delete(entry.value);
    } else {
      entries.push(list.add(step));
      set.add(step);
    }
    assertEquals([...list], [...set]);
    assertEquals(list.size, set.size);
    assertEquals(list.first?.value, [...set][0]);
  }
});

Deno.test("LinkedList goes on with what was there, whatever is deleted meanwhile", () => {
  const list = new LinkedList<string>();
  const entries = ["a", "b", "c", "d"].map((value) => list.add(value));
  const seen: string[] = [];
  for (const value of list) {
    seen.push(value);
    if (value === "b") entries.forEach((entry) => list.delete(entry));
    list.add("e");
  }
  assertEquals(seen, ["a", "b", "c", "d"]);
  assertEquals([...list], ["e", "e", "e", "e"]);
});

Deno.test("LinkedList is not kept by what was deleted from it", () => {
  const list = new LinkedList<string>();
  const [a, b, c] = ["a", "b", "c"].map((value) => list.add(value));
  for (const entry of [b!, a!, c!]) {
    list.delete(entry);
    assertEquals([entry.previous, entry.next], [undefined, undefined]);
  }
});
