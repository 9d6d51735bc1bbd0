import { assert, assertEquals } from "@std/assert";
import { concat } from "@std/bytes";
import {
  binary,
  IPV4,
  IPV6,
  latin1,
  SIGNATURE,
} from "../tests/proxy_headers.ts";
import { Random } from "../tests/random.ts";
import { ProxyHeaderDecoder } from "./proxy_header.ts";

const MAPPED = [
  ...[...Array(10).fill(0), 0xff, 0xff, 192, 0, 2, 1],
  ...[...Array(10).fill(0), 0xff, 0xff, 192, 0, 2, 2],
  ...[0x30, 0x39, 0x11, 0x5c],
];
const TLVS = [3, 0, 4, 1, 2, 3, 4, 0xe0, 0, 1, 0x0d];

const decoder = new TextDecoder("latin1");

/** The source of a header and what follows it, or why there is none. */
function decode(
  chunks: Iterable<Uint8Array>,
): string | [source: Source, rest: string] {
  const header = new ProxyHeaderDecoder();
  const rest: Uint8Array[] = [];
  let result: Source | undefined;
  for (const chunk of chunks) {
    if (result !== undefined) {
      rest.push(chunk);
      continue;
    }
    const decoded = header.push(chunk);
    if (decoded === undefined) continue;
    if ("problem" in decoded) return decoded.problem;
    const { source } = decoded;
    result = source ? [source.hostname, source.port] : "own";
    rest.push(decoded.rest);
  }
  if (result === undefined) return "incomplete";
  return [result, decoder.decode(concat(rest))];
}

/** The bytes in one chunk, cut in two everywhere, and one by one. */
function* cutsOf(bytes: Uint8Array): Generator<Uint8Array[]> {
  yield [bytes];
  for (let at = 0; at <= bytes.length; at++) {
    yield [bytes.subarray(0, at), bytes.subarray(at)];
  }
  yield Array.from(bytes, (byte) => Uint8Array.of(byte));
}

type Source = "own" | [hostname: string, port: number];

const REST = "\r\nPROXY ";

Deno.test.each<{ name: string; header: string | Uint8Array; source: Source }>([
  {
    name: "version 1, TCP4",
    header: "PROXY TCP4 192.0.2.1 192.0.2.2 12345 4444\r\n",
    source: ["192.0.2.1", 12345],
  },
  {
    name: "version 1, the longest TCP6",
    header: `PROXY TCP6 ${"ffff:".repeat(7)}ffff ${"ffff:".repeat(7)}ffff ` +
      "65535 65535\r\n",
    source: ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535],
  },
  {
    name: "version 1, short TCP6, in capitals",
    header: "PROXY TCP6 2001:DB8::1 :: 0 1\r\n",
    source: ["2001:db8::1", 0],
  },
  {
    name: "version 1, IPv4-mapped",
    header: "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.2 1 2\r\n",
    source: ["192.0.2.1", 1],
  },
  { name: "version 1, UNKNOWN", header: "PROXY UNKNOWN\r\n", source: "own" },
  {
    name: "version 1, UNKNOWN with 107 bytes",
    header: `PROXY UNKNOWN ${"\n\r\xff ".repeat(22)}\n\n\r\r\n`,
    source: "own",
  },
  {
    name: "version 2, IPv4",
    header: binary(0x21, 0x11, IPV4),
    source: ["192.0.2.1", 12345],
  },
  {
    name: "version 2, IPv6",
    header: binary(0x21, 0x21, IPV6),
    source: ["2001:db8::1", 65535],
  },
  {
    name: "version 2, IPv4-mapped",
    header: binary(0x21, 0x21, MAPPED),
    source: ["192.0.2.1", 12345],
  },
  {
    name: "version 2, with TLVs",
    header: binary(0x21, 0x11, [...IPV4, ...TLVS]),
    source: ["192.0.2.1", 12345],
  },
  {
    name: "version 2, LOCAL",
    header: binary(0x20, 0, []),
    source: "own",
  },
  {
    name: "version 2, LOCAL with addresses",
    header: binary(0x20, 0x11, IPV4),
    source: "own",
  },
  {
    name: "version 2, LOCAL with addresses and no space for them",
    header: binary(0x20, 0x21, IPV4),
    source: "own",
  },
  {
    name: "version 2, LOCAL with a family that does not exist, and addresses",
    header: binary(0x20, 0xff, IPV4),
    source: "own",
  },
  {
    name: "version 2, unspecified",
    header: binary(0x21, 0, TLVS),
    source: "own",
  },
  {
    name: "version 2, IPv4 with an unspecified protocol",
    header: binary(0x21, 0x10, IPV4),
    source: "own",
  },
  {
    name: "version 2, a datagram",
    header: binary(0x21, 0x12, IPV4),
    source: "own",
  },
  {
    name: "version 2, a Unix socket",
    header: binary(0x21, 0x31, Array(216).fill(0x0d)),
    source: "own",
  },
])("ProxyHeaderDecoder, however cut: $name", ({ header, source }) => {
  const bytes = typeof header === "string" ? latin1(header) : header;
  for (const chunks of cutsOf(concat([bytes, latin1(REST)]))) {
    assertEquals(decode(chunks), [source, REST]);
  }
  for (let length = 0; length < bytes.length; length++) {
    assertEquals(decode([bytes.subarray(0, length)]), "incomplete");
  }
});

