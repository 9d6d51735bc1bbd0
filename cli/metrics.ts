/**
 * Counters of a server, for Prometheus and for people.
 *
 * Each thread counts in memory of its own, which the main thread reads at any
 * time, however busy the thread is: one thread writes a number, and an aligned
 * write of 64 bits is never seen half done on a processor that Deno runs on.
 *
 * @module
 */
import { ERROR_CODES, NO_REPLY_OUTCOMES } from "../server/outcomes.ts";
import type { ConversationReport } from "../server/report.ts";
import { PARTIAL_MESSAGE, PARTIAL_MESSAGE_NAME } from "./tally.ts";

/**
 * The outcomes that are counted by name. A handler may choose the code of an
 * error reply, from a client's text even: such outcomes count as `other`.
 */
export const OUTCOMES = [
  "ok",
  ...ERROR_CODES,
  "bad count",
  "bad start",
  PARTIAL_MESSAGE_NAME,
  ...NO_REPLY_OUTCOMES,
  "other",
] as const;

/** The upper bounds of the histogram of durations, in seconds. */
export const DURATION_BOUNDS_S: readonly number[] = [
  ...[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5],
  ...[1, 2.5, 5, 10, 30, 60, 300],
];

/** What each place of the memory counts, before outcomes and durations. */
const PLACES = [
  "accepted",
  "messages",
  "bytesIn",
  "bytesOut",
  "repliesLost",
  "handlerErrors",
  "bufferBytes",
  "durationSumS",
  // The limits are the same in all threads.
  "maxConnections",
  "maxBufferedBytes",
] as const;

type Place = typeof PLACES[number];

const PLACE = Object.fromEntries(
  PLACES.map((name, place) => [name, place]),
) as Record<Place, number>;

const OUTCOMES_START = PLACES.length;
const DURATIONS_START = OUTCOMES_START + OUTCOMES.length;
const PLACE_OF_OUTCOME: ReadonlyMap<string, number> = new Map(
  OUTCOMES.map((outcome, index) => [outcome, OUTCOMES_START + index]),
);

/** Returns the memory of one thread's counters, which threads can share. */
export function newCounters(): Float64Array<SharedArrayBuffer> {
  // The last bucket has no bound.
  const length = DURATIONS_START + DURATION_BOUNDS_S.length + 1;
  return new Float64Array(new SharedArrayBuffer(8 * length));
}

/** The counters of one thread. */
export class Metrics {
  readonly #counters: Float64Array;

  /** @param counters Comes from {@linkcode newCounters}. */
  constructor(counters: Float64Array) {
    this.#counters = counters;
  }

  /** Counts a connection that was accepted. */
  accepted(): void {
    this.#counters[PLACE.accepted]!++;
  }

  /** Counts a conversation that has ended. */
  conversation(report: ConversationReport): void {
    const { outcome, messages, bytesIn, bytesOut, durationMs } = report;
    const counters = this.#counters;
    counters[PLACE_OF_OUTCOME.get(nameOfOutcome(outcome))!]!++;
    counters[PLACE.messages]! += messages;
    counters[PLACE.bytesIn]! += bytesIn;
    counters[PLACE.bytesOut]! += bytesOut;
    if (report.replyLost) counters[PLACE.repliesLost]!++;
    const seconds = durationMs / 1000;
    counters[PLACE.durationSumS]! += seconds;
    counters[DURATIONS_START + bucketOf(seconds)]!++;
  }

  /** Counts a message whose handler threw. */
  handlerError(): void {
    this.#counters[PLACE.handlerErrors]!++;
  }

  /** Notes the limits of the server, which all threads share. */
  limits(maxConnections: number, maxBufferedBytes: number): void {
    this.#counters[PLACE.maxConnections] = maxConnections;
    this.#counters[PLACE.maxBufferedBytes] = maxBufferedBytes;
  }

  /** Notes the memory that messages are read into now, in bytes. */
  set bufferBytes(byteLength: number) {
    this.#counters[PLACE.bufferBytes] = byteLength;
  }
}

/** Returns the one of {@linkcode OUTCOMES} that an outcome counts as. */
export function nameOfOutcome(outcome: string): string {
  if (PLACE_OF_OUTCOME.has(outcome)) return outcome;
  return PARTIAL_MESSAGE.test(outcome) ? PARTIAL_MESSAGE_NAME : "other";
}

function bucketOf(seconds: number): number {
  const index = DURATION_BOUNDS_S.findIndex((bound) => seconds <= bound);
  return index < 0 ? DURATION_BOUNDS_S.length : index;
}

/** The sums of all threads, and the limits that they share. */
export interface Totals extends Record<Place, number> {
  /** Number of connections that are open. */
  open: number;
  /** Number of conversations by outcome, in the order of `OUTCOMES`. */
  conversations: [outcome: string, count: number][];
  /**
   * Number of conversations by duration: one count for each bound, of those
   * that took no longer than it and longer than the one before, and one more.
   */
  durations: number[];
}

/** Adds up the counters of all threads. */
export function totalsOf(threads: readonly Float64Array[]): Totals {
  const sumAt = (place: number) =>
    threads.reduce((sum, counters) => sum + counters[place]!, 0);
  // Read before `accepted`, so that no more have ended than were accepted.
  const conversations = OUTCOMES.map((outcome, index): [string, number] => [
    outcome,
    sumAt(OUTCOMES_START + index),
  ]);
  const ended = conversations.reduce((sum, [, count]) => sum + count, 0);
  const durations = [...DURATION_BOUNDS_S, Infinity]
    .map((_, index) => sumAt(DURATIONS_START + index));
  const sums = Object.fromEntries(
    PLACES.map((name, place) => [name, sumAt(place)]),
  ) as Record<Place, number>;
  return {
    ...sums,
    maxConnections: threads[0]![PLACE.maxConnections]!,
    maxBufferedBytes: threads[0]![PLACE.maxBufferedBytes]!,
    open: sums.accepted - ended,
    conversations,
    durations,
  };
}

/**
 * The bound that a part of all conversations did not exceed, in seconds;
 * Infinity beyond the last one, and NaN without conversations.
 */
export function quantileS({ durations }: Totals, part: number): number {
  const total = durations.reduce((sum, count) => sum + count, 0);
  if (total === 0) return NaN;
  let count = 0;
  const index = durations.findIndex((each) => (count += each) >= part * total);
  return DURATION_BOUNDS_S[index] ?? Infinity;
}
