/**
 * Listeners of all kinds.
 *
 * @module
 */

/** A listener: TCP, TLS over TCP, or a Unix socket. */
export type AnyListener = Deno.Listener<Deno.Conn, Deno.Addr>;

/**
 * Whether `accept()` failed only because a client left before it was accepted.
 * The listener goes on listening.
 */
export function isGoneClient(error: unknown): boolean {
  return error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.ConnectionReset;
}
