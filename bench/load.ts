/**
 * The load generator, a process of its own: runs conversations with a server,
 * checks every reply, and prints what they cost the server, as JSON.
 * `bench.ts` starts it.
 *
 * @module
 */
import {
  type ConversationOrder,
  converseAll,
  converseAtRate,
  nextConnection,
} from "./conversations.ts";
import { close, cpuSeconds, send } from "./libc.ts";
import { message } from "./message.ts";
import { openFiles, peakMemory, resetPeak, residentMemory } from "./proc.ts";

/** What to do: run conversations for some time, or open silent connections. */
export interface LoadOrder extends ConversationOrder {
  /** The id of the server's process. */
  pid: number;
  /** The content of the messages. */
  data: "bytes" | "text";
  /**
   * If not 0: the number of conversations that begin in a second, at regular
   * intervals. Otherwise one begins when another has ended.
   */
  rate: number;
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
  /**
   * Median time of a conversation up to the end of file, in ms: from connect,
   * or with a rate from the moment at which it should have begun.
   */
  p50: number;
  /** The 99th percentile of that time, in ms. */
  p99: number;
  /** The 99.9th percentile of that time, in ms. */
  p999: number;
  /**
   * With a rate, the 99.9th percentile of how late conversations began, in ms:
   * the load was interrupted, or the server had taken all places. Otherwise 0.
   */
  delay999: number;
  /** Peak memory of the server, less that after its first small message. */
  peakBytes: number;
  /** Memory of the server for each idle connection. */
  idleBytes: number;
}

/**
 * The shortest warm-up. JavaScript is compiled in steps: in its first second a
 * server takes a fifth more time for a small message than it does from then on.
 */
export const WARM_UP_SECONDS = 2;

/**
 * The warm-up of a load at a fixed rate, whose tail is wanted: compiling goes on
 * for longer, now and then, and what it delays would be most of the tail.
 */
const WARM_UP_AT_RATE_SECONDS = 15;

/** The longest time until the server is idle. */
const QUIET_TIMEOUT_MS = 60_000;

/** How often it is looked whether the server is idle. */
const QUIET_CHECK_MS = 300;

/** The CPU time of an idle server between two looks: 5 % of a core, for timers. */
const QUIET_SECONDS = 0.015;

/** Waits until the server uses hardly any CPU time and `isReady()`. */
async function untilQuiet(pid: number, isReady = () => true): Promise<void> {
  const deadline = performance.now() + QUIET_TIMEOUT_MS;
  for (let used = -1; cpuSeconds(pid) - used > QUIET_SECONDS || !isReady();) {
    if (performance.now() > deadline) {
      throw new Error("The server does not become idle");
    }
    used = cpuSeconds(pid);
    await new Promise((resolve) => setTimeout(resolve, QUIET_CHECK_MS));
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

/** A percentile of sorted times, 0 if there are none; `part` is below 1. */
function percentile(times: readonly number[], part: number): number {
  return times[Math.floor(part * times.length)] ?? 0;
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
  const isAtRate = order.rate > 0;
  const converse = isAtRate ? converseAtRate : converseAll;
  if (order.messages > 0) {
    const seconds = isAtRate ? WARM_UP_AT_RATE_SECONDS : WARM_UP_SECONDS;
    converse({ ...order, seconds }, bytes);
  }
  const start = performance.now();
  const serverStart = cpuSeconds(pid);
  const loadStart = cpuSeconds(Deno.pid);
  const { times, delays } = converse(order, bytes);
  const result = {
    messages: times.length,
    seconds: (performance.now() - start) / 1000,
    serverSeconds: cpuSeconds(pid) - serverStart,
    loadSeconds: cpuSeconds(Deno.pid) - loadStart,
  };
  for (const list of [times, delays]) list.sort((a, b) => a - b);
  return {
    ...result,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    p999: percentile(times, 0.999),
    delay999: percentile(delays, 0.999),
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
  p999: 0,
  delay999: 0,
  peakBytes: 0,
  idleBytes: 0,
};

if (import.meta.main) {
  const [order = ""] = Deno.args;
  console.log(JSON.stringify(await run(JSON.parse(order))));
}
