// @ts-check
/**
 * What travels between the sides of a trace: connections, bytes, ends of file,
 * and the resets that follow from them. Runs in Deno and in a browser.
 *
 * @module
 */
import { AFTER_RESET } from "./words.js";

/** @typedef {import("./trace.js").Trace} Trace */
/** @typedef {import("./trace.js").TraceEvent} TraceEvent */
/** @typedef {import("./trace.js").Flight} Flight */
/** @typedef {import("./trace.js").Step} Step */
/** @typedef {import("./trace.js").Side} Side */
/** @typedef {import("./words.js").Words} Words */

/**
 * What was seen to travel.
 *
 * @param {Trace} trace
 * @param {Map<TraceEvent, Step>} stepOf
 * @returns {Flight[]}
 */
export function flightsOf(trace, stepOf) {
  return [
    ...connectsOf(trace, stepOf),
    ...bytesOf(trace, stepOf),
    ...endsOf(trace, stepOf),
  ];
}

/**
 * @param {Trace} trace
 * @param {Map<TraceEvent, Step>} stepOf
 * @returns {Flight[]}
 */
function connectsOf({ events, unseen = [] }, stepOf) {
  return events.filter(({ what, error }) =>
    what === "connect" && error === undefined
  ).map((event) => {
    const { at: from, to, link } = event;
    const accepted = events.find((other) =>
      other.what === "accept" && other.link === link
    );
    return {
      kind: "connect",
      from,
      to,
      sent: stepOf.get(event),
      ...(accepted !== undefined && { received: stepOf.get(accepted) }),
      isLost: accepted === undefined && !unseen.includes(to),
    };
  });
}

/**
 * Follows the bytes of each direction by their positions in the stream: TCP
 * keeps their order, so the position tells which write a read is of.
 *
 * @param {Trace} trace
 * @param {Map<TraceEvent, Step>} stepOf
 * @returns {Flight[]}
 */
function bytesOf({ events, unseen = [] }, stepOf) {
  /** @type {Flight[]} */
  const flights = [];
  for (const { link, from, to } of directionsOf(events)) {
    /** @param {Side} at @param {string} what */
    const spansOf = (at, what) => spans(events, { at, what, link });
    const sent = spansOf(from, "send");
    const received = spansOf(to, "receive");
    for (const out of sent) {
      let read = out.start;
      for (const into of received) {
        const start = Math.max(out.start, into.start);
        const end = Math.min(out.end, into.end);
        if (start >= end) continue;
        read = Math.max(read, end);
        const received = stepOf.get(into.event);
        flights.push({
          kind: "bytes",
          from,
          to,
          sent: stepOf.get(out.event),
          received,
          start: (start - out.start) / (out.end - out.start),
          end: (start - into.start) / (into.end - into.start),
          ...(start === out.start && { text: out.event.text }),
          isLost: received?.what === "drop",
        });
      }
      if (read >= out.end) continue;
      flights.push({
        kind: "bytes",
        from,
        to,
        sent: stepOf.get(out.event),
        start: (read - out.start) / (out.end - out.start),
        ...(read === out.start && { text: out.event.text }),
        isLost: !unseen.includes(to),
        lostBytes: out.end - read,
      });
    }
    if (!unseen.includes(from)) continue;
    for (const { event } of received) {
      const step = stepOf.get(event);
      const { text } = event;
      flights.push(
        { kind: "bytes", from, to, received: step, text, isLost: false },
      );
    }
  }
  return flights;
}

/**
 * The end of file of each direction: after a half-close, or a close.
 *
 * @param {Trace} trace
 * @param {Map<TraceEvent, Step>} stepOf
 * @returns {Flight[]}
 */
function endsOf({ events, unseen = [] }, stepOf) {
  /** @type {Flight[]} */
  const flights = [];
  for (const { link, from, to } of directionsOf(events)) {
    const ended = events.find(({ at, what, link: other, error }) =>
      at === from && other === link && error === undefined &&
      (what === "half-close" || what === "close")
    );
    const read = events.find(({ at, what, link: other }) =>
      at === to && other === link && what === "end of file"
    );
    if (read === undefined && ended === undefined) continue;
    // After a reset, the end of file is not the other side's.
    if (read === undefined && !unseen.includes(to)) continue;
    if (ended === undefined && !unseen.includes(from)) continue;
    const sent = ended && stepOf.get(ended);
    const received = read && stepOf.get(read);
    flights.push({
      kind: "end",
      from,
      to,
      ...(sent && { sent }),
      ...(received && { received }),
      isLost: false,
    });
  }
  return flights;
}

/**
 * Bytes that were never read, and the resets that follow: a kernel answers a
 * byte for a closed socket with a reset, and resets a connection that is closed
 * with unread bytes (RFC 9293, 3.10.7.1 and 3.6.1). Deno shows neither.
 *
 * @param {Trace} trace
 * @param {Flight[]} flights
 * @param {Words} words
 * @returns {{ steps: Step[], flights: Flight[] }}
 */
export function inferredOf({ events }, flights, words) {
  /** @type {Step[]} */
  const steps = [];
  /** @type {Flight[]} */
  const resets = [];
  for (const flight of flights) {
    const { kind, isLost, from, to, sent, received } = flight;
    if (kind !== "bytes" || !isLost || sent === undefined) continue;
    if (received !== undefined) continue; // a proxy has dropped them
    const { link } = sent.event;
    /** @param {Side} side */
    const closeOf = (side) =>
      events.find(({ at, what, link: other }) =>
        at === side && what === "close" && other === link
      );
    const closed = closeOf(to);
    const ms = Math.max(sent.ms, closed?.ms ?? 0);
    const isAfterClose = closed !== undefined && closed.ms <= sent.ms;
    const unread = words.unread(sent.event, flight.lostBytes ?? 0, {
      ms,
      isAfterClose,
    });
    steps.push(unread);
    flight.received = unread;
    const isKnown = resets.some((other) =>
      other.from === to && other.sent?.event.link === link
    );
    const isGone = (closeOf(from)?.ms ?? Infinity) <= ms;
    if (closed === undefined || isGone || isKnown) continue;
    const reset = words.reset(sent.event, { ms, isAfterClose });
    const seen = events.find(({ at, link: other, error = "", ms }) =>
      at === from && other === link && AFTER_RESET.includes(error) &&
      ms >= reset.ms
    );
    steps.push(reset);
    resets.push({
      kind: "reset",
      from: to,
      to: from,
      sent: reset,
      ...(seen !== undefined && { received: words.known(seen) }),
      isLost: false,
    });
  }
  return { steps, flights: resets };
}

/**
 * @param {TraceEvent[]} events
 * @returns {{ link: number, from: Side, to: Side }[]}
 */
function directionsOf(events) {
  const found = new Map();
  for (const { link, at, to } of events) {
    found.set(`${link} ${at}`, { link, from: at, to });
    found.set(`${link} ${to}`, { link, from: to, to: at });
  }
  return [...found.values()];
}

/**
 * The events of a direction, with their positions in the stream of bytes.
 *
 * @param {TraceEvent[]} events
 * @param {{ at: Side, what: string, link: number }} which
 */
function spans(events, { at, what, link }) {
  let end = 0;
  return events.filter((event) =>
    event.at === at && event.what === what && event.link === link &&
    event.error === undefined
  ).map((event) => {
    const start = end;
    end += event.byteLength ?? 0;
    return { event, start, end };
  });
}
