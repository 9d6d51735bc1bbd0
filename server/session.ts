/**
 * What is said on a connection: the interface of the ways to do that.
 *
 * @module
 */

/**
 * How a session ended: with `"reply"`, a reply or an error reply was the last
 * thing; otherwise it ended in silence, `"silence"` while the reply before may
 * still be on its way, and `"idle"` so long after it that it has arrived.
 */
export type Ending = "reply" | "silence" | "idle";

/**
 * What is said on one connection: from its first byte until nothing more will
 * be read, and all replies are queued or written.
 */
export interface Session {
  /** How the last message was answered; empty while it is not. */
  outcome: string;
  /** The error of the last handler. */
  error: unknown;
  /** Whether a part of a reply was sent, and the rest was not. */
  readonly hasBegun: boolean;
  /** The number of complete messages. */
  readonly messages: number;
  /** Whether bytes were received that nobody looked at. */
  readonly hasUnread: boolean;
  /**
   * Runs the session. When nothing more will be read, it starts the drain.
   *
   * @param refusal The code of an error reply that is sent without reading.
   * @throws The reason, if the peer is gone.
   */
  run(refusal?: string): Promise<Ending>;
  /**
   * Ends a read that takes too long, with the code of an error reply. Returns
   * false if none is waited for.
   */
  endReading(errorCode: string): boolean;
  /** Answers the messages that have arrived, and ends. */
  finishSoon(): void;
  /** Sends an error reply instead of a reply, unless a reply has begun. */
  interrupt(errorCode: string): void;
}
