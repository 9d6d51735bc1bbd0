/**
 * Draws a conversation as a time line in two columns, while it happens.
 *
 * @module
 */
import { cyan, dim, green, red } from "@std/fmt/colors";
import { timeOf } from "./amounts.ts";
import type { SendEvent } from "../client/events.ts";
import type { ConversationError } from "../client/reply.ts";
import type { ClientSystem } from "../client/system.ts";

/** Shows the conversations of a client while they happen. */
export interface Watcher {
  /** What the client has to run on, if not on Deno's sockets. */
  readonly system?: ClientSystem;
  /**
   * Shows that a conversation begins.
   *
   * @param address Address of the server, for people.
   * @param byteLength Number of bytes in the message; undefined if unknown.
   */
  begin(address: string, byteLength?: number): void;
  /** Shows a step of the conversation. */
  event(event: SendEvent): void;
  /** Ends an unfinished line, so that something else can be printed. */
  breakLine(): void;
  /** Shows that the conversation has ended, and why it failed. */
  end(failure?: ConversationError): void;
}

/** Options of a time line. */
export interface TimelineOptions {
  /** Called with complete lines, and at times with parts of one. */
  readonly write: (text: string) => void;
  /** Widths of the columns. @default {WIDE} */
  readonly layout?: Layout;
  /** Whether to use colours. @default {false} */
  readonly color?: boolean;
  /** Returns the time in ms. @default {performance.now} */
  readonly clock?: () => number;
}

/** Widths of the columns, in characters. */
export interface Layout {
  /** Width of the time in ms. */
  readonly time: number;
  /** Width of what this side does; the other side has the rest of the line. */
  readonly here: number;
}

/** Layout for a terminal of 80 columns. */
export const WIDE: Layout = { time: 9, here: 32 };

/** Layout for two time lines side by side in 80 columns. */
export const NARROW: Layout = { time: 5, here: 13 };

/** Bytes share a line while no pause between them is longer than this. */
const MAX_PAUSE_MS = 100;

/** No line stands for more time than this. */
const MAX_LINE_MS = 1000;

/** Bytes that took longer than this have their duration on the line. */
const MIN_DURATION_MS = 10;

type Direction = "out" | "in";

/** Bytes that share a line. */
interface Run {
  readonly since: number;
  until: number;
  byteLength: number;
}

/** Draws conversations, one after the other. */
export class Timeline implements Watcher {
  readonly #write: (text: string) => void;
  readonly #layout: Layout;
  readonly #color: boolean;
  readonly #clock: () => number;
  #beganAt = 0;
  /** Bytes that have no line yet. */
  #runs: Partial<Record<Direction, Run>> = {};
  #total: Record<Direction, number> = { out: 0, in: 0 };
  /** Time since which the client waits for the server. */
  #waitingSince: number | undefined;
  /** Whether the line of the wait is written without its end. */
  #isLineOpen = false;
  #hasEnded = false;
  #closedAt: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** What `write` threw when the timer called it. */
  #failure: { error: unknown } | undefined;

  /** Creates a time line. */
  constructor(options: TimelineOptions) {
    this.#write = options.write;
    this.#layout = options.layout ?? WIDE;
    this.#color = options.color ?? false;
    this.#clock = options.clock ?? (() => performance.now());
  }

  begin(address: string): void {
    this.#total = { out: 0, in: 0 };
    this.#hasEnded = false;
    this.#closedAt = undefined;
    this.#line("ms", "this side", "   ", "that side");
    // The first timer of a process takes 10 ms or more to start: start it
    // before the time line counts.
    this.#startTimer();
    this.#beganAt = this.#clock();
    this.#line(0, `connect to ${address}`);
  }

  event(event: SendEvent): void {
    const now = this.#now();
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#startTimer();
    switch (event.type) {
      case "connected":
        return this.#line(now, "connected");
      case "wrote":
        return this.#add("out", event.byteLength, now);
      case "sent":
        this.#flush();
        this.#waitingSince = now;
        return;
      case "half-close":
        this.#flush();
        this.#line(now, "half-close", "-->");
        if (this.#total.in === 0 && !this.#hasEnded) this.#waitingSince = now;
        return;
      case "read":
        this.#endWait(now);
        return this.#add("in", event.byteLength, now);
      case "end of file":
        this.#endWait(now);
        this.#flush();
        this.#hasEnded = true;
        return this.#line(now, "", "<--", "half-close");
      case "closed":
        this.#closedAt = now;
    }
  }

  breakLine(): void {
    this.#flush();
    this.#closeLine();
  }

  end(failure?: ConversationError): void {
    clearTimeout(this.#timer);
    if (this.#failure !== undefined) throw this.#failure.error;
    const now = this.#closedAt ?? this.#now();
    this.#endWait(now);
    this.#flush();
    if (failure !== undefined) {
      this.#line(now, `failed: ${failure.reason}`, "", "", red);
    }
    if (this.#closedAt !== undefined) this.#line(now, "close", "-->");
    const { out, in: received } = this.#total;
    const all = `${bytes(out)} out, ${bytes(received)} in`;
    this.#line("", all, "", "", dim);
  }

  #startTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      try {
        this.#showWait();
      } catch (error) {
        // A timer has no caller to catch this: the next event throws it.
        this.#failure = { error };
      }
    }, MAX_PAUSE_MS);
  }

  #now(): number {
    return this.#clock() - this.#beganAt;
  }

  #add(direction: Direction, byteLength: number, now: number): void {
    const since = this.#runs[direction]?.since ?? now;
    if (now - since > MAX_LINE_MS) this.#flush();
    this.#total[direction] += byteLength;
    const fresh = { since: now, until: now, byteLength: 0 };
    const run = this.#runs[direction] ??= fresh;
    run.until = now;
    run.byteLength += byteLength;
  }

  /** Writes the lines of bytes sent and received, the earlier first. */
  #flush(): void {
    const { out, in: received } = this.#runs;
    this.#runs = {};
    const isInFirst = received !== undefined && out !== undefined &&
      received.since < out.since;
    if (received && isInFirst) this.#lineIn(received);
    if (out) this.#line(out.since, count(out), "-->");
    if (received && !isInFirst) this.#lineIn(received);
  }

  #lineIn(run: Run): void {
    this.#line(run.since, "", "<--", count(run));
  }

  /** Called when nothing has happened for a while: shows the wait. */
  #showWait(): void {
    this.#flush();
    if (this.#waitingSince === undefined || this.#isLineOpen) return;
    this.#write(
      `${this.#time(this.#waitingSince)}  ${this.#paint("waits", cyan)}`,
    );
    this.#isLineOpen = true;
  }

  /** Completes the line of the wait, if there is one. */
  #endWait(now: number): void {
    if (this.#waitingSince === undefined) return;
    const waited = timeOf(now - this.#waitingSince);
    if (this.#isLineOpen) this.#write(` ${waited}\n`);
    else this.#line(this.#waitingSince, `waits ${waited}`);
    this.#isLineOpen = false;
    this.#waitingSince = undefined;
  }

  /** Writes a line. Without an arrow, `here` may be as wide as both sides. */
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
    if (this.#isLineOpen) this.#write("\n");
    this.#isLineOpen = false;
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
  return bytes(byteLength) +
    (time < MIN_DURATION_MS ? "" : ` in ${timeOf(time)}`);
}

function bytes(byteLength: number): string {
  // Intl would take its first 20 ms out of the conversation.
  const number = String(byteLength).replace(/\B(?=(\d{3})+$)/g, ",");
  return byteLength === 1 ? "1 byte" : `${number} bytes`;
}
