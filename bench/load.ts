/**
 * The load generator, a process of its own: holds conversations with a server,
 * checks every reply, and prints what they cost the server, as JSON.
 * `bench.ts` starts it.
 *
 * @module
 */
import {
  close,
  connect,
  cpuSeconds,
  halfClose,
  PollSet,
  READABLE,
  recv,
  send,
  WRITABLE,
} from "./libc.ts";
import { message } from "./message.ts";
import { openFiles, peakMemory, resetPeak, residentMemory } from "./proc.ts";

/** What to do: talk for some time, or hold many silent connections. */
export interface LoadOrder {
  /** The server's port on 127.0.0.1. */
  port: number;
  /** The server's process. */
  pid: number;
  /** Bytes of a message, without the marker. */
  size: number;
  /** What messages are made of. */
  data: "bytes" | "text";
  /** Conversations at a time. */
  inFlight: number;
  /** How long to begin new conversations, at least. */
  seconds: number;
  /** How many to hold at least; and before that, as many to warm up. */
  messages: number;
  /** If not 0: only open so many connections, send a byte on each, and wait. */
  idle: number;
}

/** What one order cost. */
export interface LoadResult {
  messages: number;
  seconds: number;
  /** CPU time of the server, and of the load. */
  serverSeconds: number;
  loadSeconds: number;
  /** From connect to end of file, in milliseconds. */
  p50: number;
  p99: number;
  /** Memory of the server beyond that after its first, small message. */
  peakBytes: number;
  /** The same for each of the idle connections. */
  idleBytes: number;
}

/** No server needs longer for one step of a conversation. */
const PATIENCE = 60_000;

/** Each has some 28,000 ports, which are used up for a minute each. */
const SOURCES = 64;

let connections = Math.floor(Math.random() * SOURCES);

function nextConnection(port: number): number {
  return connect([127, 1, 1, 1 + connections++ % SOURCES], port);
}

/** Throws unless these bytes are what the reply has there: a few are looked at. */
function check(
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

/** Holds conversations; returns how long each took, in milliseconds. */
function talk(
  { port, size, inFlight, seconds, messages }: LoadOrder,
  bytes: Uint8Array<ArrayBuffer>,
): number[] {
  const room = new Uint8Array(256 * 1024);
  const polls = new PollSet(inFlight);
  const end = performance.now() + seconds * 1000;
  const times: number[] = [];
  let begun = 0;

  /** One conversation, from connect to close. It yields where it must wait. */
  function* converse(place: number): Generator<void, void> {
    const start = performance.now();
    begun++;
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
      const count = recv(fd, room);
      if (count < 0) throw new Error("The server reset the conversation");
      if (count === 0) break;
      check(room.subarray(0, count), received, bytes, size);
      received += count;
    }
    if (received !== 2 * size) {
      throw new Error(`${received} bytes of reply to ${size} bytes`);
    }
    close(fd);
    polls.remove(place);
    times.push(performance.now() - start);
  }

  /** One conversation after the other. */
  function* keepTalking(place: number): Generator<void, void> {
    do yield* converse(place); while (
      begun < messages || performance.now() < end
    );
  }

  const talkers = Array.from({ length: inFlight }, (_, i) => keepTalking(i));
  let talking = inFlight;
  for (const talker of talkers) talker.next();
  while (talking > 0) {
    if (!polls.wait(PATIENCE)) throw new Error("The server does not answer");
    talkers.forEach((talker, place) => {
      if (polls.happened(place) && talker.next().done) talking--;
    });
  }
  return times;
}

/** Waits until the server has nothing to do and `isReady`. */
async function atRest(pid: number, isReady = () => true): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  for (let used = -1; cpuSeconds(pid) - used > 0.001 || !isReady();) {
    if (performance.now() > deadline) {
      throw new Error("The server does not come to rest");
    }
    used = cpuSeconds(pid);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

/** Opens silent connections; returns the memory they take, in bytes. */
async function holdIdle({ port, pid, idle }: LoadOrder): Promise<number> {
  await atRest(pid);
  const before = residentMemory(pid);
  const files = openFiles(pid);
  const byte = new Uint8Array([97]);
  const fds: number[] = [];
  for (let i = 0; i < idle; i++) {
    const fd = nextConnection(port);
    send(fd, byte);
    fds.push(fd);
  }
  await atRest(pid, () => openFiles(pid) >= files + idle);
  const after = residentMemory(pid);
  for (const fd of fds) close(fd);
  return after - before;
}

/** The place of `part` in the sorted times. */
function percentile(times: readonly number[], part: number): number {
  return times[Math.floor(part * times.length)] ?? NaN;
}

async function run(order: LoadOrder): Promise<LoadResult> {
  const { pid, size, data } = order;
  const greeting = { ...order, size: 5, inFlight: 1, seconds: 0, messages: 1 };
  talk(greeting, message(5, data));
  const before = residentMemory(pid);
  resetPeak(pid);
  if (order.idle > 0) {
    const bytes = await holdIdle(order);
    const idleBytes = bytes / order.idle;
    return { ...NOTHING, idleBytes };
  }
  const bytes = message(size, data);
  if (order.messages > 0) talk({ ...order, seconds: 0 }, bytes);
  const began = performance.now();
  const serverBegan = cpuSeconds(pid);
  const loadBegan = cpuSeconds(Deno.pid);
  const times = talk(order, bytes).sort((a, b) => a - b);
  return {
    messages: times.length,
    seconds: (performance.now() - began) / 1000,
    serverSeconds: cpuSeconds(pid) - serverBegan,
    loadSeconds: cpuSeconds(Deno.pid) - loadBegan,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    peakBytes: peakMemory(pid) - before,
    idleBytes: 0,
  };
}

const NOTHING: LoadResult = {
  messages: 0,
  seconds: 0,
  serverSeconds: 0,
  loadSeconds: 0,
  p50: 0,
  p99: 0,
  peakBytes: 0,
  idleBytes: 0,
};

if (import.meta.main) {
  const [order = ""] = Deno.args;
  console.log(JSON.stringify(await run(JSON.parse(order))));
}