/** Why a header is not valid, and headers of which this is true. */
const BAD: Record<string, (string | Uint8Array)[]> = {
  "it does not begin with a PROXY protocol header": [
    "GET / HTTP/1.1\r\n",
    "proxy UNKNOWN\r\n",
    "PROXYTCP4 ",
    "PRI * HTTP/2.0",
    "\x16\x03\x01",
    "\r\n\r\n\r",
    SIGNATURE.slice(0, 11) + "\r",
  ],
  "neither TCP4, TCP6 nor UNKNOWN, with its four values": [
    "PROXY UDP4 1.1.1.1 1.1.1.1 1 1\r\n",
    "PROXY UNKNOWNS\r\n",
    "PROXY TCP4\r\n",
    "PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n",
    "PROXY TCP4 1.1.1.1 1.1.1.1 1 1 1\r\n",
    "PROXY TCP4  1.1.1.1 1.1.1.1 1 1\r\n",
    "PROXY TCP4 1.1.1.1 1.1.1.1 1 1 \r\n",
    "PROXY  TCP4 1.1.1.1 1.1.1.1 1 1\r\n",
    "PROXY TCP4 1.1.1.1 1.1.1.1 1 1\rx\r\n",
  ],
  "a line that does not end with CRLF": ["PROXY TCP4 1.1.1.1 1.1.1.1 1 1\n"],
  "an address is not one of TCP4": [
    "PROXY TCP4 localhost 1.1.1.1 1 1\r\n",
    "PROXY TCP4 01.1.1.1 1.1.1.1 1 1\r\n",
    "PROXY TCP4 1.1.1.256 1.1.1.1 1 1\r\n",
    "PROXY TCP4 ::1 1.1.1.1 1 1\r\n",
    "PROXY TCP4 1.1.1.1 1.1.1 1 1\r\n",
  ],
  "an address is not one of TCP6": [
    "PROXY TCP6 1.1.1.1 ::1 1 1\r\n",
    "PROXY TCP6 ::1 1.1.1.1 1 1\r\n",
    "PROXY TCP6 fe80::1%eth0 ::1 1 1\r\n",
    "PROXY TCP6 ::1::2 ::1 1 1\r\n",
  ],
  "a port is not a number from 0 to 65535": [
    "PROXY TCP4 1.1.1.1 1.1.1.1 65536 1\r\n",
    "PROXY TCP4 1.1.1.1 1.1.1.1 -1 1\r\n",
    "PROXY TCP4 1.1.1.1 1.1.1.1 01 1\r\n",
    "PROXY TCP4 1.1.1.1 1.1.1.1 1 1e3\r\n",
    "PROXY TCP4 1.1.1.1 1.1.1.1 1 100000\r\n",
  ],
  "no end of the line within 107 bytes": [
    `PROXY UNKNOWN ${"x".repeat(92)}\r\n`,
    `PROXY TCP4 ${" ".repeat(96)}`,
  ],
  "neither LOCAL nor PROXY in version 2": [
    binary(0x11, 0x11, IPV4),
    binary(0x31, 0x11, IPV4),
    binary(0x22, 0x11, IPV4),
  ],
  "a family or a protocol that does not exist": [
    binary(0x21, 0x41, IPV4),
    binary(0x21, 0x13, IPV4),
  ],
  "a length that is too short for the addresses": [
    binary(0x21, 0x11, IPV4.slice(1)),
    binary(0x21, 0x21, IPV6.slice(1)),
    binary(0x21, 0x31, Array(215).fill(0)),
  ],
};

