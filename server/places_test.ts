import { assertEquals } from "@std/assert";
import { type Clock, systemClock } from "../framing/clock.ts";
import { AddressCounts } from "./address_counts.ts";
import type { ServerConnection } from "./connection.ts";
import { Places } from "./places.ts";
import { SharedCounter } from "./shared_counter.ts";

/** Places of a server, on a clock that the test sets. */
function placesOf(max: number, maxPerAddress?: number) {
  let nowMs = 0;
  const aborted: string[] = [];
  const clock: Clock = { ...systemClock, now: () => nowMs };
  const taken = new SharedCounter(max);
  const addresses = maxPerAddress === undefined
    ? undefined
    : new AddressCounts(maxPerAddress);
  const places = new Places({ connections: taken, addresses }, clock);
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

/** Places with a limit for each address, and connections of addresses. */
function placesByAddress(max: number, maxPerAddress: number) {
  const { places, taken, aborted, pass } = placesOf(max, maxPerAddress);
  return {
    places,
    taken,
    aborted,
    pass,
    connection(hostname: string, isIdentified = true): ServerConnection {
      return {
        remoteAddr: { transport: "tcp", hostname, port: 1 },
        isIdentified,
        hasPlace: false,
        lingeringMs: () => 0,
        abort: () => aborted.push(hostname),
      } as unknown as ServerConnection;
    },
  };
}

Deno.test("Places.take() refuses a client that has too many connections", () => {
  const { places, taken, connection } = placesByAddress(10, 2);
  const [a, b, c] = [1, 2, 3].map(() => connection("192.0.2.1"));
  const other = connection("192.0.2.2");
  const all = [a!, b!, c!, other];
  assertEquals(all.map((each) => places.take(each)), [true, true, false, true]);
  // A client that is refused takes no place.
  assertEquals(taken.count, 3);
  places.release(c!);
  places.release(a!);
  assertEquals(taken.count, 2);
  assertEquals([places.take(c!), places.take(a!)], [true, false]);
});

Deno.test("Places.take() counts no client that it refuses for want of a place", () => {
  const { places, connection } = placesByAddress(1, 1);
  const holder = connection("192.0.2.1");
  const refused = connection("192.0.2.2");
  assertEquals([places.take(holder), places.take(refused)], [true, false]);
  places.release(holder);
  assertEquals(places.take(connection("192.0.2.2")), true);
});

Deno.test("Places.identify() counts a client once it is known", () => {
  const { places, taken, connection } = placesByAddress(10, 1);
  const [a, b] = [1, 2].map(() => connection("192.0.2.1", false));
  assertEquals([places.take(a!), places.take(b!), taken.count], [
    true,
    true,
    2,
  ]);
  assertEquals([places.identify(a!), places.identify(b!)], [true, false]);
  // The place of the one that is refused is free.
  assertEquals(taken.count, 1);
  places.release(b!);
  places.release(a!);
  assertEquals(taken.count, 0);
  assertEquals(places.take(connection("192.0.2.1")), true);
});

Deno.test("Places.identify() does not count a client that is refused already", () => {
  const { places, taken, connection } = placesByAddress(1, 1);
  const holder = connection("192.0.2.1");
  const refused = connection("192.0.2.2", false);
  assertEquals([places.take(holder), places.take(refused)], [true, false]);
  assertEquals([places.identify(refused), taken.count], [true, 1]);
  places.release(refused);
  places.release(holder);
  assertEquals(taken.count, 0);
  assertEquals(places.take(connection("192.0.2.2")), true);
});

Deno.test("Places.take() gives no place to a client that is not allowed", () => {
  const { places, taken, aborted, pass, connection } = placesOf(1);
  const lingering = connection("lingering");
  assertEquals(places.take(lingering), true);
  places.lingering.add(lingering);
  pass(2000);
  const stranger = Object.assign(connection("stranger"), {
    isTurnedAway: true,
  });
  assertEquals([places.take(stranger), taken.count, aborted], [true, 1, []]);
  places.release(stranger);
  assertEquals(taken.count, 1);
});

Deno.test("Places.take() bounds the refusals of a client that has too many", () => {
  const { places, aborted, connection } = placesByAddress(10, 1);
  assertEquals(places.take(connection("192.0.2.1")), true);
  for (let count = 0; count < 256; count++) {
    assertEquals(places.take(connection("192.0.2.1")), false);
  }
  assertEquals(aborted, []);
  // Beyond, it is closed at once, and others are served all the same.
  assertEquals(places.take(connection("192.0.2.1")), false);
  assertEquals(aborted, ["192.0.2.1"]);
  assertEquals(places.canAccept(), true);
  assertEquals(places.take(connection("192.0.2.2")), true);
});
