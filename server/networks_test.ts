import { assertEquals, assertThrows } from "@std/assert";
import { Networks } from "./networks.ts";

const UNIX = { transport: "unix", path: "" } as const;

function tcp(hostname: string): Deno.NetAddr {
  return { transport: "tcp", hostname, port: 1 };
}

Deno.test.each<{ network: string; inside: string[]; outside: string[] }>([
  {
    network: "10.0.0.0/8",
    inside: ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"],
    outside: ["9.255.255.255", "11.0.0.0", "::10.0.0.1", "a00::"],
  },
  {
    network: "192.0.2.128/25",
    inside: ["192.0.2.128", "192.0.2.255"],
    outside: ["192.0.2.127", "192.0.3.128"],
  },
  {
    network: "192.0.2.1",
    inside: ["192.0.2.1"],
    outside: ["192.0.2.0", "192.0.2.2"],
  },
  {
    network: "::ffff:192.0.2.0/120",
    inside: ["192.0.2.0", "::ffff:192.0.2.255"],
    outside: ["192.0.3.0", "::c000:200"],
  },
  { network: "0.0.0.0/0", inside: ["0.0.0.0", "255.1.2.3"], outside: ["::1"] },
  // An IPv4-mapped address is IPv4: not all of it is in ::/0.
  {
    network: "::/0",
    inside: ["::1", "ffff::"],
    outside: ["1.2.3.4", "::ffff:1.2.3.4"],
  },
  {
    network: "2001:db8::/33",
    inside: ["2001:db8::1", "2001:db8:7fff:ffff::"],
    outside: ["2001:db8:8000::", "2001:db9::"],
  },
  {
    network: "fe80::1/128",
    inside: ["fe80::1", "fe80::1%eth0"],
    outside: ["fe80::2"],
  },
])("Networks.has() of $network", ({ network, inside, outside }) => {
  const networks = new Networks([network], "allow");
  for (const address of inside) {
    assertEquals(networks.has(tcp(address)), true, address);
  }
  for (const address of outside) {
    assertEquals(networks.has(tcp(address)), false, address);
  }
  assertEquals(networks.has(UNIX), false);
});

Deno.test("Networks.has() of several, of none, and of Unix sockets", () => {
  const several = new Networks(["unix", "10.0.0.0/8", "::1"], "allow");
  const all = [UNIX, tcp("10.1.1.1"), tcp("::1"), tcp("1.2.3.4"), tcp("what")];
  assertEquals(all.map((addr) => several.has(addr)), [
    true,
    true,
    true,
    false,
    false,
  ]);
  const none = new Networks([], "allow");
  assertEquals(all.map((addr) => none.has(addr)), Array(5).fill(false));
});

Deno.test.each([
  { text: "", problem: "it must be an address, a network" },
  { text: "localhost", problem: "it must be an address, a network" },
  { text: "unix:", problem: "it must be an address, a network" },
  { text: "10.0.0.0/8,::1", problem: "its prefix must be from 0 to 32" },
  { text: "10.0.0.0/8/8", problem: "it must be an address, a network" },
  { text: "10.0.0.0/", problem: "its prefix must be from 0 to 32" },
  { text: "10.0.0.0/33", problem: "its prefix must be from 0 to 32" },
  { text: "10.0.0.0/08", problem: "its prefix must be from 0 to 32" },
  { text: "10.0.0.0/-1", problem: "its prefix must be from 0 to 32" },
  { text: "10.0.0.0/255.0.0.0", problem: "its prefix must be from 0 to 32" },
  { text: "::/129", problem: "its prefix must be from 0 to 128" },
  { text: "::ffff:10.0.0.0/8", problem: "its prefix must be from 96 to 128" },
  { text: "10.0.0.1/8", problem: "it has bits after the prefix of /8" },
  { text: "2001:db8::1/64", problem: "it has bits after the prefix of /64" },
  { text: "fe80::1%eth0", problem: "it must be an address, a network" },
])("Networks refuses a wrong network: $text", ({ text, problem }) => {
  assertThrows(
    () => new Networks(["::1", text], "allow"),
    TypeError,
    `Cannot use ${JSON.stringify(text)} in allow: ${problem}`,
  );
});

Deno.test("Networks refuses what is not a list of texts", () => {
  const make = (list: unknown) => () => new Networks(list as string[], "allow");
  assertThrows(make("10.0.0.0/8"), TypeError, "as allow: it must be a list");
  assertThrows(make([10]), TypeError, 'Cannot use "10" in allow');
  assertThrows(make([null]), TypeError, 'Cannot use "null" in allow');
});
