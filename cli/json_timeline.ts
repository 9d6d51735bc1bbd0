/**
 * Writes the steps of a conversation as lines of JSON, for programs.
 *
 * @module
 */
import type { SendEvent } from "../client/events.ts";
import type { ConversationError } from "../client/reply.ts";
import type { Watcher } from "./timeline.ts";

/** Writes each step as a JSON object on a line of its own. */
export class JsonTimeline implements Watcher {
  readonly #write: (text: string) => void;
  #conversation = 0;
  #beganAt = 0;

  /**
   * Creates a time line.
   *
   * @param write Called with each line.
   */
  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  begin(address: string): void {
    this.#conversation++;
    this.#beganAt = performance.now();
    this.#line("connect", { to: address });
  }

  event(event: SendEvent): void {
    const bytes = "byteLength" in event ? event.byteLength : undefined;
    this.#line(event.type, { bytes });
  }

  breakLine(): void {
    // Every line is complete.
  }

  end(failure?: ConversationError): void {
    if (failure === undefined) return;
    const { reason, message } = failure;
    this.#line("failed", { reason, message });
  }

  #line(event: string, details: Record<string, unknown>): void {
    const elapsed = performance.now() - this.#beganAt;
    const ms = Number(elapsed.toFixed(3));
    const conversation = this.#conversation;
    const line = { conversation, ms, event, ...details };
    this.#write(`${JSON.stringify(line)}\n`);
  }
}
