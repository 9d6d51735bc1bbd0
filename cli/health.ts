/**
 * A port that is open while new conversations are welcome, for those who send
 * them here: a balancer that looks at it sends no more before the server stops
 * listening, and so none is lost in between.
 *
 * @module
 */
import { type AnyListener, isGoneClient } from "./listen.ts";
import type { Stoppable } from "./signals.ts";
import { LONGEST_TIMER } from "./watch.ts";

/** How long to wait before accepting again after a failure, in ms. */
const ACCEPT_PAUSE = 100;

/** Where the port is, and how long before the shutdown it closes. */
export interface HealthOptions {
  /** Where to listen. */
  readonly hostname: string;
  /** The port. */
  readonly port: number;
  /** How long the server goes on behind a first signal, in ms. */
  readonly notice: number;
}

/** Accepts, and closes at once. */
export class HealthPort {
  readonly #options: HealthOptions;
  #listener: AnyListener | undefined;
  #closed = false;

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  /**
   * Opens the port: new conversations are welcome.
   *
   * @throws If it cannot listen there.
   */
  open(): void {
    const { hostname, port } = this.#options;
    if (this.#closed) return;
    try {
      this.#listener = Deno.listen({ hostname, port });
    } catch (error) {
      const { message } = error as Error;
      throw new Error(`health port ${port}: ${message}`, { cause: error });
    }
    this.#acceptAll(this.#listener);
  }

  /** The same server; its shutdown closes this port, gives notice, and begins. */
  before(server: Stoppable): Stoppable {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const notice = Math.min(this.#options.notice, LONGEST_TIMER);
    return {
      finished: server.finished.finally(() => {
        clearTimeout(timer);
        this.#close();
      }),
      shutdown: () => {
        this.#close();
        timer ??= setTimeout(() => server.shutdown(), notice);
      },
      cut: () => {
        this.#close();
        server.cut();
      },
    };
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener?.close();
  }

  async #acceptAll(listener: AnyListener): Promise<void> {
    while (!this.#closed) {
      try {
        (await listener.accept()).close();
      } catch (error) {
        if (this.#closed || isGoneClient(error)) continue;
        // No descriptor left, say: the server tells of that itself.
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE));
      }
    }
  }
}
