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

/** `"255.255.255.255"` and all that is shorter, without leading zeros. */
const IPV4 = /^(?:(?:0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])(?:\.(?!$)|$)){4}$/;

/** No text of an address is longer (RFC 4291 2.2). */
const MAX_TEXT_LENGTH = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255".length;

/**
 * Parses an address, without a zone and without leading zeros in IPv4. Returns
 * undefined if the text is not one.
 */
export function parseAddress(text: string): AddressBytes | undefined {
  if (text.length > MAX_TEXT_LENGTH) return undefined;
  return IPV4.test(text) ? parseIpv4(text) : parseIpv6(text);
}

function parseIpv4(text: string): AddressBytes {
  return Uint8Array.from(text.split("."), Number);
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
    } else if (isLast && index === groups.length - 1 && IPV4.test(group)) {
      bytes.push(...parseIpv4(group));
    } else return undefined;
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
