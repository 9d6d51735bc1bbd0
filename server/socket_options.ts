/**
 * A socket, and its options where it has them: only TCP does.
 *
 * @module
 */
import type { ServerSocket } from "./socket.ts";

/**
 * Has the kernel probe a silent peer from time to time, which also keeps NATs
 * from forgetting the connection.
 */
export function setKeepAlive(conn: ServerSocket): void {
  try {
    conn.setKeepAlive?.(true);
  } catch {
    // The peer has reset the connection, which the next read reports.
  }
}

/**
 * Has the kernel send each write at once, instead of waiting for the
 * acknowledgement of the one before (RFC 1122 4.2.3.4).
 */
export function setNoDelay(conn: ServerSocket): void {
  // Connections that Deno.listenTls accepts do not support it.
  if (conn.handshake === undefined) conn.setNoDelay?.(true);
}
