/**
 * A health port: open while new connections are welcome, and closed some time
 * before the server shuts down. A load balancer that checks the port has
 * stopped sending by then, and no connection is reset in the backlog.
 *
 * @module
 */
import { LONGEST_TIMER_MS } from "../framing/defaults.ts";
import { type AnyListener, isGoneClient } from "../server/listen.ts";
import type { Stoppable } from "./signals.ts";

/** Pause before the next `accept()` after a failed one. */
const ACCEPT_PAUSE_MS = 100;

/** Options of a health port. */
export interface HealthOptions {
  /** Port to listen on. */
  readonly port: number;
  /** Time from the close of the health port to the shutdown, in ms. */
  readonly noticeMs: number;
}

/** Accepts connections and closes them at once. */
export class HealthPort {
  readonly #options: HealthOptions;
  #listener: AnyListener | undefined;
  #closed = false;

  /** Creates a health port that is not open yet. */
  constructor(options: HealthOptions) {
    this.#options = options;
  }

  /**
   * Opens the port, unless it was closed already.
   *
   * @param hostname Address to listen on.
   * @throws {Error} If the port cannot be opened; `cause` is the reason.
   */
  open(hostname: string): void {
    const { port } = this.#options;
    if (this.#closed) return;
    try {
      this.#listener = Deno.listen({ hostname, port });
    } catch (error) {
      const { message } = error as Error;
      throw new Error(`health port ${port}: ${message}`, { cause: error });
    }
    this.#acceptAll(this.#listener);
  }

  /** Returns the server with a shutdown that closes the health port first. */
  closingBefore(server: Stoppable): Stoppable {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const noticeMs = Math.min(this.#options.noticeMs, LONGEST_TIMER_MS);
    return {
      finished: server.finished.finally(() => {
        clearTimeout(timer);
        this.#close();
      }),
      shutdown: () => {
        this.#close();
        timer ??= setTimeout(() => server.shutdown(), noticeMs);
      },
      abort: () => {
        this.#close();
        server.abort();
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
        // No file descriptor left, for example; the server logs that.
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
      }
    }
  }
}
