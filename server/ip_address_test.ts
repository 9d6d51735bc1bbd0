import { assertEquals } from "@std/assert";
import { bytesOfAddress, formatAddress, parseAddress } from "./ip_address.ts";

function roundTrip(text: string): string | undefined {
  const bytes = parseAddress(text);
  return bytes && formatAddress(bytes);
}

Deno.test.each([
  ["1.2.3.4", "1.2.3.4"],
  ["0.0.0.0", "0.0.0.0"],
  ["255.255.255.255", "255.255.255.255"],
  ["::", "::"],
  ["::1", "::1"],
  ["1::", "1::"],
  ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
  ["FE80::00A0", "fe80::a0"],
  // RFC 5952 4.2: the longest run of zeros, the first of two, and no single one.
  ["2001:db8::1:0:0:1", "2001:db8::1:0:0:1"],
  ["2001:db8:0:1:0:0:0:1", "2001:db8:0:1::1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["10:0:0:0:1:0:0:0", "10::1:0:0:0"],
  ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
  ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
  ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
  ["::1.2.3.4", "::102:304"],
  // IPv4-mapped addresses are IPv4.
  ["::ffff:1.2.3.4", "1.2.3.4"],
  ["0:0:0:0:0:ffff:102:304", "1.2.3.4"],
])("parseAddress() and formatAddress(): %s", (text, expected) => {
  assertEquals(roundTrip(text), expected);
});

Deno.test.each([
  "",
  "1.2.3",
  "1.2.3.4.",
  ".1.2.3.4",
  "1.2.3.4.5",
  "01.2.3.4",
  "0x1.2.3.4",
  "1.2.3.256",
  "1.2.3.4 ",
  "+1.2.3.4",
  "١.2.3.4", // a digit that is not ASCII
  ":",
  ":1",
  "1:",
  ":::",
  "1::2::3",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "1:2:3:4:5:6:7:8::",
  "12345::",
  "g::",
  "fe80::1%eth0",
  "[::1]",
  "1.2.3.4::",
  "::1.2.3.4:5",
  "::1.2.3.04",
  "1:2:3:4:5:6:7:1.2.3.4",
  "0".repeat(100_000),
])("parseAddress() returns undefined: %o", (text) => {
  assertEquals(parseAddress(text), undefined);
});

Deno.test("formatAddress() writes what parseAddress() reads", () => {
  for (let zeros = 0; zeros < 256; zeros++) {
    const groups = Array.from(
      { length: 8 },
      (_, i) => zeros >> i & 1 ? "0" : `${i + 1}f`,
    );
    const text = groups.join(":");
    const bytes = parseAddress(text)!;
    const short = formatAddress(bytes);
    assertEquals(parseAddress(short), bytes, short);
    // The platform has the same opinion of the shortest form.
    assertEquals(short, new URL(`http://[${text}]`).hostname.slice(1, -1));
  }
});

Deno.test("bytesOfAddress() ignores the zone, and knows no Unix socket", () => {
  const tcp = { transport: "tcp", port: 1 } as const;
  const of = (hostname: string) => bytesOfAddress({ ...tcp, hostname });
  assertEquals(of("fe80::1%eth0"), parseAddress("fe80::1"));
  assertEquals(of("::ffff:10.0.0.1"), Uint8Array.of(10, 0, 0, 1));
  assertEquals(bytesOfAddress({ transport: "unix", path: "/a" }), undefined);
});
