/**
 * IP addresses, as text and as bytes.
 *
 * @module
 */

/**
 * The bytes of an IP address: 4 of IPv4, 16 of IPv6. An IPv4-mapped address
 * (RFC 4291 2.5.5.2), as sockets that listen for both have it, is IPv4.
 */
export type AddressBytes = Uint8Array;

const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

const ZERO = "0".charCodeAt(0);

/** No text of an address is longer (RFC 4291 2.2). */
const MAX_TEXT_LENGTH = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255".length;

/**
 * Parses an address, without a zone and without leading zeros in IPv4. Returns
 * undefined if the text is not one.
 */
export function parseAddress(text: string): AddressBytes | undefined {
  if (text.length > MAX_TEXT_LENGTH) return undefined;
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

/** Each connection is looked up, so this takes no regular expression. */
function parseIpv4(text: string): AddressBytes | undefined {
  const bytes = new Uint8Array(4);
  let index = 0;
  let value = -1;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - ZERO;
    if (digit >= 0 && digit <= 9) {
      // No digit follows a leading zero: it could mean an octal number.
      value = value === -1 ? digit : value === 0 ? 256 : value * 10 + digit;
      if (value > 255) return undefined;
    } else if (text[at] === "." && value !== -1 && index < 3) {
      bytes[index++] = value;
      value = -1;
    } else return undefined;
  }
  if (index !== 3 || value === -1) return undefined;
  bytes[3] = value;
  return bytes;
}

function parseIpv6(text: string): AddressBytes | undefined {
  const [before = "", after, ...more] = text.split("::");
  if (more.length > 0) return undefined;
  const head = groupsOf(before, after === undefined);
  const tail = groupsOf(after ?? "", true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  // "::" stands for at least one group.
  if (after === undefined ? missing !== 0 : missing < 2) return undefined;
  const bytes = Uint8Array.from([
    ...head,
    ...Array<number>(missing).fill(0),
    ...tail,
  ]);
  return toAddressBytes(bytes);
}

/** The bytes of groups of hexadecimal digits; the last may be IPv4. */
function groupsOf(text: string, isLast: boolean): number[] | undefined {
  if (text === "") return [];
  const groups = text.split(":");
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    if (/^[\da-f]{1,4}$/i.test(group)) {
      const value = parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
      continue;
    }
    const ipv4 = parseIpv4(group);
    if (ipv4 === undefined || !isLast || index < groups.length - 1) {
      return undefined;
    }
    bytes.push(...ipv4);
  }
  return bytes;
}

/** The bytes of an address of 4 or 16 bytes: 4, if it is IPv4-mapped. */
export function toAddressBytes(bytes: Uint8Array): AddressBytes {
  const isMapped = bytes.length === 16 &&
    MAPPED_PREFIX.every((byte, index) => bytes[index] === byte);
  return isMapped ? bytes.slice(12) : bytes;
}

/**
 * The bytes of a socket's address; undefined for a Unix socket. The zone of a
 * link-local address (RFC 4007 11) does not count.
 */
export function bytesOfAddress(addr: Deno.Addr): AddressBytes | undefined {
  if (!("hostname" in addr)) return undefined;
  return parseAddress(addr.hostname.replace(/%.*$/, ""));
}

/** Returns an address as text: of IPv6, the form of RFC 5952 4. */
export function formatAddress(bytes: AddressBytes): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from(
    { length: 8 },
    (_, i) => (bytes[2 * i]! << 8 | bytes[2 * i + 1]!).toString(16),
  );
  const text = groups.join(":");
  // The longest run of at least two zeros; of equal ones, the first.
  const [longest = ""] = (text.match(/(?<![^:])0(?::0)+(?![^:])/g) ?? [])
    .sort((a, b) => b.length - a.length);
  if (longest === "") return text;
  const at = text.search(RegExp(`(?<![^:])${longest}(?![^:])`));
  const before = text.slice(0, at).replace(/:$/, "");
  const after = text.slice(at + longest.length).replace(/^:/, "");
  return `${before}::${after}`;
}
