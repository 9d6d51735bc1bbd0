/**
 * The load generator, a process of its own: runs conversations with a server,
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

/** What to do: run conversations for some time, or open silent connections. */
export interface LoadOrder {
  /** The server's port on 127.0.0.1. */
  port: number;
  /** The id of the server's process. */
  pid: number;
  /** The size of a message without its marker, in bytes. */
  size: number;
  /** The content of the messages. */
  data: "bytes" | "text";
  /** The number of concurrent conversations. */
  inFlight: number;
  /** The shortest time for which new conversations begin. */
  seconds: number;
  /** The least number of conversations, and of those of the warm-up before. */
  messages: number;
  /** If not 0: the number of silent connections to open, and nothing else. */
  idle: number;
}

/** What an order cost. */
export interface LoadResult {
  /** The number of conversations. */
  messages: number;
  /** From the first to the last of them. */
  seconds: number;
  /** CPU time of the server. */
  serverSeconds: number;
  /** CPU time of the load. */
  loadSeconds: number;
  /** Median time from connect to end of file, in ms. */
  p50: number;
  /** The 99th percentile of that time, in ms. */
  p99: number;
  /** Peak memory of the server, less that after its first small message. */
  peakBytes: number;
  /** Memory of the server for each idle connection. */
  idleBytes: number;
}

/**
 * The shortest warm-up. JavaScript is compiled in steps: in its first second a
 * server takes a fifth more time for a small message than it does from then on.
 */
const WARM_UP_SECONDS = 2;

/** The longest time for one step of a conversation. */
const STEP_TIMEOUT_MS = 60_000;

/**
 * The number of source addresses. Each has some 28,000 ports, and a port is
 * used up for a minute.
 */
const SOURCES = 64;

let connections = Math.floor(Math.random() * SOURCES);

function nextConnection(port: number): number {
  return connect([127, 1, 1, 1 + connections++ % SOURCES], port);
}

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

/** Runs conversations; returns the time that each took, in ms. */
function converseAll(
  { port, size, inFlight, seconds, messages }: LoadOrder,
  bytes: Uint8Array<ArrayBuffer>,
): number[] {
  const buffer = new Uint8Array(256 * 1024);
  const polls = new PollSet(inFlight);
  const end = performance.now() + seconds * 1000;
  const times: number[] = [];
  let started = 0;

  /** One conversation, from connect to close; yields where it has to wait. */
  function* converse(place: number): Generator<void, void> {
    const start = performance.now();
    started++;
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
    times.push(performance.now() - start);
  }

  /** One conversation after the other. */
  function* converseOn(place: number): Generator<void, void> {
    do yield* converse(place); while (
      started < messages || performance.now() < end
    );
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
  return times;
}

/** Waits until the server uses no CPU time and `isReady()`. */
async function untilQuiet(pid: number, isReady = () => true): Promise<void> {
  const deadline = performance.now() + STEP_TIMEOUT_MS;
  for (let used = -1; cpuSeconds(pid) - used > 0.001 || !isReady();) {
    if (performance.now() > deadline) {
      throw new Error("The server does not become idle");
    }
    used = cpuSeconds(pid);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

/** Opens silent connections; returns the memory that they take, in bytes. */
async function openIdle({ port, pid, idle }: LoadOrder): Promise<number> {
  await untilQuiet(pid);
  const before = residentMemory(pid);
  const files = openFiles(pid);
  const byte = new Uint8Array([97]);
  const fds: number[] = [];
  for (let i = 0; i < idle; i++) {
    const fd = nextConnection(port);
    send(fd, byte);
    fds.push(fd);
  }
  await untilQuiet(pid, () => openFiles(pid) >= files + idle);
  const after = residentMemory(pid);
  for (const fd of fds) close(fd);
  return after - before;
}

/** A percentile of sorted times; `part` is from 0 to 1. */
function percentile(times: readonly number[], part: number): number {
  return times[Math.floor(part * times.length)] ?? NaN;
}

async function run(order: LoadOrder): Promise<LoadResult> {
  const { pid, size, data } = order;
  const greeting = { ...order, size: 5, inFlight: 1, seconds: 0, messages: 1 };
  converseAll(greeting, message(5, data));
  const before = residentMemory(pid);
  resetPeak(pid);
  if (order.idle > 0) {
    const bytes = await openIdle(order);
    const idleBytes = bytes / order.idle;
    return { ...NOTHING, idleBytes };
  }
  const bytes = message(size, data);
  if (order.messages > 0) {
    converseAll({ ...order, seconds: WARM_UP_SECONDS }, bytes);
  }
  const start = performance.now();
  const serverStart = cpuSeconds(pid);
  const loadStart = cpuSeconds(Deno.pid);
  const times = converseAll(order, bytes).sort((a, b) => a - b);
  return {
    messages: times.length,
    seconds: (performance.now() - start) / 1000,
    serverSeconds: cpuSeconds(pid) - serverStart,
    loadSeconds: cpuSeconds(Deno.pid) - loadStart,
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
