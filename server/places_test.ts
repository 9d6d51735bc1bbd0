import { assertEquals } from "@std/assert";
import { type Clock, systemClock } from "../framing/clock.ts";
import type { ServerConnection } from "./connection.ts";
import { Places } from "./places.ts";
import { SharedCounter } from "./shared_counter.ts";

/** Places of a server, on a clock that the test sets. */
function placesOf(max: number) {
  let nowMs = 0;
  const aborted: string[] = [];
  const clock: Clock = { ...systemClock, now: () => nowMs };
  const taken = new SharedCounter(max);
  const places = new Places(
    { connections: taken, addresses: undefined },
    clock,
  );
  return {
    places,
    taken,
    aborted,
    pass: (ms: number) => nowMs += ms,
    /** A connection that lingers, or is refused, from now on; or does not. */
    connection(name: string, isLingering = true): ServerConnection {
      const sinceMs = isLingering ? nowMs : Infinity;
      return {
        lingeringMs: (nowMs: number) => nowMs - sinceMs,
        abort: () => aborted.push(name),
      } as unknown as ServerConnection;
    },
  };
}

Deno.test("Places.take() takes each place once, and refuses beyond", () => {
  const { places, taken, connection } = placesOf(3);
  const all = [1, 2, 3, 4].map((number) => connection(`${number}`, false));
  assertEquals(all.map((each) => places.take(each)), [true, true, true, false]);
  // A client that is refused takes no place.
  assertEquals(taken.count, 3);
  places.release(all[3]!);
  assertEquals(taken.count, 3);
  for (const each of all.slice(0, 3)) places.release(each);
  assertEquals(taken.count, 0);
  assertEquals(places.take(all[3]!), true);
});

Deno.test("Places.take() gives the places of lingering connections, the oldest first", () => {
  const { places, aborted, pass, connection } = placesOf(3);
  for (const name of ["a", "b", "c"]) {
    const each = connection(name);
    assertEquals(places.take(each), true);
    places.lingering.add(each);
    pass(400);
  }
  // 1,200, 800 and 400 ms: a second of lingering protects a connection.
  const take = () => places.take(connection("new", false));
  assertEquals([take(), take()], [true, false]);
  assertEquals(aborted, ["a"]);
  pass(200);
  assertEquals([take(), take()], [true, false]);
  assertEquals(aborted, ["a", "b"]);
});

Deno.test("Places.canAccept() is true while a place is free, or a refusal", () => {
  const { places, aborted, pass, connection } = placesOf(1);
  const holder = connection("holder", false);
  assertEquals([places.canAccept(), places.take(holder)], [true, true]);
  const refused = Array.from({ length: 256 }, (_, i) => connection(`${i}`));
  for (const each of refused) {
    assertEquals([places.canAccept(), places.take(each)], [true, false]);
  }
  assertEquals(places.canAccept(), false);
  // One that has stayed for a second makes way, and the next one after it.
  pass(1000);
  assertEquals([places.canAccept(), aborted], [true, ["0"]]);
  assertEquals(places.take(connection("257th")), false);
  assertEquals([places.canAccept(), aborted], [true, ["0", "1"]]);
  // Whoever leaves makes place for another one, at any time.
  assertEquals(places.take(connection("258th")), false);
  for (let round = 0; round < 300; round++) {
    const next = connection("next");
    places.release(refused[2 + round % 200]!);
    refused[2 + round % 200] = next;
    assertEquals([places.canAccept(), places.take(next)], [true, false]);
  }
  places.release(holder);
  assertEquals(places.take(connection("last", false)), true);
});
