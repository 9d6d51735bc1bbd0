/**
 * The honest clients of the soak: the seed decides what each sends, and there
 * is one correct reply to it.
 *
 * @module
 */
import { concat, equals } from "@std/bytes";
import { SERVER_MARKER } from "../framing/defaults.ts";
import { connectTo, writeAll } from "../tests/sockets.ts";
import { pause, type Random } from "./soak_random.ts";

/** A conversation that takes longer is ended by its client. */
export const TIMEOUT_MS = 30_000;

const encoder = new TextEncoder();

/** The end marker of all messages. */
export const MARKER: Uint8Array = encoder.encode(SERVER_MARKER);

/** The largest number of bytes by which a message exceeds the limit. */
const MAX_EXCESS = 512 * 1024;

/** Random bytes that messages are cut from: more than the longest one has. */
export function makeMaterial(random: Random, maxBytes: number): Uint8Array {
  return random.bytes(maxBytes + MAX_EXCESS);
}

/** The kind of reply that a message should get. */
export type Kind = "reply" | "no end" | "too large";

/** Honest clients make mistakes, too. */
const KINDS: readonly Kind[] = [
  ...Array.from({ length: 8 }, () => "reply" as const),
  "no end",
  "too large",
];

/** What an honest client sends, how it sends it, and the correct reply. */
export interface Scenario {
  /** The kind of the correct reply. */
  readonly kind: Kind;
  /** A description, for whoever looks for the reason of a loss. */
  readonly name: string;
  /** The message, its marker if it has one, and what follows the marker. */
  readonly bytes: Uint8Array;
  /** The end of each chunk in `bytes`, and the pause after it in ms. */
  readonly chunks: readonly { end: number; pause: number }[];
  /** The correct reply. */
  readonly expected: Uint8Array;
  /** When to half-close: before the reply or after it. */
  readonly halfClose: "before" | "after";
  /** Whether to read while writing; most clients read afterwards. */
  readonly readsWhileWriting: boolean;
}

/** Chooses a scenario; without `kind`, of any kind. */
export function chooseScenario(
  random: Random,
  material: Uint8Array,
  kind: Kind = random.pick(KINDS),
): Scenario {
  const maxBytes = material.length - MAX_EXCESS;
  const size = chooseSize(random, kind, maxBytes);
  const start = random.whole(0, material.length - size);
  const message = material.slice(start, start + size);
  // A marker that breaks off. It does not overlap itself, so a complete one
  // after it is still the first.
  const broken = MARKER.subarray(0, random.whole(1, MARKER.length - 1));
  if (random.chance(0.3)) {
    message.set(broken.subarray(-size), Math.max(0, size - broken.length));
  }
  const isMarked = kind === "reply" || kind === "too large" &&
      random.chance(0.5);
  // Bytes that may still be the start of the marker do not count.
  if (kind === "too large" && !isMarked) message[size - 1] = 0;
  const extra = isMarked && random.chance(0.3) ? random.size(maxBytes) : 0;
  const bytes = isMarked
    ? concat([message, MARKER, material.subarray(0, extra)])
    : message;
  const cuts = Array.from(
    { length: random.pick([0, 0, 1, 2, 5, 10]) },
    () => random.whole(1, bytes.length),
  );
  if (isMarked && random.chance(0.5)) {
    cuts.push(size + random.whole(1, MARKER.length - 1));
  }
  cuts.sort((a, b) => a - b);
  const chunks = cuts.map((end) => (
    { end, pause: random.chance(0.5) ? random.whole(1, 30) : 0 }
  ));
  const halfClose = kind === "no end" || random.chance(0.5)
    ? "before"
    : "after";
  return {
    kind,
    name: `${size} bytes ${isMarked ? "and" : "without"} the marker, ` +
      `${extra} after it, cut at ${cuts.join(" ") || "no place"}, ` +
      `half-close ${halfClose}`,
    bytes,
    chunks: [...chunks, { end: bytes.length, pause: 0 }],
    expected: kind === "reply"
      ? concat([message, message])
      : encoder.encode(`ERROR:${kind}!`),
    halfClose,
    readsWhileWriting: random.chance(0.5),
  };
}

function chooseSize(random: Random, kind: Kind, maxBytes: number): number {
  if (kind === "too large") return maxBytes + random.whole(1, MAX_EXCESS);
  // The limit and its neighbours are where mistakes are made.
  if (random.chance(0.1)) return maxBytes - random.whole(0, 2);
  return random.size(maxBytes);
}

