// @ts-check
/**
 * What an event of a trace means: a few words for a picture, a sentence for a
 * list. Runs in Deno and in a browser.
 *
 * @module
 */

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

/** The errors of a call that follow a reset by the other side. */
export const AFTER_RESET = ["ConnectionReset", "BrokenPipe", "NotConnected"];

/** Tells the events of one trace, which it is given in their order. */
export class Words {
  /** @type {Trace} */
  #trace;
  /** The connections on which the server has a complete message. */
  #complete = new Set();
  /** The sides that have half-closed, with the connection. */
  #halfClosed = new Set();
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
   * @param {TraceEvent} event
   * @returns {Step}
   */
  stepOf(event) {
    const [short, long] = this.#say(event);
    // A proxy stands in the middle, where there is little space.
    const isBrief = event.at === "path" && event.what !== "note";
    const step = this.#step(event, isBrief ? event.what : short, long);
    this.#known.set(event, step);
    const key = `${event.at} ${event.link}`;
    if (event.what === "send") this.#replied.add(key);
    if (event.what === "message") this.#complete.add(event.link);
    if (event.what === "half-close") this.#halfClosed.add(key);
    if (event.what === "end of file") this.#ended.add(key);
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
    return { ...this.#step(event, short, long), ms: untilMs, what: "run end" };
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
        "reset (inferred)",
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
   * @param {TraceEvent} event
   * @param {string} short
   * @param {string} long
   * @returns {Step}
   */
  #step(event, short, long) {
    const { ms, at, what } = event;
    return { ms, at, what, event, short, long };
  }

  /** @param {Side} side */
  #name(side) {
    return this.#trace.names?.[side] ?? (side === "path" ? "proxy" : side);
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
        return ["connects", `${me} connects to the ${other}.`];
      case "accept":
        return ["accepts", `${me} accepts the connection of the ${other}.`];
      case "send": {
        if (event.untilMs !== undefined) {
          return ["starts to send", `${me} starts to send${quoted}`];
        }
        const verb = at === "server" ? "replies" : "sends";
        return [
          `${verb} ${at === "server" ? "with " : ""}${bytes(byteLength)}`,
          at === "server"
            ? `${me} replies with ${bytes(byteLength)}${quoted}.`
            : `${me} sends ${bytes(byteLength)}${quoted}.`,
        ];
      }
      case "receive":
        return event.untilMs !== undefined
          ? ["starts to read", `${me} starts to read${quoted}`]
          : [
            `reads ${bytes(byteLength)}`,
            `${me} reads ${bytes(byteLength)}${quoted}.`,
          ];
      case "message":
        return [
          "the message is complete",
          `${me} has a complete message, and calls its handler${quoted}.`,
        ];
      case "half-close":
        return [
          this.#ended.has(key)
            ? "half-close: done sending, too"
            : "half-close: done sending, still listening",
          this.#ended.has(key)
            ? `${me} half-closes, too: neither side sends any more.`
            : `${me} half-closes: it sends nothing more, and still listens.`,
        ];
      case "end of file":
        return this.#endOfFile(event, me, other);
      case "close": {
        const isDeaf = !this.#ended.has(key);
        return isDeaf
          ? [
            "close: no longer listening",
            `${me} closes: it sends nothing more, and no longer listens.`,
          ]
          : ["close", `${me} closes: both directions have ended.`];
      }
      default:
        return [text, `${me}: ${text}.`];
    }
  }

  /**
   * @param {TraceEvent} event
   * @param {string} me
   * @param {string} other
   * @returns {[string, string]}
   */
  #endOfFile({ at, link }, me, other) {
    const read = `${me} reads the end of file: the ${other} is done sending`;
    if (at !== "server") {
      return [`end of file: the ${other} is done sending`, `${read}.`];
    }
    const listening = `It cannot know whether the ${other} still listens.`;
    if (this.#complete.has(link) || this.#replied.has(`server ${link}`)) {
      return ["end of file: nothing more comes", `${read}. ${listening}`];
    }
    return [
      "end of file, and no end marker: it will never come",
      `${read}, and no end marker has come. ${listening}`,
    ];
  }

  /**
   * @param {TraceEvent} event
   * @param {string} error
   * @returns {[string, string]}
   */
  #failed({ at, to, what, text = "" }, error) {
    const calls = {
      "send": "write",
      "receive": "read",
      "half-close": "half-close",
      "connect": "connect",
    };
    const call = calls[/** @type {keyof calls} */ (what)] ?? what;
    const why = text === "" ? error : `${error} (${text})`;
    const other = this.#name(to);
    return AFTER_RESET.includes(error)
      ? [
        `the ${other} is gone: ${error}`,
        `The ${call} of the ${this.#name(at)} fails, because the ${other} is ` +
        `gone: ${why}.`,
      ]
      : [
        `${call} fails: ${error}`,
        `The ${call} of the ${this.#name(at)} fails: ${why}.`,
      ];
  }
}
