/**
 * A health port: open while new connections are welcome, and closed some time
 * before the server shuts down.
 *
 * @module
 */
import { type AnyListener, isGoneClient } from "../server/listen.ts";
import type { StatusPort } from "./notice.ts";

/** Pause before the next `accept()` after a failed one. */
const ACCEPT_PAUSE_MS = 100;

/** Accepts connections and closes them at once. */
export class HealthPort implements StatusPort {
  readonly #port: number;
  #listener: AnyListener | undefined;
  #closed = false;

  /** Creates a health port that is not open yet. */
  constructor(port: number) {
    this.#port = port;
  }

  open(hostname: string): void {
    if (this.#closed) return;
    try {
      this.#listener = Deno.listen({ hostname, port: this.#port });
    } catch (error) {
      const { message } = error as Error;
      throw new Error(`health port ${this.#port}: ${message}`, {
        cause: error,
      });
    }
    this.#acceptAll(this.#listener);
  }

  announce(): void {
    this.close();
  }

  close(): void {
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
