/**
 * Records what happens to the sockets of a conversation. The program that uses
 * a socket does not notice.
 *
 * @module
 */
import type { Address } from "../client/address.ts";
import type { ClientSystem } from "../client/system.ts";
import { systemClock } from "../framing/clock.ts";
import type { Side, Trace, TraceEvent } from "./trace.js";

/** Reads or writes of this many bytes in a row are recorded as one. */
const BULK_BYTES = 1000;

/** The number of characters that are kept of the bytes of a call. */
const MAX_TEXT = 44;

/** A listener of Deno's own. */
export type ConnListener = Deno.Listener<Deno.Conn, Deno.Addr>;

/** Which end of which connection a socket is. */
export interface End {
  /** Whose socket it is. */
  readonly at: Side;
  /** The other end of the connection. */
  readonly to: Side;
}

/** Records the events of one conversation. */
export class Recorder {
  readonly #startedMs = performance.now();
  readonly #events: TraceEvent[] = [];
  readonly #sides: readonly Side[];
  /** The connections, by the port from which each was opened. */
  readonly #links = new Map<string, number>();
  #onEvent = Promise.withResolvers<void>();

  /** @param sides Those that take part, from left to right. */
  constructor(sides: readonly Side[]) {
    this.#sides = sides;
  }

  /** Time since the recording began, in ms. */
  now(): number {
    return performance.now() - this.#startedMs;
  }

  /** Records an event. */
  add(event: Omit<TraceEvent, "ms"> & { ms?: number }): void {
    const ms = event.ms ?? this.now();
    this.#events.push({ ...event, ms });
    this.wake();
  }

