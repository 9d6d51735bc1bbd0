import { assert, assertEquals } from "@std/assert";
import {
  type AddressCells,
  AddressCounts,
  newAddressMemory,
} from "./address_counts.ts";

function tcp(hostname: string): Deno.NetAddr {
  return { transport: "tcp", hostname, port: 1 };
}

function cellsOf(counts: AddressCounts, hostname: string): AddressCells {
  return counts.cellsOf(tcp(hostname))!;
}

Deno.test("AddressCounts.add() counts each address up to the limit", () => {
  const counts = new AddressCounts(2);
  const one = cellsOf(counts, "192.0.2.1");
  const two = cellsOf(counts, "192.0.2.2");
  assertEquals([1, 2, 3, 4].map(() => counts.add(one)), [
    true,
    true,
    false,
    false,
  ]);
  assertEquals(counts.add(two), true);
  // What was refused was not counted.
  counts.remove(one);
  assertEquals([counts.add(one), counts.add(one)], [true, false]);
});

Deno.test.each([
  { name: "an IPv6 /64", hosts: ["2001:db8::1", "2001:db8::ffff:1:2"] },
  { name: "IPv4-mapped", hosts: ["192.0.2.1", "::ffff:192.0.2.1"] },
  { name: "a zone", hosts: ["fe80::1%eth0", "fe80::1%eth1"] },
])("AddressCounts takes for one address: $name", ({ hosts }) => {
  const counts = new AddressCounts(1);
  const [first, second] = hosts.map((host) => cellsOf(counts, host));
  assertEquals(first, second);
});

Deno.test("AddressCounts distinguishes networks, and does not count Unix sockets", () => {
  const counts = new AddressCounts(1);
  const hosts = [
    ...["2001:db8::", "2001:db8:0:1::", "2001:db9::", "::", "::1:0:0:0:0"],
    ...["0.0.0.0", "0.0.0.1", "1.0.0.0"],
  ];
  const cells = hosts.map((host) => cellsOf(counts, host).join());
  assertEquals(new Set(cells).size, hosts.length);
  assertEquals(counts.cellsOf({ transport: "unix", path: "/a" }), undefined);
});

Deno.test("AddressCounts: 10,000 addresses at their limit leave space for others", () => {
  const counts = new AddressCounts(1);
  const hosts = (first: number) =>
    Array.from({ length: 10_000 }, (_, i) => `${first}.7.${i >> 8}.${i & 255}`);
  const full = hosts(10).map((host) => cellsOf(counts, host));
  const refused = full.filter((cells) => !counts.add(cells)).length;
  const others = hosts(11).map((host) => cellsOf(counts, host));
  const kept = others.filter((cells) => {
    const isAdded = counts.add(cells);
    if (isAdded) counts.remove(cells);
    return !isAdded;
  }).length;
  // Two in a million are expected of the second kind, and fewer of the first.
  assert(refused + kept <= 2, `${refused} and ${kept}`);
});

Deno.test("AddressCounts: the hashes are those of the memory, and others elsewhere", () => {
  const memory = newAddressMemory(SharedArrayBuffer);
  const host = "192.0.2.1";
  const cells = cellsOf(new AddressCounts(1, memory), host);
  assertEquals(cellsOf(new AddressCounts(1, memory), host), cells);
  assert(cellsOf(new AddressCounts(1), host).join() !== cells.join());
});

/** A thread that adds and removes, and notes the largest sum of all threads. */
const COUNTER = `
import { AddressCounts } from "${new URL(
  "address_counts.ts",
  import.meta.url,
)}";
onmessage = ({ data: { memory, held } }) => {
  const counts = new AddressCounts(3, memory);
  const cells = counts.cellsOf({ transport: "tcp", hostname: "192.0.2.1" });
  let most = 0, added = 0;
  for (let round = 0; round < 10000; round++) {
    if (!counts.add(cells)) continue;
    added++;
    most = Math.max(most, Atomics.add(held, 0, 1) + 1);
    Atomics.sub(held, 0, 1);
    counts.remove(cells);
  }
  postMessage({ most, added });
};
`;

Deno.test("AddressCounts is not exceeded by threads that share it", async () => {
  const memory = newAddressMemory(SharedArrayBuffer);
  const held = new Int32Array(new SharedArrayBuffer(4));
  const counts = new AddressCounts(3, memory);
  const cells = cellsOf(counts, "192.0.2.1");
  // One place is left for the threads.
  counts.add(cells);
  counts.add(cells);
  const url = `data:application/javascript,${encodeURIComponent(COUNTER)}`;
  const results = await Promise.all([1, 2, 3].map(() => {
    const worker = new Worker(url, { type: "module" });
    const { promise, resolve, reject } = Promise.withResolvers<
      { most: number; added: number }
    >();
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => reject(new Error(event.message));
    worker.postMessage({ memory, held });
    return promise.finally(() => worker.terminate());
  }));
  for (const { most, added } of results) {
    assertEquals(most, 1);
    assert(added > 0);
  }
  // Nothing was counted for good.
  assertEquals([counts.add(cells), counts.add(cells)], [true, false]);
});
