/**
 * The places of a server: which connection gets one, which is refused, and
 * which gives its place to another.
 *
 * @module
 */
import type { Clock } from "../framing/clock.ts";
import type { ServerConnection } from "./connection.ts";
import type { AddressCounts } from "./address_counts.ts";
import { LinkedList } from "./linked_list.ts";
import type { SharedCounter, SharedLimits } from "./shared_counter.ts";

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
  readonly lingering = new LinkedList<ServerConnection>();
  /** Connections that are being sent `ERROR:busy!`, the oldest first. */
  readonly #refused = new LinkedList<ServerConnection>();
  readonly #taken: SharedCounter;
  readonly #addresses: AddressCounts | undefined;
  readonly #clock: Clock;

  /** @param limits The places that are taken in all threads, and by whom. */
  constructor(
    limits: Pick<SharedLimits, "connections" | "addresses">,
    clock: Clock,
  ) {
    this.#clock = clock;
    this.#taken = limits.connections;
    this.#addresses = limits.addresses;
  }

  /** Whether one more connection can be served, or refused. */
  canAccept(): boolean {
    return this.#taken.count < this.#taken.max ||
      this.#refused.size < MAX_REFUSED_CONNECTIONS ||
      this.#closeOldest(this.#refused);
  }

  /**
   * Takes a place. If none is free, or if the client has too many, returns
   * false: the client is refused.
   */
  take(connection: ServerConnection): boolean {
    if (connection.isTurnedAway) return true;
    if (connection.isIdentified && !this.#count(connection)) {
      this.#refuse(connection);
      return false;
    }
    connection.hasPlace = true;
    // A connection that only lingers is the first to give up its place.
    if (
      this.#taken.increment() <= this.#taken.max ||
      this.#closeOldest(this.lingering)
    ) return true;
    // A client that is only refused takes no place: otherwise a few that do
    // not leave would keep all others out.
    this.#uncount(connection);
    this.#freePlace(connection);
    this.#refuse(connection);
    return false;
  }

  /**
   * Counts a connection whose client was not known when it took its place.
   * Returns false if the client has too many: it is refused, and the place is
   * free.
   */
  identify(connection: ServerConnection): boolean {
    if (!connection.hasPlace || this.#count(connection)) return true;
    this.#freePlace(connection);
    this.#refuse(connection);
    return false;
  }

  /** Frees the place of a connection that has ended, if it had one. */
  release(connection: ServerConnection): void {
    if (connection.hasPlace) this.#freePlace(connection);
    else if (connection.refusedEntry !== undefined) {
      this.#refused.delete(connection.refusedEntry);
    }
    this.#uncount(connection);
  }

  #freePlace(connection: ServerConnection): void {
    connection.hasPlace = false;
    this.#taken.decrement();
  }

  /** Counts a connection, unless its client has as many as it may. */
  #count(connection: ServerConnection): boolean {
    const cells = this.#addresses?.cellsOf(connection.remoteAddr);
    if (cells === undefined) return true;
    if (!this.#addresses!.add(cells)) return false;
    connection.addressCells = cells;
    return true;
  }

  #uncount(connection: ServerConnection): void {
    const { addressCells } = connection;
    if (addressCells === undefined) return;
    connection.addressCells = undefined;
    this.#addresses!.remove(addressCells);
  }

  #refuse(connection: ServerConnection): void {
    // One client that has too many can come at any time, while places are free.
    const isTooMany = this.#refused.size >= MAX_REFUSED_CONNECTIONS &&
      !this.#closeOldest(this.#refused);
    connection.refusedEntry = this.#refused.add(connection);
    if (isTooMany) connection.abort();
  }

  /**
   * Closes the connection that has lingered longest, if it is long enough. Its
   * place is free as soon as it has ended, in a moment.
   */
  #closeOldest(connections: LinkedList<ServerConnection>): boolean {
    const entry = connections.first;
    if (entry === undefined) return false;
    const oldest = entry.value;
    if (oldest.lingeringMs(this.#clock.now()) < MIN_LINGER_MS) return false;
    connections.delete(entry);
    oldest.abort();
    return true;
  }
}
