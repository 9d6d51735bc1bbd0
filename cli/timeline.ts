/**
 * A conversation as a time line, drawn while it happens: for people in two
 * columns, for programs in lines of JSON.
 *
 * @module
 */
import { cyan, dim, green, red } from "@std/fmt/colors";
import { timeOf } from "./amounts.ts";
import type { ConversationError, SendEvent } from "./answer.ts";

/** Who watches a conversation from the client's side. */
export interface Watcher {
  /**
   * It begins.
   *
   * @param to The address, for people.
   * @param size How many bytes the message has, where that is known.
   */
  begin(to: string, size?: number): void;
  /** A step of it. */
  event(event: SendEvent): void;
  /** Something else is to be printed now. */
  makeRoom(): void;
  /** It is over. */
  end(failure?: ConversationError): void;
}

/** Where the time line goes, and how wide it is. */
export interface TimelineOptions {
  /** Takes lines, and sometimes the beginning of one. */
  readonly write: (text: string) => void;
  /** The widths of its columns. @default {WIDE} */
  readonly layout?: Layout;
  /** Whether to use colours. @default {false} */
  readonly color?: boolean;
  /** The clock, in ms. @default {performance.now} */
  readonly clock?: () => number;
}

/** The widths of the columns. */
export interface Layout {
  /** Of the milliseconds. */
  readonly time: number;
  /** Of what this side does; that side has the rest. */
  readonly here: number;
}

/** For a terminal of 80 columns. */
export const WIDE: Layout = { time: 9, here: 32 };

/** For two next to each other. */
export const NARROW: Layout = { time: 5, here: 13 };

/** Bytes that follow each other in less than this are one line, in ms. */
const TOGETHER = 100;

/** No line stands for more than this, in ms. */
const LONGEST_LINE = 1000;

type Direction = "out" | "in";

/** Bytes that are on one line. */
interface Run {
  readonly since: number;
  until: number;
  byteLength: number;
}

/** What took less than this, in ms, has one time, and no second. */
const INSTANT = 10;

/** Draws conversations, one after the other. */
export class Timeline implements Watcher {
  readonly #write: (text: string) => void;
  readonly #layout: Layout;
  readonly #color: boolean;
  readonly #clock: () => number;
  #begun = 0;
  /** Bytes that have no line yet. */
  #runs: Partial<Record<Direction, Run>> = {};
  #total: Record<Direction, number> = { out: 0, in: 0 };
  /** Since when the other side is to speak. */
  #waiting: number | undefined;
  /** The line of the wait stands there, without its end. */
  #isOpen = false;
  #ended = false;
  #closed: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** What a line met that no event had asked for. */
  #failure: { error: unknown } | undefined;

  constructor(options: TimelineOptions) {
    this.#write = options.write;
    this.#layout = options.layout ?? WIDE;
    this.#color = options.color ?? false;
    this.#clock = options.clock ?? (() => performance.now());
  }

  begin(to: string): void {
    this.#total = { out: 0, in: 0 };
    this.#ended = false;
    this.#closed = undefined;
    this.#line("ms", "this side", "   ", "that side");
    // The first timer of a process takes 10 ms or more: here, before it counts.
    this.#wind();
    this.#begun = this.#clock();
    this.#line(0, `connect to ${to}`);
  }

  event(event: SendEvent): void {
    const now = this.#now();
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#wind();
    switch (event.type) {
      case "connected":
        return this.#line(now, "connected");
      case "wrote":
        return this.#add("out", event.byteLength, now);
      case "sent":
        this.#flush();
        this.#waiting = now;
        return;
      case "half-close":
        this.#flush();
        this.#line(now, "half-close", "-->");
        if (this.#total.in === 0 && !this.#ended) this.#waiting = now;
        return;
      case "read":
        this.#answered(now);
        return this.#add("in", event.byteLength, now);
      case "end of file":
        this.#answered(now);
        this.#flush();
        this.#ended = true;
        return this.#line(now, "", "<--", "half-close");
      case "closed":
        this.#closed = now;
    }
  }

  makeRoom(): void {
    this.#flush();
    this.#closeLine();
  }

  end(failure?: ConversationError): void {
    clearTimeout(this.#timer);
    if (this.#failure !== undefined) throw this.#failure.error;
    const now = this.#closed ?? this.#now();
    this.#answered(now);
    this.#flush();
    if (failure !== undefined) {
      this.#line(now, `failed: ${failure.reason}`, "", "", red);
    }
    if (this.#closed !== undefined) this.#line(now, "close", "-->");
    const { out, in: come } = this.#total;
    const all = `${bytes(out)} out, ${bytes(come)} in`;
    this.#line("", all, "", "", dim);
  }

  #wind(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      try {
        this.#nothingComes();
      } catch (error) {
        // Here nobody would catch it; the next event throws it to somebody.
        this.#failure = { error };
      }
    }, TOGETHER);
  }

