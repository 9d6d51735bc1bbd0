/**
 * A socket, and its options where it has them: only TCP does.
 *
 * @module
 */

/** What a connection needs of a socket. */
export type Socket = Pick<
  Deno.Conn,
  "read" | "write" | "closeWrite" | "close" | "remoteAddr"
>;

/**
 * Has the kernel probe a silent peer from time to time, which also keeps NATs
 * from forgetting the connection.
 */
export function setKeepAlive(conn: Socket): void {
  if (!("setKeepAlive" in conn)) return;
  try {
    (conn as Deno.TcpConn).setKeepAlive(true);
  } catch {
    // The peer has reset the connection, which the next read reports.
  }
}

/**
 * Has the kernel send each write at once, instead of waiting for the
 * acknowledgement of the one before (RFC 1122 4.2.3.4).
 */
export function setNoDelay(conn: Socket): void {
  // Connections that Deno.listenTls accepts do not support it.
  if ("setNoDelay" in conn && !("handshake" in conn)) {
    (conn as Deno.TcpConn).setNoDelay(true);
  }
}
