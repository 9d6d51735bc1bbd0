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

/**
 * The same server, with a health port: a shutdown closes that, gives notice,
 * and only then begins.
 *
 * @throws If it cannot listen there; the server is cut then.
 */
export function withHealthPort(
  server: Stoppable,
  { hostname, port, notice }: HealthOptions,
): Stoppable {
  let health: HealthPort;
  try {
    health = new HealthPort(hostname, port);
  } catch (error) {
    server.cut();
    const { message } = error as Error;
    throw new Error(`health port ${port}: ${message}`, { cause: error });
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    finished: server.finished.finally(() => {
      clearTimeout(timer);
      health.close();
    }),
    shutdown() {
      health.close();
      const most = Math.min(notice, LONGEST_TIMER);
      timer ??= setTimeout(() => server.shutdown(), most);
    },
    cut() {
      health.close();
      server.cut();
    },
  };
}

/** Accepts, and closes at once. */
class HealthPort {
  readonly #listener: AnyListener;
  #closed = false;

  constructor(hostname: string, port: number) {
    this.#listener = Deno.listen({ hostname, port });
    this.#acceptAll();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.close();
  }

  async #acceptAll(): Promise<void> {
    while (!this.#closed) {
      try {
        (await this.#listener.accept()).close();
      } catch (error) {
        if (this.#closed || isGoneClient(error)) continue;
        // No descriptor left, say: the server tells of that itself.
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE));
      }
    }
  }
}
