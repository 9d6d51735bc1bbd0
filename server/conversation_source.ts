/**
 * The bytes of a conversation, for a function that may be wrong.
 *
 * @module
 */
import { type Attempt, BufferedSource } from "../framing/buffered_source.ts";
import type { Clock } from "../framing/clock.ts";
import type { ChunkReader } from "../framing/chunk_reader.ts";
import type { ReadOptions } from "../framing/read_options.ts";
import type { ErrorReply } from "./handler.ts";

/** Calls in a row that may get nowhere before the next ones have to wait. */
const MAX_STUCK_CALLS = 100;

/** How long each further one waits, in ms. */
const STUCK_PAUSE_MS = 10;

/** Makes a caller wait that repeats a call which cannot succeed. */
export function pauseStuckCall(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.setTimeout(resolve, STUCK_PAUSE_MS));
}

/**
 * A source that a function can read in an endless loop without harm to others.
 *
 * At the end of file, and after an error, calls settle without waiting. A loop
 * that does not look at `gotEnd`, or catches all errors, would go from promise to
 * promise, and the event loop would not come to any other connection.
 */
export class ConversationSource extends BufferedSource {
  readonly #clock: Clock;
  #unreadBytes = 0;
  #stuckCalls = 0;
  #refusal: ErrorReply | undefined;

  constructor(chunks: ChunkReader, clock: Clock) {
    super(chunks, undefined, clock);
    this.#clock = clock;
  }

  /** A chunk has arrived: the calls get somewhere. */
  onChunk(): void {
    this.#stuckCalls = 0;
  }

  /** From now on calls throw this, instead of reading what has arrived. */
  refuse(error: ErrorReply): void {
    this.#refusal = error;
  }

  override run<T>(attempt: Attempt<T>, options: ReadOptions): T | Promise<T> {
    const { unreadBytes } = this;
    if (unreadBytes !== this.#unreadBytes) {
      this.#unreadBytes = unreadBytes;
      this.#stuckCalls = 0;
    } else if (++this.#stuckCalls > MAX_STUCK_CALLS) {
      return this.#runLater(attempt, options);
    }
    return this.#runNow(attempt, options);
  }

  #runNow<T>(attempt: Attempt<T>, options: ReadOptions): T | Promise<T> {
    // Where nothing has arrived, the wait for it has its own end.
    if (this.#refusal !== undefined && this.unreadBytes > 0) {
      throw this.#refusal;
    }
    return super.run(attempt, options);
  }

  async #runLater<T>(attempt: Attempt<T>, options: ReadOptions): Promise<T> {
    await pauseStuckCall(this.#clock);
    return this.#runNow(attempt, options);
  }
}