Deno.test.each(Object.entries(BAD))(
  "ProxyHeaderDecoder refuses, however cut: %s",
  (problem, headers) => {
    for (const header of headers) {
      const bytes = typeof header === "string" ? latin1(header) : header;
      for (const chunks of cutsOf(bytes)) {
        assertEquals(decode(chunks), problem, Deno.inspect(header));
      }
    }
  },
);

Deno.test("ProxyHeaderDecoder skips up to 65,535 bytes, and no more", () => {
  const content = [...IPV4, ...Array(65_535 - IPV4.length).fill(0x0a)];
  const header = binary(0x21, 0x11, content);
  const source: Source = ["192.0.2.1", 12345];
  const bytes = concat([header, latin1(REST)]);
  assertEquals(decode([bytes]), [source, REST]);
  const parts = Array.from(
    { length: Math.ceil(bytes.length / 256) },
    (_, i) => bytes.subarray(256 * i, 256 * (i + 1)),
  );
  assertEquals(decode(parts), [source, REST]);
  assertEquals(decode([header.subarray(0, -1)]), "incomplete");
});

// Random bytes would end at the first one: so they are changed headers.
Deno.test("ProxyHeaderDecoder: 100,000 changed headers, in random chunks", () => {
  const random = new Random(1);
  const headers = [
    latin1("PROXY TCP4 192.0.2.1 192.0.2.2 12345 4444\r\n"),
    latin1("PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n"),
    latin1("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"),
    binary(0x21, 0x11, [...IPV4, ...TLVS]),
    binary(0x21, 0x21, IPV6),
    binary(0x20, 0x00, TLVS),
    binary(0x21, 0x31, Array(216).fill(0)),
  ];
  const rests = latin1(REST.repeat(40));
  const seen = new Map<string, number>();
  for (let round = 0; round < 100_000; round++) {
    const bytes = concat([
      random.pick(headers),
      rests.subarray(0, random.int(0, rests.length)),
    ]);
    for (let changes = random.int(0, 3); changes > 0; changes--) {
      bytes[random.int(0, 59) % bytes.length] = random.int(0, 255);
    }
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length;) {
      const length = random.int(1, 40);
      chunks.push(bytes.subarray(at, at += length));
    }
    const result = decode(chunks);
    assert(String(result) === String(decode([bytes])));
    const kind = typeof result === "string" ? result : "header";
    seen.set(kind, (seen.get(kind) ?? 0) + 1);
    if (typeof result === "string") continue;
    // All bytes after the header are there.
    const rest = result[1] as string;
    assert(decoder.decode(bytes).endsWith(rest));
  }
  // Headers and all kinds of mistakes were among them.
  assertEquals(seen.size, 11, JSON.stringify([...seen]));
});
