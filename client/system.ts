/**
 * What a client needs of the system: connections and time.
 *
 * @module
 */
import type { Clock } from "../framing/clock.ts";
import type { Address } from "./address.ts";

/** The system that a client runs on. Tests hand in a simulated one. */
export interface ClientSystem {
  /** The time. */
  readonly clock: Clock;
  /** Connects. Throws what Deno throws; with TLS, after the handshake. */
  connect(address: Address, signal?: AbortSignal): Promise<Deno.Conn>;
}
