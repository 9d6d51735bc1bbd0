/**
 * How signals end the server script.
 *
 * @module
 */
import type { Log } from "./log.ts";

/** A server that signals can end, in one thread or in several. */
export interface Stoppable {
  /** Resolves when it has ended. */
  readonly finished: Promise<void>;
  /** Lets open conversations finish. */
  shutdown(): unknown;
  /** Ends them. */
  cut(): void;
}

/** The first of these shuts down gracefully, the second cuts. */
const STOP_SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** The signals that end a server, also those that came before it stood. */
export class Signals {
  #count = 0;
  #server: Stoppable | undefined;
  #log: Log | undefined;
  readonly #listener = () => {
    this.#count++;
    this.#tell();
  };

  constructor() {
    for (const signal of STOP_SIGNALS) {
      Deno.addSignalListener(signal, this.#listener);
    }
  }

  /** From now on, this is what they end. */
  stop(server: Stoppable, log: Log): void {
    this.#server = server;
    this.#log = log;
    this.#tell();
  }

  #tell(): void {
    if (this.#server === undefined) return;
    if (this.#count === 1) {
      this.#log?.note("shutting down; a second signal cuts what is open");
      this.#server.shutdown();
    }
    if (this.#count > 1) this.#server.cut();
  }

  [Symbol.dispose](): void {
    for (const signal of STOP_SIGNALS) {
      Deno.removeSignalListener(signal, this.#listener);
    }
  }
}
