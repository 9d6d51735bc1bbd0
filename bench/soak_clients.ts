/**
 * The honest clients of the soak: what each says follows from the seed, and
 * there is one right reply to it.
 *
 * @module
 */
import { concat, equals } from "@std/bytes";
import { SERVER_MARKER } from "../defaults.ts";
import { connectTo, writeAll } from "../testing.ts";
import { pause, type Random } from "./soak_random.ts";

/** A reply that takes longer, in ms, does not come any more. */
export const PATIENCE = 30_000;

const encoder = new TextEncoder();

/** The end marker of all messages. */
export const MARKER: Uint8Array = encoder.encode(SERVER_MARKER);

/** How many bytes too long a message is at most. */
const EXCESS = 512 * 1024;

/** What messages are cut from: more than the longest has. */
export function makeMaterial(random: Random, maxBytes: number): Uint8Array {
  return random.bytes(maxBytes + EXCESS);
}

/** What an honest client is to be told. */
export type Kind = "reply" | "no end" | "too large";

/** Honest clients make mistakes, too. */
const KINDS: readonly Kind[] = [
  ...Array.from({ length: 8 }, () => "reply" as const),
  "no end",
  "too large",
];

/** What an honest client has to say, how it says it, and the right reply. */
export interface Errand {
  readonly kind: Kind;
  /** In words, for whoever looks for what happened to it. */
  readonly name: string;
  /** The message, its marker if it has one, and what stands behind it. */
  readonly bytes: Uint8Array;
  /** Where in `bytes` pieces end, and how many ms pass before the next. */
  readonly pieces: readonly { end: number; pause: number }[];
  readonly right: Uint8Array;
  readonly halfClose: "before" | "after";
  /** Reads while it writes, as careful clients do; most read afterwards. */
  readonly readsBeside: boolean;
}

/** Chooses an errand; without `kind`, any. */
export function chooseErrand(
  random: Random,
  material: Uint8Array,
  kind: Kind = random.pick(KINDS),
): Errand {
  const maxBytes = material.length - EXCESS;
  const size = chooseSize(random, kind, maxBytes);
  const start = random.whole(0, material.length - size);
  const message = material.slice(start, start + size);
  // A marker that breaks off. It does not overlap itself, so a whole one
  // behind it is still the first.
  const broken = MARKER.subarray(0, random.whole(1, MARKER.length - 1));
  if (random.chance(0.3)) {
    message.set(broken.subarray(-size), Math.max(0, size - broken.length));
  }
  const isMarked = kind === "reply" || kind === "too large" &&
      random.chance(0.5);
  // What may still be the start of the marker is not counted as too large.
  if (kind === "too large" && !isMarked) message[size - 1] = 0;
  const behind = isMarked && random.chance(0.3) ? random.size(maxBytes) : 0;
  const bytes = isMarked
    ? concat([message, MARKER, material.subarray(0, behind)])
    : message;
  const cuts = Array.from(
    { length: random.pick([0, 0, 1, 2, 5, 10]) },
    () => random.whole(1, bytes.length),
  );
  if (isMarked && random.chance(0.5)) {
    cuts.push(size + random.whole(1, MARKER.length - 1));
  }
  cuts.sort((a, b) => a - b);
  const pieces = cuts.map((end) => (
    { end, pause: random.chance(0.5) ? random.whole(1, 30) : 0 }
  ));
  const halfClose = kind === "no end" || random.chance(0.5)
    ? "before"
    : "after";
  return {
    kind,
    name: `${size} bytes ${isMarked ? "and" : "without"} the marker, ` +
      `${behind} behind, cut at ${cuts.join(" ") || "no place"}, ` +
      `half-close ${halfClose}`,
    bytes,
    pieces: [...pieces, { end: bytes.length, pause: 0 }],
    right: kind === "reply"
      ? concat([message, message])
      : encoder.encode(`ERROR:${kind}!`),
    halfClose,
    readsBeside: random.chance(0.5),
  };
}

function chooseSize(random: Random, kind: Kind, maxBytes: number): number {
  if (kind === "too large") return maxBytes + random.whole(1, EXCESS);
  // The limit itself and its neighbours are where mistakes are made.
  if (random.chance(0.1)) return maxBytes - random.whole(0, 2);
  return random.size(maxBytes);
}

