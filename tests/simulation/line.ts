/**
 * The way between two hosts: how long it takes, and what it loses.
 *
 * @module
 */
import type { Random } from "../random.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** What a line is like. Plain data, so that a failing case can be printed. */
export interface LinePlan {
  /** From one end to the other, in ms. */
  delayMs: number;
  /** Up to this is added to the delay of each segment, in ms. */
  jitterMs: number;
  /** Bytes a second; `Infinity` is no limit. */
  rate: number;
  /** The probability that a segment is lost. */
  loss: number;
  /** When nothing gets through: from, to, in ms. */
  outages: [number, number][];
  /** The largest segment, in bytes. */
  maxSegmentBytes: number;
  /**
   * What a half-close meets: it passes; a proxy holds it back until the
   * connection is closed; a proxy closes both ways when it sees one.
   */
  halfClose: "pass" | "hold" | "close";
  /** A NAT forgets the connection after so long without a segment, in ms. */
  forgetsAfterMs: number;
}

/** A line that does nothing to a conversation. */
export const PERFECT_LINE: LinePlan = {
  delayMs: 0,
  jitterMs: 0,
  rate: Infinity,
  loss: 0,
  outages: [],
  maxSegmentBytes: 65_536,
  halfClose: "pass",
  forgetsAfterMs: Infinity,
};

/** TCP's first time-out for a segment, which doubles (RFC 6298), in ms. */
const FIRST_RETRANSMISSION_MS = 200;
const LONGEST_RETRANSMISSION_MS = 120_000;

/** TCP gives up after this time (Linux's tcp_retries2 of 15), in ms. */
export const GIVE_UP_MS = 924_600;

/** A line between two sockets. */
export class Line {
  readonly plan: LinePlan;
  readonly random: Random;
  readonly #time: VirtualTime;
  readonly #onFault: (name: string) => void;
  #lastSegmentMs: number;
  /** Whether a NAT has forgotten the connection: nothing passes any more. */
  isForgotten = false;
  /** Whether a reset was lost: an end may wait for ever. */
  hasLostReset = false;

  constructor(
    plan: LinePlan,
    time: VirtualTime,
    random: Random,
    onFault: (name: string) => void,
  ) {
    this.plan = plan;
    this.random = random;
    this.#time = time;
    this.#onFault = onFault;
    this.#lastSegmentMs = time.nowMs;
  }

  /** Whether a segment that is sent at this time is lost. */
  loses(atMs: number): boolean {
    const { loss, outages } = this.plan;
    if (outages.some(([fromMs, toMs]) => atMs >= fromMs && atMs < toMs)) {
      this.#onFault("outage");
      return true;
    }
    if (loss === 0 || !this.random.chance(loss)) return false;
    this.#onFault("loss");
    return true;
  }

  /** Notes a segment; a NAT between the ends may have forgotten them by now. */
  touch(): void {
    const { nowMs } = this.#time;
    if (nowMs - this.#lastSegmentMs > this.plan.forgetsAfterMs) {
      if (!this.isForgotten) this.#onFault("NAT forgot");
      this.isForgotten = true;
    }
    this.#lastSegmentMs = nowMs;
  }

  /** The time that one segment takes, in ms. */
  latencyMs(): number {
    const { delayMs, jitterMs } = this.plan;
    return delayMs + jitterMs * this.random.next();
  }
}

/** One way of a line. Segments arrive in order, as TCP delivers them. */
export class Direction {
  readonly line: Line;
  readonly #time: VirtualTime;
  /** When the last segment has been put on the line. */
  #freeAtMs = 0;
  #lastArrivalMs = 0;

  constructor(line: Line, time: VirtualTime) {
    this.line = line;
    this.#time = time;
  }

  /** Carries a segment, which is sent again until it arrives. */
  carry(byteLength: number, onArrival: () => void): void {
    const { line } = this;
    line.touch();
    if (line.isForgotten) return;
    let sentMs = Math.max(this.#time.nowMs, this.#freeAtMs);
    sentMs += byteLength * 1000 / line.plan.rate;
    this.#freeAtMs = sentMs;
    let timeoutMs = FIRST_RETRANSMISSION_MS;
    while (line.loses(sentMs)) {
      sentMs += timeoutMs;
      timeoutMs = Math.min(2 * timeoutMs, LONGEST_RETRANSMISSION_MS);
    }
    this.#lastArrivalMs = Math.max(
      this.#lastArrivalMs,
      sentMs + line.latencyMs(),
    );
    this.#time.at(this.#lastArrivalMs, onArrival);
  }

  /**
   * Carries a reset. It is not sent again, and does not wait for segments that
   * are: it may arrive before them, and then they never do.
   */
  carryReset(onArrival: () => void): void {
    const { line } = this;
    line.touch();
    const sentMs = Math.max(this.#time.nowMs, this.#freeAtMs);
    if (line.isForgotten || line.loses(sentMs)) {
      line.hasLostReset = true;
      return;
    }
    this.#time.at(sentMs + line.latencyMs(), onArrival);
  }
}
