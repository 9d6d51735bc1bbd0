/**
 * The end of a listener that resets as few clients as possible.
 *
 * @module
 */

import type { Clock } from "../framing/clock.ts";

/** The longest time that a shutdown goes on accepting new clients, in ms. */
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
  /** Whether the listener takes no further clients, so that it runs empty. */
  readonly isStopped?: boolean;
}

/**
 * Waits until the backlog is empty. To the kernel the clients in it are
 * connected, and closing the listener would reset them. Deno offers no look at
 * the backlog: it is empty when a pending `accept()` finds no connection.
 */
export async function drainBacklog(
  state: AcceptState,
  clock: Clock,
): Promise<void> {
  const startedMs = clock.now();
  const maxMs = state.isStopped ? Infinity : MAX_DRAIN_MS;
  let quietPolls = 0;
  while (quietPolls < QUIET_POLLS && !state.isOver()) {
    const accepted = state.accepted();
    await new Promise<void>((resolve) => clock.setTimeout(resolve, POLL_MS));
    if (clock.now() - startedMs > maxMs) break;
    // While no accept is pending, that no connection came means nothing.
    if (!state.isAccepting()) continue;
    quietPolls = state.accepted() === accepted ? quietPolls + 1 : 0;
  }
}
