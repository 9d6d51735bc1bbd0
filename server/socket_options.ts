/**
 * A socket, and its options where it has them: only TCP does.
 *
 * @module
 */
import type { ServerSocket } from "./socket.ts";

/**
 * Has the kernel probe a silent peer from time to time, which also keeps NATs
 * from forgetting the connection. Returns false if that failed for now.
 */
export function setKeepAlive(conn: ServerSocket): boolean {
  try {
    conn.setKeepAlive?.(true);
    return true;
  } catch {
    // Deno refuses while a read and a write are pending at the same time; or the
    // peer has reset the connection, which the next read reports.
    return false;
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
