/**
 * Conversations with a server, many at a time: one after the other, or at a
 * fixed rate.
 *
 * @module
 */
import {
  close,
  connect,
  halfClose,
  PollSet,
  READABLE,
  recv,
  send,
  WRITABLE,
} from "./libc.ts";

/** Which conversations to run. */
export interface ConversationOrder {
  /** The server's port on 127.0.0.1. */
  port: number;
  /** The size of a message without its marker, in bytes. */
  size: number;
  /** The largest number of concurrent conversations. */
  inFlight: number;
  /** The shortest time for which new conversations begin. */
  seconds: number;
  /** The least number of conversations, and of those of a warm-up before. */
  messages: number;
}

/** How long conversations took. */
export interface Times {
  /** The time of each, in ms. */
  times: number[];
  /** By how much each began too late, in ms; empty in a closed loop. */
  delays: number[];
}

/** The longest time without an event of any conversation. */
const STEP_TIMEOUT_MS = 60_000;

/**
 * The number of source addresses. Each has some 28,000 ports, and a port is
 * used up for a minute.
 */
const SOURCES = 64;

let connections = Math.floor(Math.random() * SOURCES);

/** Connects from the next source address. Returns the socket. */
export function nextConnection(port: number): number {
  return connect([127, 1, 1, 1 + connections++ % SOURCES], port);
}

const buffer = new Uint8Array(256 * 1024);

/** Throws if the reply is wrong at this offset; looks at a few bytes only. */
function checkReply(
  reply: Uint8Array,
  offset: number,
  sent: Uint8Array,
  size: number,
): void {
  const step = Math.max(1, Math.floor(reply.length / 16));
  for (let i = 0; i < reply.length; i += step) {
    if (reply[i] !== sent[(offset + i) % size]) {
      throw new Error(`A wrong reply to ${size} bytes, at ${offset + i}`);
    }
  }
}

/** One conversation, from connect to close; yields where it has to wait. */
function* converse(
  { port, size }: ConversationOrder,
  bytes: Uint8Array<ArrayBuffer>,
  polls: PollSet,
  place: number,
): Generator<void, void> {
  const fd = nextConnection(port);
  for (let sent = 0; sent < bytes.length;) {
    const count = send(fd, bytes.subarray(sent));
    if (count < 0) throw new Error("The server ended the conversation");
    sent += count;
    if (sent === bytes.length) break;
    polls.set(place, fd, WRITABLE);
    yield;
  }
  halfClose(fd);
  polls.set(place, fd, READABLE);
  let received = 0;
  while (true) {
    yield;
    const count = recv(fd, buffer);
    if (count < 0) throw new Error("The server reset the conversation");
    if (count === 0) break;
    checkReply(buffer.subarray(0, count), received, bytes, size);
    received += count;
  }
  if (received !== 2 * size) {
    throw new Error(`${received} bytes of reply to ${size} bytes`);
  }
  close(fd);
  polls.remove(place);
}

/**
 * A closed loop: as many conversations as may be in flight, and a new one when
 * one has ended. Each time counts from the connect.
 */
export function converseAll(
  order: ConversationOrder,
  bytes: Uint8Array<ArrayBuffer>,
): Times {
  const { inFlight, seconds, messages } = order;
  const polls = new PollSet(inFlight);
  const end = performance.now() + seconds * 1000;
  const times: number[] = [];
  let started = 0;

  /** One conversation after the other. */
  function* converseOn(place: number): Generator<void, void> {
    do {
      const start = performance.now();
      started++;
      yield* converse(order, bytes, polls, place);
      times.push(performance.now() - start);
    } while (started < messages || performance.now() < end);
  }

  const clients = Array.from({ length: inFlight }, (_, i) => converseOn(i));
  let running = inFlight;
  for (const client of clients) client.next();
  while (running > 0) {
    if (!polls.wait(STEP_TIMEOUT_MS)) {
      throw new Error("The server does not answer");
    }
    clients.forEach((client, place) => {
      if (polls.happened(place) && client.next().done) running--;
    });
  }
  return { times, delays: [] };
}

/**
 * An open loop: conversations begin at regular intervals, `rate` in a second,
 * whatever the replies do. One that cannot begin, because all places are in
 * use, begins as soon as one is free.
 *
 * Each time counts from the moment at which the conversation should have begun:
 * otherwise a server that stops for a while would delay the conversations that
 * show it, and hide its pause ("coordinated omission").
 *
 * The loop asks for events without a pause, and so takes a core of its own: a
 * sleep would end late, and its delay would be in every time.
 */
export function converseAtRate(
  order: ConversationOrder & { rate: number },
  bytes: Uint8Array<ArrayBuffer>,
): Times {
  const { inFlight, seconds, messages, rate } = order;
  const count = Math.max(messages, Math.ceil(seconds * rate));
  const polls = new PollSet(inFlight);
  const free = Array.from({ length: inFlight }, (_, place) => place);
  const running = new Map<number, () => boolean>();
  const times: number[] = [];
  const delays: number[] = [];
  const start = performance.now();
  let lastEvent = start;
  let started = 0;

  /** Begins a conversation. Returns what takes a step, and says if it ended. */
  function begin(place: number, due: number): () => boolean {
    const conversation = converse(order, bytes, polls, place);
    conversation.next();
    return () => {
      if (!conversation.next().done) return false;
      times.push(performance.now() - due);
      return true;
    };
  }

  while (times.length < count) {
    for (; started < count && free.length > 0; started++) {
      const due = start + started * 1000 / rate;
      const delay = performance.now() - due;
      if (delay < 0) break;
      delays.push(delay);
      const place = free.pop()!;
      running.set(place, begin(place, due));
    }
    if (!polls.wait(0)) {
      if (performance.now() - lastEvent < STEP_TIMEOUT_MS) continue;
      throw new Error("The server does not answer");
    }
    lastEvent = performance.now();
    for (const [place, step] of running) {
      if (!polls.happened(place) || !step()) continue;
      running.delete(place);
      free.push(place);
    }
  }
  return { times, delays };
}
