/**
 * Mistakes in what depends on the address of a client: headers of proxies,
 * networks, limits.
 *
 * @module
 */
import { type Mutant, mutantsIn } from "./mutant.ts";

const FAIRNESS = "tests/fairness_test.ts";

/** Mistakes in what depends on the address of a client. */
export const ADDRESS_MUTANTS: readonly Mutant[] = [
  ...mutantsIn("server/proxy_header.ts", ["server/proxy_header_test.ts"], [
    {
      name: "a header of version 1 may end with LF alone",
      find: "if (this.#kept[last - 1] === CR) return",
      replace: "return",
    },
    {
      name: "a line of version 1 may have 108 bytes",
      find: "const MAX_LINE_BYTES = 107;",
      replace: "const MAX_LINE_BYTES = 108;",
    },
    {
      name: "a header may name an address of the other family",
      find: 'return text.includes(":") === (family === "6")',
      replace: 'return text !== "" || family !== ""',
    },
    {
      name: "the target of a header is not checked",
      find: " || parseOf(family, target!) === undefined",
      replace: "",
    },
    {
      name: "a port of a header may be 65,536",
      find: "port <= 65535",
      replace: "port <= 65536",
    },
    {
      name: "LOCAL has the addresses of a client",
      find: "const isAddressed = command === PROXY && protocol",
      replace: "const isAddressed = protocol",
    },
    {
      name: "version 2 may be too short for its addresses",
      find: "if (lengthBytes < addressesBytes) {",
      replace: "if (lengthBytes < 0) {",
    },
    {
      name: "TLVs are a part of the message",
      find: "FIXED_BYTES + lengthBytes - this.#keptBytes;",
      replace: "0;",
    },
    {
      name: "the port of a header is that of the target",
      find: "view.getUint16(FIXED_BYTES + 2 * size)",
      replace: "view.getUint16(FIXED_BYTES + 2 * size + 2)",
    },
  ]),
  ...mutantsIn("server/proxied_socket.ts", [
    "server/proxied_socket_test.ts",
    "server/identification_test.ts",
  ], [
    {
      name: "what follows a header in its packet is lost",
      find: "this.#rest = header.rest;",
      replace: "",
    },
    {
      name: "what follows a header is read again and again",
      find: ": this.#rest.subarray(chunk.length)",
      replace: ": this.#rest",
    },
    {
      name: "without an address in the header there is none",
      find: "header.source ?? this.remoteAddr",
      replace: "header.source!",
    },
  ]),
  ...mutantsIn("server/identification.ts", ["server/identification_test.ts"], [
    {
      name: "a header has no time limit",
      find: "deadline.start(limits);",
      replace: "",
    },
    {
      name: "the time limit of a header goes on after it",
      find: "      deadline.stop();\n",
      replace: "",
    },
    {
      name: "a client of a proxy is always allowed",
      find: "if (!admission.isAllowed(socket.remoteAddr))",
      replace: "if (false)",
    },
    {
      name: "a client of a proxy is not counted",
      find: "this.#refusal ?? (this.#parts.admit()",
      replace: "this.#refusal ?? (true",
      tests: ["tests/proxy_protocol_test.ts"],
    },
    {
      name: "a shutdown during a header is forgotten",
      find: "if (this.#isReading) this.#refusal ??= errorCode;",
      replace: "",
    },
  ]),
  ...mutantsIn("server/connection.ts", ["server/identification_test.ts"], [
    {
      name: "the session takes the time limit of a header for its own",
      find: "if (this.#identification?.endReading()) return;",
      replace: "",
    },
    {
      name: "the session is interrupted during a header",
      find: "if (this.#identification?.interrupt(errorCode)) return;",
      replace: "",
    },
    {
      name: "a proxy that is allowed sends no header",
      find:
        "if (proxied === undefined && admission.isAllowed(remoteAddr)) return;",
      replace: "if (admission.isAllowed(remoteAddr)) return;",
    },
  ]),
  ...mutantsIn("server/admission.ts", [
    FAIRNESS,
    "tests/proxy_protocol_test.ts",
  ], [
    {
      name: "an empty list of clients allows all",
      find: "this.#allowed?.has(addr) ?? true",
      replace: "this.#allowed?.has(addr) || true",
    },
  ]),
  ...mutantsIn("server/networks.ts", ["server/networks_test.ts"], [
    {
      name: "an IPv4-mapped network has the prefix of IPv6",
      find: "? 128 - maxBits : 0",
      replace: "? 0 : 0",
    },
    {
      name: "addresses of both families are compared",
      find: "bytes.length === other.length &&\n    ",
      replace: "",
    },
  ]),
  ...mutantsIn("server/ip_address.ts", ["server/ip_address_test.ts"], [
    {
      name: "an IPv4-mapped address is not IPv4",
      find: "return isMapped ? bytes.slice(12) : bytes;",
      replace: "return bytes;",
    },
    {
      name: "an address may have two ::",
      find: "if (more.length > 0) return undefined;",
      replace: "",
    },
  ]),
  ...mutantsIn("server/address_counts.ts", ["server/address_counts_test.ts"], [
    {
      name: "each address of IPv6 is a client",
      find: "bytes.subarray(0, KEY_BYTES)",
      replace: "bytes.subarray(8)",
    },
    {
      name: "a client that is refused is counted",
      find: "    this.remove(cells);\n    return false;",
      replace: "    return false;",
    },
    {
      name: "all addresses share one counter",
      find: "(hash & (ROW_CELLS - 1))",
      replace: "(hash & 0)",
    },
  ]),
  ...mutantsIn("server/places.ts", ["server/places_test.ts"], [
    {
      name: "a client without a place is counted for its address",
      find: "    this.#uncount(connection);\n    this.#freePlace",
      replace: "    this.#freePlace",
    },
    {
      name: "a client that is not allowed takes a place",
      find: "if (connection.isTurnedAway) return true;",
      replace: "",
    },
    {
      name: "the refusals of one client have no bound",
      find: "if (isTooMany) connection.abort();",
      replace: "",
    },
    {
      name: "a client that proves to have too many keeps its place",
      find: "return true;\n    this.#freePlace(connection);",
      replace: "return true;",
    },
  ]),
  ...mutantsIn("server/limits.ts", ["tests/threads_test.ts", FAIRNESS], [
    {
      name: "each thread has limits of its own",
      find: "connections: new Int32Array(new SharedArrayBuffer(4))",
      replace: "connections: new Int32Array(1)",
    },
    {
      name: "each thread counts addresses for itself",
      find: "new AddressCounts(maxPerAddress, memory?.addresses)",
      replace: "new AddressCounts(maxPerAddress)",
    },
  ]),
  ...mutantsIn("cli/log.ts", [FAIRNESS], [
    {
      name: "clients that are not allowed fill the log",
      find: "if (!this.#notAllowed.take()) return;",
      replace: "",
    },
    {
      name: "the log does not say how many clients it leaves out",
      find: "    this.#noteUnlisted();\n    this.#line(",
      replace: "    this.#line(",
    },
  ]),
];
