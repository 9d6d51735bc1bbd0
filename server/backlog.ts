/**
 * The end of a listener that resets as few clients as possible.
 *
 * @module
 */

/** The longest time that a shutdown goes on accepting, in ms. */
const MAX_DRAIN_MS = 1000;

/** The backlog counts as empty after this many polls without a connection. */
const QUIET_POLLS = 5;

/** The time between two polls, in ms. */
const POLL_MS = 5;

/** The state of an accept loop. */
export interface AcceptState {
  /** The number of connections accepted so far. */
  accepted(): number;
  /** Whether an `accept()` is pending. */
  isAccepting(): boolean;
  /** Whether the listener is to close now. */
  isOver(): boolean;
}

/**
 * Waits until the backlog is empty. To the kernel the clients in it are
 * connected, and closing the listener would reset them. Deno offers no look at
 * the backlog: it is empty when a pending `accept()` finds no connection.
 */
export async function drainBacklog(state: AcceptState): Promise<void> {
  const startedMs = performance.now();
  let quietPolls = 0;
  while (quietPolls < QUIET_POLLS && !state.isOver()) {
    const accepted = state.accepted();
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    // While no accept is pending, that no connection came means nothing.
    if (!state.isAccepting()) continue;
    quietPolls = state.accepted() === accepted ? quietPolls + 1 : 0;
    if (performance.now() - startedMs > MAX_DRAIN_MS) break;
  }
}

/**
 * Removes the file of the server's Unix socket. Without it no client can find
 * the socket any more, and clients in the backlog still are accepted: unlike
 * that of a port, the backlog comes to an end.
 *
 * Deno's `close()` removes whatever is at the path by then. An empty file keeps
 * the place, so that this is not the socket of the next server.
 */
export function removeOwnSocket(path: string): void {
  try {
    Deno.removeSync(path);
    Deno.writeFileSync(path, new Uint8Array(0), { createNew: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