  /** Resolves when the events so far meet a condition. */
  async until(
    isMet: (events: readonly TraceEvent[]) => boolean,
    signal?: AbortSignal,
  ): Promise<void> {
    const aborted = new Promise<void>((_, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason));
    });
    aborted.catch(() => {}); // an abort after the wait
    while (!isMet(this.#events)) {
      signal?.throwIfAborted();
      await Promise.race([this.#onEvent.promise, aborted]);
    }
  }

  /** The number of bytes that a side has sent so far. */
  bytesSentBy(side: Side): number {
    return this.#events.filter(({ at, what }) => at === side && what === "send")
      .reduce((sum, { byteLength = 0 }) => sum + byteLength, 0);
  }

  /** Connects on behalf of a side, and records the socket. */
  async connect(
    open: () => Promise<Deno.Conn>,
    end: End,
  ): Promise<Deno.Conn> {
    const ms = this.now();
    const what = "connect";
    try {
      const conn = await open();
      const link = this.linkOf(conn.localAddr);
      this.add({ ...end, ms, link, what });
      return this.#recorded(conn, { ...end, link });
    } catch (error) {
      const link = this.#links.size;
      this.add({ ...end, link, what, ...failureOf(error) });
      throw error;
    }
  }

  /** A listener of a side, whose sockets are recorded. */
  listener(listener: ConnListener, end: End): ConnListener {
    const accept = async () => {
      const conn = await listener.accept();
      const link = this.linkOf(conn.remoteAddr);
      this.add({ ...end, link, what: "accept" });
      return this.#recorded(conn, { ...end, link });
    };
    return replaced(listener, { accept });
  }

  /** A system for a client, whose sockets are recorded. */
  system(
    open: (address: Address, signal?: AbortSignal) => Promise<Deno.Conn>,
    end: End,
  ): ClientSystem {
    return {
      clock: systemClock,
      connect: (address, signal) =>
        this.connect(() => open(address, signal), end),
    };
  }

  /** The trace so far. */
  trace(about: Omit<Trace, "sides" | "events">): Trace {
    const sorted = this.#events.toSorted((a, b) => a.ms - b.ms);
    const startMs = sorted[0]?.ms ?? 0;
    const events = inRuns(sorted).map((event) => since(startMs, event));
    return { ...about, sides: [...this.#sides], events };
  }

  /** Ends a wait for events whose condition may hold now. */
  wake(): void {
    this.#onEvent.resolve();
    this.#onEvent = Promise.withResolvers<void>();
  }

  /** The number of a connection, by the address from which it was opened. */
  linkOf(opener: Deno.Addr): number {
    const key = "port" in opener ? String(opener.port) : "";
    const known = this.#links.get(key);
    if (known !== undefined) return known;
    const link = this.#links.size;
    this.#links.set(key, link);
    return link;
  }

  /** Returns a connection that passes each call on to `conn`, and records it. */
  #recorded(conn: Deno.Conn, where: End & { link: number }): Deno.Conn {
    let isClosed = false;
    const fail = (
      what: TraceEvent["what"],
      error: unknown,
      more: Pick<TraceEvent, "byteLength"> = {},
    ) => {
      // A call that our own close interrupts says nothing of the connection.
      if (!isClosed) this.add({ ...where, what, ...more, ...failureOf(error) });
    };
    return replaced(conn, {
      read: async (buffer: Uint8Array) => {
        try {
          const byteLength = await conn.read(buffer);
          if (byteLength === null) {
            this.add({ ...where, what: "end of file" });
          } else {
            const text = textOf(buffer.subarray(0, byteLength));
            this.add({ ...where, what: "receive", byteLength, text });
          }
          return byteLength;
        } catch (error) {
          fail("receive", error);
          throw error;
        }
      },
      write: async (chunk: Uint8Array) => {
        const ms = this.now();
        try {
          const byteLength = await conn.write(chunk);
          const text = textOf(chunk.subarray(0, byteLength));
          // A write of no byte only asks whether the connection still works.
          if (byteLength > 0) {
            this.add({ ...where, ms, what: "send", byteLength, text });
          }
          return byteLength;
        } catch (error) {
          fail("send", error, chunk.length === 0 ? { byteLength: 0 } : {});
          throw error;
        }
      },
      closeWrite: async () => {
        const ms = this.now();
        try {
          await conn.closeWrite();
          this.add({ ...where, ms, what: "half-close" });
        } catch (error) {
          fail("half-close", error);
          throw error;
        }
      },
      close: () => {
        if (!isClosed) this.add({ ...where, what: "close" });
        isClosed = true;
        conn.close();
      },
    });
  }
}

/** Returns `target` with some of its methods replaced; all else is passed on. */
function replaced<Target extends object>(
  target: Target,
  methods: Partial<Target>,
): Target {
  return new Proxy(target, {
    get(target, key) {
      if (Object.hasOwn(methods, key)) return Reflect.get(methods, key);
      const value = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function failureOf(error: unknown): Pick<TraceEvent, "error" | "text"> {
  if (!(error instanceof Error)) return { error: String(error) };
  return { error: error.name };
}

/** What a picture must not hold: control characters, also of direction. */
const CONTROL =
  // deno-lint-ignore no-control-regex
  /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The first bytes as text; a control character is a picture of itself. */
function textOf(chunk: Uint8Array): string {
  const text = new TextDecoder().decode(chunk.subarray(0, 4 * MAX_TEXT))
    .replace(CONTROL, (character) => {
      const code = character.charCodeAt(0);
      return code < 32 ? String.fromCharCode(0x2400 + code) : "\ufffd";
    });
  return text.length > MAX_TEXT || chunk.length > 4 * MAX_TEXT
    ? `${text.slice(0, MAX_TEXT)}…`
    : text;
}

/**
 * Joins reads, and writes, of many bytes in a row on one socket, unless
 * something else happens anywhere in between.
 */
function inRuns(events: readonly TraceEvent[]): TraceEvent[] {
  const joined: TraceEvent[] = [];
  const runs = new Map<string, TraceEvent>();
  for (const event of events) {
    const { byteLength = 0, error, at, link, what, ms } = event;
    const key = `${at} ${link} ${what}`;
    const run = runs.get(key);
    const isBulk = byteLength >= BULK_BYTES || run !== undefined;
    if (!isBulk || error !== undefined) {
      runs.clear();
      joined.push(event);
      continue;
    }
    if (run === undefined) {
      const first = { ...event };
      runs.set(key, first);
      joined.push(first);
      continue;
    }
    run.byteLength = (run.byteLength ?? 0) + byteLength;
    run.chunks = (run.chunks ?? 1) + 1;
    run.untilMs = ms;
  }
  return joined;
}

/** Counts times in ms from the start, with two decimal digits. */
function since(startMs: number, event: TraceEvent): TraceEvent {
  const round = (ms: number) => Math.round((ms - startMs) * 100) / 100;
  const { ms, untilMs } = event;
  return {
    ...event,
    ms: round(ms),
    ...(untilMs !== undefined && { untilMs: round(untilMs) }),
  };
}
