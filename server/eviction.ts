/**
 * Connections that give their place to another one.
 *
 * @module
 */
import type { ServerConnection } from "./connection.ts";

/**
 * A connection that has lingered for less is not closed for another one: its
 * client may still be reading the reply.
 */
const MIN_LINGER_MS = 1000;

/**
 * Closes the connection that has lingered longest, if it is long enough. Its
 * place is free as soon as it has ended, in a moment.
 */
export function closeOldest(connections: Set<ServerConnection>): boolean {
  const [oldest] = connections;
  const nowMs = performance.now();
  if (oldest === undefined) return false;
  if (oldest.lingeringMs(nowMs) < MIN_LINGER_MS) return false;
  connections.delete(oldest);
  oldest.abort();
  return true;
}
