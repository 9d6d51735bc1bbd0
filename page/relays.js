// @ts-check
/**
 * What a proxy does in one go: it reads from one side, and passes on to the
 * other. Runs in Deno and in a browser.
 *
 * @module
 */

/** @typedef {import("./trace.js").TraceEvent} TraceEvent */

/** Calls of a proxy that are one deed; the longest first. */
export const RELAYS = [
  ["end of file", "half-close", "close", "close"],
  ["end of file", "close", "close"],
  ["end of file", "half-close"],
  ["close", "close"],
  ["accept", "connect"],
  ["receive", "send"],
  ["receive", "drop"],
];

/**
 * Joins the events that are one deed of a proxy, if nothing else happened in
 * between.
 *
 * @param {TraceEvent[]} events
 * @returns {TraceEvent[][]}
 */
export function deedsOf(events) {
  const deeds = [];
  for (let index = 0; index < events.length;) {
    const relay = RELAYS.find((calls) =>
      isRelay(events.slice(index, index + calls.length), calls)
    );
    const count = relay?.length ?? 1;
    deeds.push(events.slice(index, index + count));
    index += count;
  }
  return deeds;
}

/**
 * @param {TraceEvent[]} events
 * @param {string[]} calls
 */
function isRelay(events, calls) {
  const [first] = events;
  return events.length === calls.length &&
    events.every(({ at, what, error, untilMs, byteLength }, index) =>
      at === "path" && what === calls[index] && error === undefined &&
      untilMs === undefined && byteLength === first?.byteLength
    );
}

/**
 * What a deed means.
 *
 * @param {string} calls The calls that it consists of.
 * @param {{ me: string, from: string, to: string, bytes: string, text?: string | undefined }} parts
 * Who does it, for whom, and with which bytes.
 * @returns {[short: string, long: string]}
 */
export function relayWords(calls, { me, from, to, bytes, text }) {
  const read = `${me} reads the end of file of the ${from}`;
  const both = "closes both connections";
  switch (calls) {
    case "accept,connect":
      return [
        `accepts, and connects to the ${to}`,
        `${me} accepts the connection of the ${from}, and connects to the ` +
        `${to}.`,
      ];
    case "receive,send":
      return [
        `passes ${bytes} on`,
        `${me} reads ${bytes} from the ${from}, and passes them on to the ` +
        `${to}: “${text}”.`,
      ];
    case "receive,drop":
      return [
        `drops ${bytes}`,
        `${me} reads ${bytes} from the ${from}, and drops them: they reach ` +
        `nobody.`,
      ];
    case "end of file,half-close":
      return [
        `half-closes towards the ${to}, too`,
        `${read}, and passes it on: it half-closes towards the ${to}.`,
      ];
    case "end of file,half-close,close,close":
      return [
        `passes the end of file on, and ${both}`,
        `${read}, passes it on, and ${both}.`,
      ];
    case "end of file,close,close":
      return [`reads end of file, and ${both}`, `${read}, and ${both}.`];
    default:
      return [both, `${me} ${both}.`];
  }
}
