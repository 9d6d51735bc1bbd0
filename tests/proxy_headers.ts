/**
 * Headers of the PROXY protocol, as a test sends them, and what the server makes
 * of them.
 *
 * @module
 */
import { concat } from "@std/bytes";
import type { Handler } from "../mod.ts";

/** The first bytes of a header of version 2. */
export const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";

/** From 192.0.2.1:12345 to 192.0.2.2:4444. */
export const IPV4 = [192, 0, 2, 1, 192, 0, 2, 2, 0x30, 0x39, 0x11, 0x5c];

/** From 2001:db8::1 to 2001:db8::2, port 65535 to port 0. */
export const IPV6 = [
  ...[0x20, 1, 0x0d, 0xb8, ...Array(11).fill(0), 1],
  ...[0x20, 1, 0x0d, 0xb8, ...Array(11).fill(0), 2],
  ...[0xff, 0xff, 0, 0],
];

/** Text to bytes, one for each character up to U+00FF. */
export function latin1(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A header of version 1 from this address. */
export function line(address: string, port = 12345): string {
  const family = address.includes(":") ? "TCP6" : "TCP4";
  return `PROXY ${family} ${address} ${address} ${port} 4444\r\n`;
}

/** A header of version 2: command and version, family and protocol, and what follows. */
export function binary(
  command: number,
  family: number,
  content: readonly number[],
): Uint8Array<ArrayBuffer> {
  const { length } = content;
  return concat([
    latin1(SIGNATURE),
    Uint8Array.of(command, family, length >> 8, length & 0xff, ...content),
  ]);
}

/** Replies with the address of the client. */
export const whoAmI: Handler = (_message, { remoteAddr }) => {
  if (!("hostname" in remoteAddr)) return "unix";
  return `${remoteAddr.hostname} ${remoteAddr.port}`;
};

/** The host of an address. */
export function hostOf(addr: Deno.Addr): string {
  return "hostname" in addr ? addr.hostname : "unix";
}