  #now(): number {
    return this.#clock() - this.#begun;
  }

  #add(direction: Direction, byteLength: number, now: number): void {
    const since = this.#runs[direction]?.since ?? now;
    if (now - since > LONGEST_LINE) this.#flush();
    this.#total[direction] += byteLength;
    const fresh = { since: now, until: now, byteLength: 0 };
    const run = this.#runs[direction] ??= fresh;
    run.until = now;
    run.byteLength += byteLength;
  }

  /** Writes the lines of bytes that came and went, the earlier first. */
  #flush(): void {
    const { out, in: come } = this.#runs;
    this.#runs = {};
    const tellOut = () => out && this.#line(out.since, count(out), "-->");
    const tellIn = () => come && this.#line(come.since, "", "<--", count(come));
    if (out !== undefined && come !== undefined && come.since < out.since) {
      tellIn();
      tellOut();
    } else {
      tellOut();
      tellIn();
    }
  }

  /** Nothing has happened for a while. */
  #nothingComes(): void {
    this.#flush();
    if (this.#waiting === undefined || this.#isOpen) return;
    this.#write(`${this.#time(this.#waiting)}  ${this.#paint("waits", cyan)}`);
    this.#isOpen = true;
  }

  /** The other side speaks. */
  #answered(now: number): void {
    if (this.#waiting === undefined) return;
    const waited = timeOf(now - this.#waiting);
    if (this.#isOpen) this.#write(` ${waited}\n`);
    else this.#line(this.#waiting, `waits ${waited}`);
    this.#isOpen = false;
    this.#waiting = undefined;
  }

  /** What stands alone may be as wide as both sides. */
  #line(
    time: number | string,
    here: string,
    arrow = "",
    there = "",
    color = cyan,
  ): void {
    this.#closeLine();
    const { here: width } = this.#layout;
    const line = arrow === ""
      ? `${this.#time(time)}  ${this.#paint(here, color)}`
      : `${this.#time(time)}  ${this.#paint(here.padEnd(width), color)} ` +
        `${arrow}${there === "" ? "" : `  ${this.#paint(there, green)}`}`;
    this.#write(`${line.trimEnd()}\n`);
  }

  #closeLine(): void {
    if (this.#isOpen) this.#write("\n");
    this.#isOpen = false;
  }

  #time(time: number | string): string {
    const text = typeof time === "number" ? time.toFixed(1) : time;
    return this.#paint(text.padStart(this.#layout.time), dim);
  }

  #paint(text: string, color: (text: string) => string): string {
    return this.#color && text !== "" ? color(text) : text;
  }
}

function count({ byteLength, since, until }: Run): string {
  const time = until - since;
  return bytes(byteLength) + (time < INSTANT ? "" : ` in ${timeOf(time)}`);
}

function bytes(byteLength: number): string {
  // Intl would take its first 20 ms out of the conversation.
  const number = String(byteLength).replace(/\B(?=(\d{3})+$)/g, ",");
  return byteLength === 1 ? "1 byte" : `${number} bytes`;
}

/** The same for programs: a line of JSON for each step. */
export class JsonTimeline implements Watcher {
  readonly #write: (text: string) => void;
  #conversation = 0;
  #begun = 0;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  begin(to: string): void {
    this.#conversation++;
    this.#begun = performance.now();
    this.#tell("connect", { to });
  }

  event(event: SendEvent): void {
    const bytes = "byteLength" in event ? event.byteLength : undefined;
    this.#tell(event.type, { bytes });
  }

  makeRoom(): void {
    // Each step has its line already.
  }

  end(failure?: ConversationError): void {
    if (failure === undefined) return;
    const { reason, message } = failure;
    this.#tell("failed", { reason, message });
  }

  #tell(event: string, what: Record<string, unknown>): void {
    const since = performance.now() - this.#begun;
    const ms = Number(since.toFixed(3));
    const conversation = this.#conversation;
    const line = { conversation, ms, event, ...what };
    this.#write(`${JSON.stringify(line)}\n`);
  }
}
