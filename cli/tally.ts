/**
 * Totals of conversations, in a bounded amount of memory whatever clients do.
 *
 * @module
 */

/** Totals of all conversations. */
export interface Tally {
  /**
   * Number of conversations by their outcome. At most 100 outcomes are
   * distinguished; all others count as `other`.
   */
  conversations: Record<string, number>;
  /** Number of bytes received. */
  bytesIn: number;
  /** Number of bytes of replies sent. */
  bytesOut: number;
  /** Number of replies that were probably lost. */
  repliesLost: number;
}

/** The maximum number of outcomes that are distinguished. */
const MAX_OUTCOMES = 100;

/** The outcome of a netstring that breaks off; its numbers are the client's. */
export const PARTIAL_MESSAGE = /^got \d+ of \d+ bytes$/;

/** The name under which such outcomes are counted. */
export const PARTIAL_MESSAGE_NAME = "got N of M bytes";

/** Returns a tally of nothing. */
export function emptyTally(): Tally {
  // Without a prototype, so that an outcome may have any name.
  const conversations = Object.create(null);
  return { conversations, bytesIn: 0, bytesOut: 0, repliesLost: 0 };
}

/** Adds `more` to `sum`, which comes from `emptyTally()`. */
export function addTally(sum: Tally, more: Readonly<Tally>): void {
  const { conversations } = sum;
  for (const outcome of Object.keys(more.conversations)) {
    const name = nameOf(outcome, conversations);
    const count = more.conversations[outcome]!;
    conversations[name] = (conversations[name] ?? 0) + count;
  }
  sum.bytesIn += more.bytesIn;
  sum.bytesOut += more.bytesOut;
  sum.repliesLost += more.repliesLost;
}

/** The name under which an outcome is counted. */
function nameOf(outcome: string, counts: Tally["conversations"]): string {
  if (outcome in counts) return outcome;
  const name = PARTIAL_MESSAGE.test(outcome) ? PARTIAL_MESSAGE_NAME : outcome;
  if (name in counts || name === "other") return name;
  const names = Object.keys(counts).filter((name) => name !== "other");
  return names.length < MAX_OUTCOMES ? name : "other";
}
