/**
 * What comes before the session: the header of a proxy, which says who its
 * client is, and whether that client is served.
 *
 * @module
 */
import { type Admission, BAD_HEADER, NOT_ALLOWED } from "./admission.ts";
import type { Deadline, PhaseLimits } from "./deadline.ts";
import type { ProxiedSocket } from "./proxied_socket.ts";
import type { Session } from "./session.ts";
import type { Transport } from "./transport.ts";

/** What an identification needs of its connection. */
export interface IdentificationParts {
  /** The socket of a proxy; undefined for a client that is not allowed. */
  readonly socket: ProxiedSocket | undefined;
  readonly transport: Transport;
  readonly session: Session;
  readonly deadline: Deadline;
  readonly limits: PhaseLimits;
  readonly admission: Admission;
  /** Counts the client's address. Returns whether it may have one connection more. */
  admit(): boolean;
}

/**
 * Reads the header before the session begins, since the server may speak first;
 * or closes the connection of a client that is not allowed.
 */
export class Identification {
  readonly #parts: IdentificationParts;
  #isReading = false;
  #refusal: string | undefined;

  constructor(parts: IdentificationParts) {
    this.#parts = parts;
  }

  /** Whether the connection is closed as soon as it runs. */
  get isTurnedAway(): boolean {
    return this.#parts.socket === undefined;
  }

  /**
   * Reads the header. Returns the code of the error reply that refuses the
   * client, if it is refused.
   *
   * @param refusal The code for any client.
   * @throws The reason, if the peer is gone, or was closed for what it is.
   */
  async run(refusal: string | undefined): Promise<string | undefined> {
    const { socket, transport, deadline, limits, admission } = this.#parts;
    if (socket === undefined) throw this.#close(NOT_ALLOWED);
    this.#refusal = refusal;
    this.#isReading = true;
    deadline.start(limits);
    let bad;
    try {
      bad = await socket.readHeader();
    } catch (error) {
      throw transport.markPeerGone(error);
    } finally {
      this.#isReading = false;
      deadline.stop();
    }
    // Without an error reply, as HAProxy and nginx do: no client is known that
    // could be meant.
    if (bad !== undefined) throw this.#close(BAD_HEADER, bad.problem);
    if (!admission.isAllowed(socket.remoteAddr)) throw this.#close(NOT_ALLOWED);
    return this.#refusal ?? (this.#parts.admit() ? undefined : "busy");
  }

  /** Closes a connection whose header is late. Returns false after the header. */
  endReading(): boolean {
    if (!this.#isReading) return false;
    this.#close(BAD_HEADER, "no complete header within the time limit");
    return true;
  }

  /** Refuses the client after the header. Returns false if that was read. */
  interrupt(errorCode: string): boolean {
    if (this.#isReading) this.#refusal ??= errorCode;
    return this.#isReading;
  }

  /** Closes for a reason. Returns why the peer is gone. */
  #close(outcome: string, problem?: string): unknown {
    const { session, transport } = this.#parts;
    session.outcome = outcome;
    if (problem !== undefined) session.error = new Error(problem);
    transport.close();
    return transport.markPeerGone(session.error);
  }
}
