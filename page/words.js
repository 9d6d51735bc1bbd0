// @ts-check
/**
 * What an event of a trace means: a few words for a picture, a sentence for a
 * list. Runs in Deno and in a browser.
 *
 * @module
 */

import { relayWords } from "./relays.js";

/** @typedef {import("./trace.js").Trace} Trace */
/** @typedef {import("./trace.js").TraceEvent} TraceEvent */
/** @typedef {import("./trace.js").Step} Step */
/** @typedef {import("./trace.js").Side} Side */

/**
 * A number of bytes, in words.
 *
 * @param {number} byteLength
 * @returns {string}
 */
export function bytes(byteLength) {
  const number = String(byteLength).replace(/\B(?=(\d{3})+$)/g, ",");
  return byteLength === 1 ? "1 byte" : `${number} bytes`;
}

/**
 * What a side is called.
 *
 * @param {Pick<Trace, "names">} trace
 * @param {Side} side
 * @returns {string}
 */
export function nameOf({ names }, side) {
  return names?.[side] ?? (side === "path" ? "proxy" : side);
}

/** The errors of a call that follow a reset by the other side. */
export const AFTER_RESET = ["ConnectionReset", "BrokenPipe", "NotConnected"];

/** Tells the events of one trace, which it is given in their order. */
export class Words {
  /** @type {Trace} */
  #trace;
  /** The connections on which the server has a complete message. */
  #complete = new Set();
  /** The sides that have read an end of file, with the connection. */
  #ended = new Set();
  /** The connections on which the server has replied. */
  #replied = new Set();
  /** @type {Map<TraceEvent, Step>} */
  #known = new Map();

  /** @param {Trace} trace */
  constructor(trace) {
    this.#trace = trace;
  }

  /**
   * @param {TraceEvent[]} events One; or several that are one deed.
   * @returns {Step}
   */
  stepOf(events) {
    const first = /** @type {TraceEvent} */ (events[0]);
    const last = /** @type {TraceEvent} */ (events.at(-1));
    const [short, long] = events.length > 1
      ? this.#relays(events)
      : this.#say(first);
    const { ms, at } = first;
    const { what } = last;
    const step = { ms, at, what, event: first, events, short, long };
    for (const event of events) {
      this.#known.set(event, step);
      const key = `${event.at} ${event.link}`;
      if (event.what === "send") this.#replied.add(key);
      if (event.what === "message") this.#complete.add(event.link);
      if (event.what === "end of file") this.#ended.add(key);
    }
    return step;
  }

  /**
   * The step of an event that was told before.
   *
   * @param {TraceEvent} event
   * @returns {Step}
   */
  known(event) {
    return /** @type {Step} */ (this.#known.get(event));
  }

  /**
   * @param {TraceEvent} event A run.
   * @returns {Step}
   */
  endOfRun(event) {
    const { at, what, byteLength = 0, chunks, untilMs = event.ms } = event;
    const has = what === "send" ? "has sent" : "has read";
    const calls = what === "send" ? "writes" : "reads";
    const short = `${has} ${bytes(byteLength)}`;
    const long = `The ${this.#name(at)} ${short}, in ${chunks} ${calls}.`;
    return { ...this.#step(event, short, long), ms: untilMs };
  }

  /**
   * Bytes that were sent, and that the other side never read.
   *
   * @param {TraceEvent} sent
   * @param {number} byteLength The number of these bytes.
   * @param {{ ms: number, isAfterClose: boolean }} when Whether the other side
   * had closed before.
   * @returns {Step}
   */
  unread(sent, byteLength, { ms, isAfterClose }) {
    const lost = bytes(byteLength);
    const long = isAfterClose
      ? `${lost} arrive at a closed connection: the ${this.#name(sent.to)} ` +
        "never reads them."
      : `The ${this.#name(sent.to)} never reads ${lost} of these.`;
    return {
      ...this.#step(sent, `never reads ${lost}`, long),
      ms,
      at: sent.to,
      what: "unread",
      isInferred: true,
    };
  }

  /**
   * The reset that follows.
   *
   * @param {TraceEvent} sent The bytes that were never read.
   * @param {{ ms: number, isAfterClose: boolean }} when
   * @returns {Step}
   */
  reset(sent, { ms, isAfterClose }) {
    const to = this.#name(sent.to);
    const cause = isAfterClose
      ? "for bytes that arrive after the close"
      : "for a close with unread bytes";
    return {
      ...this.#step(
        sent,
        "resets the connection (inferred)",
        `The operating system of the ${to} sends a reset ${cause}. This is ` +
          "inferred (RFC 9293): Deno does not show resets.",
      ),
      ms,
      at: sent.to,
      what: "reset",
      isInferred: true,
    };
  }

  /**
   * A step without an event of its own.
   *
   * @param {TraceEvent} event
   * @param {string} short
   * @param {string} long
   * @returns {Step}
   */
  #step(event, short, long) {
    const { ms, at, what } = event;
    return { ms, at, what, event, events: [], short, long };
  }

  /** @param {Side} side */
  #name(side) {
    return nameOf(this.#trace, side);
  }

