/**
 * Notices that a client waits for a reply in silence.
 *
 * @module
 */
import type { SendEvent } from "../client/events.ts";
import { LONGEST_TIMER_MS } from "../framing/defaults.ts";

/** Calls back once, when nothing has come for a time while the client waits. */
export class SilenceWatch {
  readonly #silenceMs: number;
  readonly #onSilence: () => void;
  #isWaiting = false;
  #isOver = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param silenceMs The time, in ms; 0 never to call back.
   * @param onSilence Called when it has passed, at most once.
   */
  constructor(silenceMs: number, onSilence: () => void) {
    this.#silenceMs = Math.min(silenceMs, LONGEST_TIMER_MS);
    this.#onSilence = onSilence;
    this.#isOver = silenceMs === 0;
  }

  /** Takes a step of the conversation. The wait begins after the message. */
  event(event: SendEvent): void {
    if (event.type === "sent") this.#isWaiting = true;
    // The message of a slow source is not complete: the server has to wait.
    if (event.type === "wrote") this.#isWaiting = false;
    clearTimeout(this.#timer);
    if (event.type === "closed") return this.stop();
    if (this.#isOver || !this.#isWaiting) return;
    this.#timer = setTimeout(() => {
      this.#isOver = true;
      this.#onSilence();
    }, this.#silenceMs);
  }

  /** The client waits no longer. */
  stop(): void {
    this.#isWaiting = false;
    clearTimeout(this.#timer);
  }
}
