/**
 * Addresses of servers.
 *
 * @module
 */

import type { OpenConnection } from "./connection.ts";

/** The address of a server. */
export interface Address {
  /** A host name or an IP address. */
  readonly hostname: string;
  /** The port. */
  readonly port: number;
  /** The path of a Unix socket, used instead of host name and port. */
  readonly path?: string | undefined;
  /** Whether to speak TLS. */
  readonly tls: boolean;
  /** Certificate authorities to trust besides the known ones, in PEM. */
  readonly caCerts: readonly string[];
  /** A connection that is open already, used instead of an address. */
  readonly conn?: OpenConnection | undefined;
}

/** An address in the form that people write. */
export function nameOf({ hostname, port, path, conn }: Address): string {
  if (conn !== undefined) return "the given connection";
  if (path !== undefined) return path;
  return hostname.includes(":")
    ? `[${hostname}]:${port}`
    : `${hostname}:${port}`;
}
