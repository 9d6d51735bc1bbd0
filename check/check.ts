/**
 * `checkPath()`: what a path does to a half-close, found out by a few
 * conversations with the server at its other end.
 *
 * @module
 */
import type { Address } from "../client/address.ts";
import { ConversationError, toReply } from "../client/reply.ts";
import { Conversations } from "./conversations.ts";
import type { Finding, Loss, Observation, Remark } from "./finding.ts";
import { type Obstacle, obstacleOf } from "./obstacle.ts";
import type { Ending } from "./probe.ts";
import {
  type CheckedConversation,
  type ConversationName,
  type PathReport,
  toReport,
} from "./report.ts";

export type {
  CheckedConversation,
  ConversationName,
  Ending,
  Finding,
  Loss,
  Obstacle,
  PathReport,
  Remark,
};

/** The default of `timeout`, in ms. */
export const DEFAULT_TIMEOUT_MS = 10_000;

/** The default of `pause`, in ms. */
export const DEFAULT_PAUSE_MS = 3000;

/** What to check, and how long to wait. */
export interface CheckOptions {
  /** Where the path begins: the address of the server, or of a proxy. */
  readonly address: Address;
  /** The server's end marker. */
  readonly end: Uint8Array;
  /** The end marker of its replies; without one, the end of file ends them. */
  readonly replyEnd?: Uint8Array | undefined;
  /** The longest time without a byte, in ms. @default {10000} */
  readonly timeout?: number | undefined;
  /** How long the slow reader pauses, in ms. @default {3000} */
  readonly pause?: number | undefined;
  /** Called before each conversation. */
  readonly onStart?: (name: ConversationName) => void;
  /** Called after each conversation. */
  readonly onChecked?: (conversation: CheckedConversation) => void;
}

/**
 * Checks a path: runs the conversations, one after the other. Whatever the path
 * does to them is in the report, and makes nothing reject.
 */
export async function checkPath(options: CheckOptions): Promise<PathReport> {
  return await new PathCheck(options).run();
}

class PathCheck {
  readonly #options: CheckOptions;
  readonly #timeout: number;
  readonly #pause: number;
  readonly #conversations: Conversations;
  readonly #checked: CheckedConversation[] = [];

  constructor(options: CheckOptions) {
    const { address, end, replyEnd } = options;
    const { timeout = DEFAULT_TIMEOUT_MS, pause = DEFAULT_PAUSE_MS } = options;
    this.#options = options;
    this.#timeout = timeout;
    this.#pause = pause;
    this.#conversations = new Conversations(
      { address, end, replyEnd, timeout, pause },
    );
  }

  async run(): Promise<PathReport> {
    try {
      const obstacle = await this.#runAll();
      return toReport(this.#checked, this.#pause, obstacle);
    } catch (error) {
      if (!(error instanceof ConversationError)) throw error;
      return toReport(this.#checked, this.#pause, this.#toObstacle(error));
    }
  }

  /** @returns What makes the remaining conversations pointless, if anything. */
  async #runAll(): Promise<Obstacle | undefined> {
    const all = this.#conversations;
    const after = await this.#run(
      "half-close after",
      () => all.halfCloseAfter(),
    );
    const obstacle = obstacleOf(after.result);
    if (obstacle !== undefined) return obstacle;
    const before = await this.#run(
      "half-close before",
      () => all.halfCloseBefore(after.result.data),
    );
    const noMarker = await this.#run(
      "no end marker",
      () => all.noEndMarker(before.finding),
    );
    // Where the server's end of file never comes first, do not wait for it.
    const control = after.finding === "kept" ? "after" : "before";
    await this.#run("slow reader", () => all.slowReader(control));
    await this.#run("early refusal", () => all.earlyRefusal(noMarker.finding));
    return undefined;
  }

  async #run(
    name: ConversationName,
    conversation: () => Promise<Observation>,
  ): Promise<Observation> {
    this.#options.onStart?.(name);
    const observation = await conversation();
    const { finding, loss, remark, result } = observation;
    const checked: CheckedConversation = {
      name,
      finding,
      loss,
      remark,
      bytesSent: result.bytesSent,
      bytesReceived: result.data.length,
      error: toReply(result.data).error,
      ending: result.ending,
      durationMs: result.durationMs,
    };
    this.#checked.push(checked);
    this.#options.onChecked?.(checked);
    return observation;
  }

  #toObstacle({ reason, message }: ConversationError): Obstacle {
    if (reason !== "timed out") return { reason: "not connected", message };
    const { address } = this.#options;
    return { reason: "connect timed out", address, timeoutMs: this.#timeout };
  }
}
