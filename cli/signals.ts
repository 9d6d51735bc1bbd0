/**
 * How signals end the server script, or ask for its metrics.
 *
 * @module
 */
import type { Log } from "./log.ts";

/** A server in one thread or in several, which signals can end. */
export interface Stoppable {
  /** Resolves when the server has ended. */
  readonly finished: Promise<void>;
  /** Ends the server; open conversations may finish. */
  shutdown(): unknown;
  /** Ends the server and all its conversations at once. */
  abort(): void;
}

/** The first of these signals shuts the server down, the second aborts it. */
const STOP_SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Asks for the metrics. Deno has a use of its own for SIGUSR1. */
const STATUS_SIGNAL = "SIGUSR2";

/**
 * Listens for signals that end a server, or ask for its metrics. Signals that
 * end it count as well before there is a server.
 */
export class Signals implements Disposable {
  #count = 0;
  #server: Stoppable | undefined;
  #log: Log | undefined;
  readonly #listener = () => {
    this.#count++;
    this.#apply();
  };

  readonly #onStatus: () => void;

  /**
   * Starts to listen.
   *
   * @param onStatus Writes the metrics.
   */
  constructor(onStatus: () => void) {
    this.#onStatus = onStatus;
    Deno.addSignalListener(STATUS_SIGNAL, onStatus);
    for (const signal of STOP_SIGNALS) {
      Deno.addSignalListener(signal, this.#listener);
    }
  }

  /** Sets the server that signals end, and the log that mentions them. */
  stop(server: Stoppable, log: Log): void {
    this.#server = server;
    this.#log = log;
    this.#apply();
  }

  #apply(): void {
    if (this.#server === undefined) return;
    if (this.#count === 1) {
      this.#log?.note("shutting down; a second signal aborts what is open");
      this.#server.shutdown();
    }
    if (this.#count > 1) this.#server.abort();
  }

  /** Stops listening. */
  [Symbol.dispose](): void {
    Deno.removeSignalListener(STATUS_SIGNAL, this.#onStatus);
    for (const signal of STOP_SIGNALS) {
      Deno.removeSignalListener(signal, this.#listener);
    }
  }
}
