/**
 * The places of a server: which connection gets one, which is refused, and
 * which gives its place to another.
 *
 * @module
 */
import type { Clock } from "../framing/clock.ts";
import type { ServerConnection } from "./connection.ts";
import type { SharedCounter } from "./shared_counter.ts";

/**
 * Connections that may get `ERROR:busy!` at a time. Beyond them, connections
 * wait in the backlog unaccepted, so that a flood costs nothing here.
 */
const MAX_REFUSED_CONNECTIONS = 256;

/**
 * A connection that has lingered for less is not closed for another one: its
 * client may still be reading the reply.
 */
const MIN_LINGER_MS = 1000;

/** The places of one thread of a server. All threads share their number. */
export class Places {
  /** Connections that wait for the client's end of file, the oldest first. */
  readonly lingering = new Set<ServerConnection>();
  /** Connections that are being sent `ERROR:busy!`, the oldest first. */
  readonly #refused = new Set<ServerConnection>();
  readonly #taken: SharedCounter;
  readonly #clock: Clock;

  /** @param taken Counts the places that are taken, in all threads. */
  constructor(taken: SharedCounter, clock: Clock) {
    this.#clock = clock;
    this.#taken = taken;
  }

  /** Whether one more connection can be served, or refused. */
  canAccept(): boolean {
    return this.#taken.count < this.#taken.max ||
      this.#refused.size < MAX_REFUSED_CONNECTIONS ||
      this.#closeOldest(this.#refused);
  }

  /** Takes a place. If none is free, returns false: the client is refused. */
  take(connection: ServerConnection): boolean {
    // A connection that only lingers is the first to give up its place.
    if (
      this.#taken.increment() <= this.#taken.max ||
      this.#closeOldest(this.lingering)
    ) return true;
    // A client that is only refused takes no place: otherwise a few that do
    // not leave would keep all others out.
    this.#taken.decrement();
    this.#refused.add(connection);
    return false;
  }

  /** Frees the place of a connection that has ended, if it had one. */
  release(connection: ServerConnection, hadPlace: boolean): void {
    if (hadPlace) this.#taken.decrement();
    else this.#refused.delete(connection);
  }

  /**
   * Closes the connection that has lingered longest, if it is long enough. Its
   * place is free as soon as it has ended, in a moment.
   */
  #closeOldest(connections: Set<ServerConnection>): boolean {
    const [oldest] = connections;
    if (oldest === undefined) return false;
    if (oldest.lingeringMs(this.#clock.now()) < MIN_LINGER_MS) return false;
    connections.delete(oldest);
    oldest.abort();
    return true;
  }
}