/** What became of an errand, as its client sees it. */
export interface Answer {
  /** `"lost"` is what must not be: neither right, nor busy, nor refused. */
  readonly what: "right" | "busy" | "timed out" | "refused" | "lost";
  /** Where it was lost: what came instead. */
  readonly instead: string;
  /** From the connect to the end of file, less the client's own pauses. */
  readonly milliseconds: number;
}

/** One conversation as an honest client holds it. */
export class HonestConversation {
  readonly #errand: Errand;
  readonly #conn: Deno.TcpConn;
  readonly #began: number;
  #reply: Uint8Array[] = [];
  #paused = 0;
  #isImpatient = false;

  private constructor(errand: Errand, conn: Deno.TcpConn, began: number) {
    this.#errand = errand;
    this.#conn = conn;
    this.#began = began;
  }

  /**
   * Holds it from the connect to the close.
   *
   * @param inTheMiddle Called after the first piece; the next one waits.
   */
  static async hold(
    errand: Errand,
    port: number,
    inTheMiddle?: () => Promise<void>,
  ): Promise<Answer> {
    const began = performance.now();
    let conn: Deno.TcpConn;
    try {
      conn = await connectTo(port);
    } catch (error) {
      return { what: "refused", instead: String(error), milliseconds: 0 };
    }
    return await new HonestConversation(errand, conn, began).#hold(inTheMiddle);
  }

  async #hold(inTheMiddle?: () => Promise<void>): Promise<Answer> {
    using conn = this.#conn;
    // A cut is to arrive as one.
    conn.setNoDelay();
    const patience = setTimeout(() => {
      this.#isImpatient = true;
      conn.close();
    }, PATIENCE);
    const sending = this.#send(inTheMiddle);
    if (!this.#errand.readsBeside) await sending;
    const end = await this.#receive();
    const milliseconds = performance.now() - this.#began - this.#paused;
    await sending;
    try {
      if (this.#errand.halfClose === "after") await conn.closeWrite();
    } catch {
      // It has its reply; that the server has closed by now is no loss.
    }
    clearTimeout(patience);
    return { ...this.#judge(end), milliseconds };
  }

  async #send(inTheMiddle?: () => Promise<void>): Promise<void> {
    const { bytes, pieces, halfClose } = this.#errand;
    try {
      let start = 0;
      for (const { end, pause: milliseconds } of pieces) {
        await writeAll(this.#conn, bytes.subarray(start, end));
        if (start === 0) await inTheMiddle?.();
        start = end;
        if (milliseconds === 0) continue;
        const began = performance.now();
        await pause(milliseconds);
        this.#paused += performance.now() - began;
      }
      if (halfClose === "before") await this.#conn.closeWrite();
    } catch {
      // What was said to it before may still be there to be read.
    }
  }

  /** Reads the reply. Resolves to what ended it. */
  async #receive(): Promise<string> {
    try {
      for (;;) {
        const room = new Uint8Array(64 * 1024);
        const count = await this.#conn.read(room);
        if (count === null) return "end of file";
        this.#reply.push(room.subarray(0, count));
      }
    } catch (error) {
      return this.#isImpatient ? `silence for ${PATIENCE} ms` : `${error}`;
    }
  }

  #judge(end: string): Pick<Answer, "what" | "instead"> {
    const { right } = this.#errand;
    const reply = concat(this.#reply);
    const isWhole = end === "end of file";
    if (isWhole && equals(reply, right)) return { what: "right", instead: "" };
    const start = reply.subarray(0, 40);
    const text = /^ERROR:/.test(new TextDecoder().decode(start))
      ? ` (${new TextDecoder().decode(start)})`
      : "";
    const wrong = reply.findIndex((byte, place) => byte !== right[place]);
    const instead = `${reply.length} bytes${text} of ${right.length}, ` +
      (wrong < 0 ? "" : `wrong from byte ${wrong}, `) + `then ${end}`;
    const word = isWhole ? / \(ERROR:(.*)!\)/.exec(instead)?.[1] : undefined;
    const what = word === "busy" || word === "timed out" ? word : "lost";
    return { what, instead };
  }
}
