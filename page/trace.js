// @ts-check
/**
 * A trace: what happened to the sockets of a conversation, and what follows
 * from that. Runs in Deno and in a browser.
 *
 * @module
 */

import { flightsOf, inferredOf } from "./flights.js";
import { deedsOf } from "./relays.js";
import { bytes, Words } from "./words.js";

/** @typedef {"client" | "path" | "server"} Side */

/**
 * One call on a socket that has ended, as the program saw it. `message` says
 * that a server has passed a complete message to its handler; `forget`, that a
 * NAT has forgotten the connection; `drop`, that it passes on nothing of what it
 * has read; `note` is a remark of the program that ran the conversation: a verb,
 * and what follows it.
 *
 * @typedef {object} TraceEvent
 * @property {number} ms Time of the event. Of bytes sent: when the call began.
 * @property {number} [untilMs] The end of a run of reads or writes.
 * @property {Side} at Whose socket it was.
 * @property {Side} to The other end of the connection.
 * @property {number} link Number of the connection, from 0.
 * @property {"connect" | "accept" | "send" | "receive" | "half-close" | "end of file" | "close" | "message" | "forget" | "drop" | "note"} what
 * @property {number} [byteLength] Number of bytes sent or received; 0 for a
 * failed call that only asked whether the connection still works.
 * @property {number} [chunks] Number of calls in a run.
 * @property {string} [text] The first bytes as text; or the remark.
 * @property {string} [error] The error with which the call failed.
 */

/**
 * @typedef {object} Trace
 * @property {string} title
 * @property {Side[]} sides Those that took part, from left to right.
 * @property {Partial<Record<Side, string>>} [names] What they are called.
 * @property {string} [expected] The right reply, where the server may be wrong.
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
 * @property {boolean} isLost Whether it never arrived, or was dropped on arrival.
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
 * @property {TraceEvent} event The event, or the cause of what is inferred.
 * @property {TraceEvent[]} events The events that it tells: several, if they are
 * one deed of a proxy.
 * @property {string} short A few words, for a picture: a verb, and what follows.
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
  for (const events of deedsOf(trace.events)) {
    const step = words.stepOf(events);
    steps.push(step);
    for (const event of events) stepOf.set(event, step);
    if (step.event.untilMs === undefined) continue;
    step.runEnd = words.endOfRun(step.event);
    steps.push(step.runEnd);
  }
  const flights = flightsOf(trace, stepOf);
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
 * What became of the replies.
 *
 * @typedef {object} Outcome
 * @property {number} said Number of bytes that the server wrote.
 * @property {number} heard Number of bytes that the client read.
 * @property {string[]} replies
 * @property {"arrived" | "lost" | "wrong" | "none"} kind
 */

/**
 * The bytes of the server, and those of them that the client has read.
 *
 * @param {Trace} trace
 * @returns {Outcome}
 */
export function outcomeOf({ events, expected, unseen = [] }) {
  /** @param {Side} side @param {string} call */
  const of = (side, call) =>
    events.filter(({ at, what, error }) =>
      at === side && what === call && error === undefined
    );
  /** @param {TraceEvent[]} some */
  const sum = (some) =>
    some.reduce((total, { byteLength = 0 }) => total + byteLength, 0);
  const sent = of("server", "send");
  const read = of("client", "receive");
  const said = sum(unseen.includes("server") ? read : sent);
  const heard = sum(read);
  const replies = (unseen.includes("server") ? read : sent)
    .map(({ text = "" }) => text);
  const isWrong = expected !== undefined && replies.join("") !== expected;
  const kind = said === 0
    ? "none"
    : heard < said
    ? "lost"
    : isWrong
    ? "wrong"
    : "arrived";
  return { said, heard, replies, kind };
}

/**
 * What became of the server's reply, in a sentence or two.
 *
 * @param {Trace} trace
 * @returns {string}
 */
export function verdictOf(trace) {
  const { said, heard, replies, kind } = outcomeOf(trace);
  if (kind === "none") return "The server sent no reply.";
  const reply = replies.length > 3
    ? bytes(said)
    : replies.map((text) => `“${text}”`).join(" and ");
  if (trace.unseen?.includes("server")) return `The client read ${reply}.`;
  // Semicolons: a comma may be a part of a reply.
  const replied = `The server replied ${reply};`;
  const it = replies.length > 1 ? "them" : "it";
  if (kind === "wrong") return `${replied} but the message was complete.`;
  if (kind === "arrived") return `${replied} the client read ${it}.`;
  if (heard === 0) return `${replied} the client read nothing of ${it}.`;
  return `${replied} the client read ${heard} of the ${bytes(said)}.`;
}
