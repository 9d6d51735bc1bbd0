// @ts-check
/**
 * A trace: what happened to the sockets of a conversation, and what follows
 * from that. Runs in Deno and in a browser.
 *
 * @module
 */

import { AFTER_RESET, bytes, Words } from "./words.js";

/** @typedef {"client" | "path" | "server"} Side */

/**
 * One call on a socket that has ended, as the program saw it. `message` says
 * that a server has passed a complete message to its handler; `note` is a
 * remark of the program that ran the conversation.
 *
 * @typedef {object} TraceEvent
 * @property {number} ms Time of the event. Of bytes sent: when the call began.
 * @property {number} [untilMs] The end of a run of reads or writes.
 * @property {Side} at Whose socket it was.
 * @property {Side} to The other end of the connection.
 * @property {number} link Number of the connection, from 0.
 * @property {"connect" | "accept" | "send" | "receive" | "half-close" | "end of file" | "close" | "message" | "note"} what
 * @property {number} [byteLength] Number of bytes sent or received.
 * @property {number} [chunks] Number of calls in a run.
 * @property {string} [text] The first bytes as text; or the remark.
 * @property {string} [error] The error with which the call failed.
 */

/**
 * @typedef {object} Trace
 * @property {string} title
 * @property {Side[]} sides Those that took part, from left to right.
 * @property {Partial<Record<Side, string>>} [names] What they are called.
 * @property {Side[]} [unseen] Those whose sockets were not observed.
 * @property {TraceEvent[]} events In the order of their times.
 */

/**
 * What travels from one side to another. Without `sent`, nobody has seen it
 * leave; without `received`, it has not arrived.
 *
 * @typedef {object} Flight
 * @property {"connect" | "bytes" | "end" | "reset"} kind
 * @property {Side} from
 * @property {Side} to
 * @property {Step} [sent]
 * @property {Step} [received]
 * @property {number} [start] The part of the run that was sent before it, 0 to 1.
 * @property {number} [end] The part of the run that was received before it.
 * @property {string} [text]
 * @property {boolean} isLost Whether it never arrived.
 * @property {number} [lostBytes] The number of bytes that were never read.
 */

/**
 * An event in words, or what follows from the events: bytes that were never
 * read, and a reset that no program sees.
 *
 * @typedef {object} Step
 * @property {number} ms
 * @property {Side} at
 * @property {string} what
 * @property {TraceEvent} event
 * @property {string} short A few words, for a picture.
 * @property {string} long A sentence.
 * @property {Step} [runEnd] The step that ends a run.
 * @property {boolean} [isInferred] Whether no program saw it.
 */

/**
 * A trace in words, and what travelled.
 *
 * @typedef {object} Story
 * @property {Step[]} steps In the order of their times.
 * @property {Flight[]} flights
 */

/**
 * Tells a trace in words.
 *
 * @param {Trace} trace
 * @returns {Story}
 */
export function storyOf(trace) {
  const words = new Words(trace);
  /** @type {Step[]} */
  const steps = [];
  /** @type {Map<TraceEvent, Step>} */
  const stepOf = new Map();
  for (const event of trace.events) {
    const step = words.stepOf(event);
    steps.push(step);
    stepOf.set(event, step);
    if (event.untilMs === undefined) continue;
    step.runEnd = words.endOfRun(event);
    steps.push(step.runEnd);
  }
  const flights = [
    ...connectsOf(trace, stepOf),
    ...bytesOf(trace, stepOf),
    ...endsOf(trace, stepOf),
  ];
  const inferred = inferredOf(trace, flights, words);
  steps.push(...inferred.steps);
  // An inferred step has the time of its cause, and comes after it.
  steps.sort((a, b) => a.ms - b.ms || rank(a) - rank(b));
  return { steps, flights: [...flights, ...inferred.flights] };
}

/** @param {Step} step */
function rank({ isInferred }) {
  return isInferred ? 1 : 0;
}

/**
 * The bytes of the server, and those of them that the client has read.
 *
 * @param {Trace} trace
 */
export function outcomeOf({ events }) {
  const sent = events.filter(({ at, what, error }) =>
    at === "server" && what === "send" && error === undefined
  );
  const read = events.filter(({ at, what, error }) =>
    at === "client" && what === "receive" && error === undefined
  );
  /** @param {TraceEvent[]} some */
  const sum = (some) =>
    some.reduce((total, { byteLength = 0 }) => total + byteLength, 0);
  const said = sum(sent);
  const heard = sum(read);
  return {
    said,
    heard,
    text: sent.map(({ text = "" }) => text).join(""),
    isKept: said > 0 && heard >= said,
  };
}

/**
 * What became of the server's reply, in a sentence or two.
 *
 * @param {Trace} trace
 */
export function verdictOf(trace) {
  const { said, heard, text, isKept } = outcomeOf(trace);
  if (trace.unseen?.includes("server")) {
    return `The client read ${bytes(heard)} of the server.`;
  }
  if (said === 0) return "The server sent no reply.";
  const reply = `The server replied “${text}”`;
  if (isKept) return `${reply}, and the client read it.`;
  if (heard === 0) return `${reply}, and the client read nothing of it.`;
  return `${reply}, and the client read ${heard} of its ${bytes(said)}.`;
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
        flights.push({
          kind: "bytes",
          from,
          to,
          sent: stepOf.get(out.event),
          received: stepOf.get(into.event),
          start: (start - out.start) / (out.end - out.start),
          end: (start - into.start) / (into.end - into.start),
          ...(start === out.start && { text: out.event.text }),
          isLost: false,
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
 * @returns {Story}
 */
function inferredOf({ events }, flights, words) {
  /** @type {Step[]} */
  const steps = [];
  /** @type {Flight[]} */
  const resets = [];
  for (const flight of flights) {
    const { kind, isLost, from, to, sent } = flight;
    if (kind !== "bytes" || !isLost || sent === undefined) continue;
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