/** What became of a conversation, as its client sees it. */
export interface Result {
  /** Only `lost` is a fault: neither correct, nor a reason to try again. */
  readonly verdict: "correct" | "busy" | "timed out" | "refused" | "lost";
  /** What was received instead of the correct reply, if it was not. */
  readonly received: string;
  /** From connect to end of file, less the client's own pauses. */
  readonly durationMs: number;
}

/** One conversation of an honest client. */
export class HonestConversation {
  readonly #scenario: Scenario;
  readonly #conn: Deno.TcpConn;
  readonly #startedAt: number;
  #reply: Uint8Array[] = [];
  #pausedMs = 0;
  #hasTimedOut = false;

  private constructor(
    scenario: Scenario,
    conn: Deno.TcpConn,
    startedAt: number,
  ) {
    this.#scenario = scenario;
    this.#conn = conn;
    this.#startedAt = startedAt;
  }

  /**
   * Runs a conversation, from connect to close.
   *
   * @param afterFirstChunk Awaited between the first chunk and the second.
   */
  static async run(
    scenario: Scenario,
    port: number,
    afterFirstChunk?: () => Promise<void>,
  ): Promise<Result> {
    const startedAt = performance.now();
    let conn: Deno.TcpConn;
    try {
      conn = await connectTo(port);
    } catch (error) {
      return { verdict: "refused", received: String(error), durationMs: 0 };
    }
    const conversation = new HonestConversation(scenario, conn, startedAt);
    return await conversation.#run(afterFirstChunk);
  }

  async #run(afterFirstChunk?: () => Promise<void>): Promise<Result> {
    using conn = this.#conn;
    // Each chunk is to arrive as one.
    conn.setNoDelay();
    const timer = setTimeout(() => {
      this.#hasTimedOut = true;
      conn.close();
    }, TIMEOUT_MS);
    const sending = this.#send(afterFirstChunk);
    if (!this.#scenario.readsWhileWriting) await sending;
    const end = await this.#receive();
    const durationMs = performance.now() - this.#startedAt - this.#pausedMs;
    await sending;
    try {
      if (this.#scenario.halfClose === "after") await conn.closeWrite();
    } catch {
      // The server has closed by now, and the reply is here.
    }
    clearTimeout(timer);
    return { ...this.#judge(end), durationMs };
  }

  async #send(afterFirstChunk?: () => Promise<void>): Promise<void> {
    const { bytes, chunks, halfClose } = this.#scenario;
    try {
      let start = 0;
      for (const { end, pause: ms } of chunks) {
        await writeAll(this.#conn, bytes.subarray(start, end));
        if (start === 0) await afterFirstChunk?.();
        start = end;
        if (ms === 0) continue;
        const pausedAt = performance.now();
        await pause(ms);
        this.#pausedMs += performance.now() - pausedAt;
      }
      if (halfClose === "before") await this.#conn.closeWrite();
    } catch {
      // A reply that was sent before may still be there to read.
    }
  }

  /** Reads the reply. Resolves to what ended it. */
  async #receive(): Promise<string> {
    try {
      for (;;) {
        const buffer = new Uint8Array(64 * 1024);
        const count = await this.#conn.read(buffer);
        if (count === null) return "end of file";
        this.#reply.push(buffer.subarray(0, count));
      }
    } catch (error) {
      return this.#hasTimedOut ? `silence for ${TIMEOUT_MS} ms` : `${error}`;
    }
  }

  #judge(end: string): Pick<Result, "verdict" | "received"> {
    const { expected } = this.#scenario;
    const reply = concat(this.#reply);
    const isComplete = end === "end of file";
    if (isComplete && equals(reply, expected)) {
      return { verdict: "correct", received: "" };
    }
    const start = new TextDecoder().decode(reply.subarray(0, 40));
    const text = /^ERROR:/.test(start) ? ` (${start})` : "";
    const wrong = reply.findIndex((byte, place) => byte !== expected[place]);
    const received = `${reply.length} bytes${text} of ${expected.length}, ` +
      (wrong < 0 ? "" : `wrong from byte ${wrong}, `) + `then ${end}`;
    const error = isComplete ? /^ERROR:(.*)!$/.exec(start)?.[1] : undefined;
    const verdict = error === "busy" || error === "timed out" ? error : "lost";
    return { verdict, received };
  }
}