  /**
   * @param {TraceEvent} event
   * @returns {[short: string, long: string]}
   */
  #say(event) {
    const { at, to, link, byteLength = 0, text = "", error } = event;
    const me = `The ${this.#name(at)}`;
    const other = this.#name(to);
    const key = `${at} ${link}`;
    const quoted = text === "" ? "" : `: “${text}”`;
    if (error !== undefined) return this.#failed(event, error);
    switch (event.what) {
      case "connect":
        return [
          at === "path" ? `connects to the ${other}` : "connects",
          `${me} connects to the ${other}.`,
        ];
      case "accept":
        return ["accepts", `${me} accepts the connection of the ${other}.`];
      case "send": {
        if (event.untilMs !== undefined) {
          return ["starts to send", `${me} starts to send${quoted}`];
        }
        const sends = at === "server" ? "replies with" : "sends";
        const short = `${sends} ${bytes(byteLength)}`;
        return [short, `${me} ${short}${quoted}.`];
      }
      case "receive": {
        if (event.untilMs !== undefined) {
          return ["starts to read", `${me} starts to read${quoted}`];
        }
        const short = `reads ${bytes(byteLength)}`;
        return [short, `${me} ${short}${quoted}.`];
      }
      case "message":
        return [
          "has the complete message",
          `${me} has a complete message, and calls its handler${quoted}.`,
        ];
      case "forget":
        return [
          "forgets the connection",
          `${me} forgets the connection, and tells nobody.`,
        ];
      case "drop":
        return [
          `drops ${bytes(byteLength)}`,
          `${me} drops ${bytes(byteLength)}: they reach nobody.`,
        ];
      case "half-close":
        return this.#halfCloses(event, me, other);
      case "end of file":
        return this.#endOfFile(event, me, other);
      case "close": {
        const closes = at === "path" ? `closes towards the ${other}` : "closes";
        return this.#ended.has(key)
          ? [closes, `${me} ${closes}: both directions have ended.`]
          : [
            at === "path" ? closes : `${closes}: no longer listening`,
            `${me} ${closes}: it sends nothing more, and no longer listens.`,
          ];
      }
      default:
        return [text, `${me} ${text}.`];
    }
  }

  /**
   * @param {TraceEvent} event
   * @param {string} me
   * @param {string} other
   * @returns {[string, string]}
   */
  #halfCloses({ at, link }, me, other) {
    if (at === "path") {
      const short = `half-closes towards the ${other}`;
      return [short, `${me} ${short}.`];
    }
    return this.#ended.has(`${at} ${link}`)
      ? [
        "half-closes, too: both are done sending",
        `${me} half-closes, too: neither side sends any more.`,
      ]
      : [
        "half-closes: done sending, still listening",
        `${me} half-closes: it sends nothing more, and still listens.`,
      ];
  }

  /**
   * @param {TraceEvent[]} events One deed of a proxy.
   * @returns {[string, string]}
   */
  #relays(events) {
    const [{ at, to: from, byteLength = 0, text }, { to }] =
      /** @type {[TraceEvent, TraceEvent]} */ ([events[0], events.at(-1)]);
    return relayWords(events.map(({ what }) => what).join(), {
      me: `The ${this.#name(at)}`,
      from: this.#name(from),
      to: this.#name(to),
      bytes: bytes(byteLength),
      text,
    });
  }

  /**
   * @param {TraceEvent} event
   * @param {string} me
   * @param {string} other
   * @returns {[string, string]}
   */
  #endOfFile({ at, to, link }, me, other) {
    const file = "reads end of file";
    // The end that a path passes on may be that of another.
    if (to === "path" && at === "client") {
      return [
        `${file}: nothing more comes`,
        `${me} reads the end of file from the ${other}: nothing more comes.`,
      ];
    }
    const read = to === "path"
      ? `${me} reads the end of file from the ${other}: nothing more comes`
      : `${me} reads the end of file: the ${other} is done sending`;
    if (at !== "server") {
      return [`${file}: the ${other} is done sending`, `${read}.`];
    }
    const who = this.#name(to === "path" ? "client" : to);
    const listening = `It cannot know whether the ${who} still listens.`;
    if (this.#complete.has(link) || this.#replied.has(`server ${link}`)) {
      return [`${file}: nothing more comes`, `${read}. ${listening}`];
    }
    return [
      `${file}, and no end marker: it will never come`,
      `${read}, and no end marker has come. ${listening}`,
    ];
  }

  /**
   * @param {TraceEvent} event
   * @param {string} error
   * @returns {[string, string]}
   */
  #failed({ at, to, what, byteLength, text = "" }, error) {
    const calls = {
      "send": "write",
      "receive": "read",
      "half-close": "half-close",
      "connect": "connect",
    };
    const call = calls[/** @type {keyof calls} */ (what)] ?? what;
    const why = text === "" ? error : `${error} (${text})`;
    const other = this.#name(to);
    if (what === "send" && byteLength === 0) {
      const learns = `learns that the ${other} is gone`;
      return [
        `${learns} (${error})`,
        `The ${this.#name(at)} ${learns}: it asks its operating system, with ` +
        `a write of no bytes, and this fails: ${why}.`,
      ];
    }
    return AFTER_RESET.includes(error)
      ? [
        `cannot ${call}: the ${other} is gone (${error})`,
        `The ${call} of the ${this.#name(at)} fails, because the ${other} is ` +
        `gone: ${why}.`,
      ]
      : [
        `cannot ${call}: ${error}`,
        `The ${call} of the ${this.#name(at)} fails: ${why}.`,
      ];
  }
}
