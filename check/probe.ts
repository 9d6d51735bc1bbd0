/**
 * One conversation of a path check: what to send, how to read the reply, and
 * what came of it.
 *
 * @module
 */
import { OneShotClient } from "../client.ts";
import { type Address, nameOf } from "../client/address.ts";
import { ConversationError } from "../client/reply.ts";
import { LONGEST_TIMER_MS } from "../framing/defaults.ts";
import type { Framing } from "../framing/framing.ts";
import { encodeMessage, type OutgoingData } from "../framing/outgoing.ts";

/** How to run one conversation. */
export interface ProbePlan {
  /** The address to connect to. */
  readonly address: Address;
  /** The message, without its end marker. */
  readonly data: OutgoingData;
  /** What ends the message: its end marker, or nothing but the half-close. */
  readonly messageFraming: Framing;
  /** When to half-close: before the reply or after it. */
  readonly halfClose: "before" | "after";
  /** How a reply says where it ends. */
  readonly replyFraming: Framing;
  /** The longest time without a byte sent or received, in ms. */
  readonly timeout: number;
  /** How long to read nothing after the first chunk of the reply, in ms. */
  readonly pause: number;
}

/** How a reply ended. */
export type Ending =
  /** In its end marker. */
  | "end marker"
  /** In an end of file, where one is allowed. */
  | "end of file"
  /** In an end of file before the end marker, or before TLS had ended. */
  | "truncated"
  /** In a reset of the connection. */
  | "reset"
  /** Not at all: no byte came for `timeout`. */
  | "silence"
  /** Not at all: the reply was too large, or lasted too long. */
  | "no end";

/** What came of one conversation. */
export interface ProbeResult {
  /** The reply, as far as it was received. */
  readonly data: Uint8Array;
  /** How the reply ended. */
  readonly ending: Ending;
  /** How many bytes were sent, the end marker included. */
  readonly bytesSent: number;
  /** From the connection to the end, without the pause, in ms. */
  readonly durationMs: number;
}

/** A reply with more bytes counts as one without end. */
const MAX_REPLY_BYTES = 128 * 1024 ** 2;

/** A conversation that takes longer, without the pause, has no end. */
const MAX_DURATION_MS = 120_000;

/**
 * Runs one conversation. Whatever becomes of it is its result: it rejects only
 * where there is no connection.
 *
 * @throws {ConversationError} `refused`, or `timed out` while connecting.
 */
export async function probe(plan: ProbePlan): Promise<ProbeResult> {
  const message = encodeMessage(plan.data, plan.messageFraming);
  using silence = new IdleTimer(plan.timeout);
  using overall = new IdleTimer(MAX_DURATION_MS + plan.pause);
  const stop = AbortSignal.any([silence.signal, overall.signal]);
  let bytesSent = 0;
  let gotEndOfFile = false;
  let reads = 0;
  let pausedMs = 0;
  const client = new OneShotClient({
    replyFraming: plan.replyFraming,
    maxReplyBytes: MAX_REPLY_BYTES,
    onEvent(event) {
      silence.restart();
      if (event.type === "wrote") bytesSent += event.byteLength;
      if (event.type === "end of file") gotEndOfFile = true;
    },
    async beforeRead() {
      // The second read is the first one after a chunk.
      if (reads++ !== 1 || plan.pause === 0) return;
      const pause = Math.min(plan.pause, LONGEST_TIMER_MS);
      silence.restart(pause);
      await new Promise((resolve) => setTimeout(resolve, pause));
      pausedMs = pause;
    },
  });
  let connectedAt = performance.now();
  const result = (data: Uint8Array, ending: Ending): ProbeResult => ({
    data,
    ending,
    bytesSent,
    durationMs: performance.now() - connectedAt - pausedMs,
  });
  try {
    await client.connect(plan.address, stop);
    connectedAt = performance.now();
    const { data } = await client.run(message, plan.halfClose);
    return result(data, gotEndOfFile ? "end of file" : "end marker");
  } catch (error) {
    if (!(error instanceof ConversationError)) throw error;
    if (error.reason === "refused") {
      throw silence.signal.aborted ? connectTimedOut(plan, error) : error;
    }
    if (silence.signal.aborted) return result(error.received, "silence");
    if (overall.signal.aborted || error.reason === "too large") {
      return result(error.received, "no end");
    }
    return result(error.received, endingOf(error, gotEndOfFile));
  } finally {
    message.cancel();
  }
}

/** The ending of a reply that ended too soon, or that there was none of. */
function endingOf(error: ConversationError, gotEndOfFile: boolean): Ending {
  if (error.reason === "no reply") return "end of file";
  // A reply with a marker must not end with the file, nor TLS with TCP.
  const isTruncated = error.reason === "truncated" &&
    (gotEndOfFile || error.cause instanceof Deno.errors.UnexpectedEof);
  return isTruncated ? "truncated" : "reset";
}

function connectTimedOut(
  { address, timeout }: ProbePlan,
  cause: ConversationError,
): ConversationError {
  return new ConversationError(
    "timed out",
    `Cannot connect to ${nameOf(address)}: timed out after ${timeout} ms`,
    cause.received,
    { cause },
  );
}

/** Aborts its signal when it was not restarted for `timeout` ms. */
class IdleTimer implements Disposable {
  readonly #controller = new AbortController();
  readonly #timeout: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(timeout: number) {
    this.#timeout = timeout;
    this.restart();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Starts the time anew, once with `extraMs` added to it. */
  restart(extraMs = 0): void {
    clearTimeout(this.#timer);
    const abort = () => this.#controller.abort();
    const delayMs = Math.min(this.#timeout + extraMs, LONGEST_TIMER_MS);
    this.#timer = setTimeout(abort, delayMs);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
