/**
 * One simulated world: the real server and its clients, run to their end.
 *
 * @module
 */
import { BufferPool } from "../../server/buffer_pool.ts";
import { newLimits } from "../../server/limits.ts";
import type { AnyListener } from "../../server/listen.ts";
import { shortestLimits } from "../../server/phases.ts";
import type { ConversationReport } from "../../server/report.ts";
import { SocketServer } from "../../server.ts";
import { ByteBuffer } from "./byte_buffer.ts";
import { checkClient } from "./checks.ts";
import { runClient, type Seen } from "./clients.ts";
import { converseWith, HandlerLog, handlerOf } from "./handlers.ts";
import { Network } from "./network.ts";
import type { Plan, ServerPlan } from "./plan.ts";
import { Random } from "../random.ts";
import { Process, VirtualTime } from "./virtual_time.ts";

/** What came out of a world. */
export interface Result {
  /** What must never happen, and did. */
  readonly violations: string[];
  readonly faults: ReadonlyMap<string, number>;
  readonly outcomes: ReadonlyMap<string, number>;
  readonly conversations: number;
  readonly events: number;
  /** How long it took in virtual time, in ms. */
  readonly durationMs: number;
}

/** What the checks need to know. */
export interface World {
  readonly plan: Plan;
  readonly network: Network;
  readonly reports: ReadonlyMap<number, ConversationReport>;
  readonly handled: HandlerLog;
  /** When the server was shut down, in ms. */
  readonly shutdownAtMs: number;
  /** When the grace was over, in ms. */
  readonly graceEndsAtMs: number;
  /** When the server was aborted by its owner, in ms. */
  readonly abortedAtMs: number;
  /** For how long the server did nothing, in ms. */
  readonly stalledMs: number;
}

/** The server is shut down after this at the latest: some clients stay. */
const MAX_TICKS = 1000;

/** After its grace a server aborts what is left, in ms. */
export const ENDING_MS = 30_000;

/** An abort takes this long, in ms. */
const ABORT_MS = 1;

/** A shutdown accepts for this long, with some tolerance, in ms. */
const MAX_LISTENING_MS = 1500;

const POISON = 0xdd;

/**
 * Fills all memory that comes back to a pool, and counts what is lent. At the
 * end it frees the memory of the pools, which is gone for who still reads it.
 */
class PoisonedPools implements Disposable {
  readonly #acquire = BufferPool.prototype.acquire;
  readonly #release = BufferPool.prototype.release;
  readonly #abandon = BufferPool.prototype.abandon;
  readonly #buffers = new Set<ArrayBuffer>();
  lent = 0;

  constructor() {
    const { prototype } = BufferPool;
    const [acquire, release, abandon] = [
      this.#acquire,
      this.#release,
      this.#abandon,
    ];
    const count = (change: number) => this.lent += change;
    const buffers = this.#buffers;
    prototype.acquire = function (...args) {
      const block = acquire.apply(this, args);
      count(1);
      buffers.add(block.slab.memory.buffer);
      return block;
    };
    prototype.release = function (block) {
      block.bytes.fill(POISON);
      count(-1);
      release.call(this, block);
    };
    prototype.abandon = function (block) {
      count(-1);
      abandon.call(this, block);
    };
  }

  [Symbol.dispose](): void {
    const { prototype } = BufferPool;
    prototype.acquire = this.#acquire;
    prototype.release = this.#release;
    prototype.abandon = this.#abandon;
    // The garbage collector would have much to do, for a few large buffers.
    for (const buffer of this.#buffers) buffer.transfer(0);
  }
}

/** The time between two looks at the limits of all connections, in ms. */
export function tickMs(server: ServerPlan): number {
  const limits = shortestLimits({
    idleTimeoutMs: server.idleTimeout,
    messageTimeoutMs: server.messageTimeout,
    lingerTimeoutMs: server.lingerTimeout,
    minRate: server.minRate,
  });
  return Math.ceil(Math.min(...limits.filter((limit) => limit > 0)) / 16);
}

/** Runs a world. The same plan always has the same result. */
export async function runWorld(
  plan: Plan,
  trace?: (atMs: number, port: number, who: string, what: string) => void,
): Promise<Result> {
  const violations: string[] = [];
  const violate = (text: string) => violations.push(text);
  const onUnhandled = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    violate(`Unhandled rejection: ${event.reason}`);
  };
  globalThis.addEventListener("unhandledrejection", onUnhandled);
  using pools = new PoisonedPools();
  const time = new VirtualTime();
  const network = new Network(time, new Random(plan.seed, 1));
  if (trace !== undefined) {
    network.trace = ({ port }, who, what) => trace(time.nowMs, port, who, what);
  }
  const process = new Process(time, new Random(plan.seed, 2));
  const { server: options } = plan;
  const limits = newLimits(options);
  const reports = new Map<number, ConversationReport>();
  const handled = new HandlerLog(network, plan, violate);
  let acceptErrors = 0;
  const abort = new AbortController();
  const { replyEnd, converses, keepAlive, ...rest } = options;
  const handler = handlerOf(plan, process, handled, violate);
  const listener = network.listen(process, plan.host);
  const server = new SocketServer(
    {
      ...rest,
      ...(replyEnd !== undefined && { replyEnd }),
      ...(converses ? { converse: converseWith(handler) } : { keepAlive }),
      signal: abort.signal,
      onError: (error) => {
        if (handled.errors.delete(error)) return;
        violate(`A handler failed without reason: ${error}`);
      },
      onAcceptError: (error) => {
        acceptErrors++;
        if (!`${error}`.includes("Too many open files")) {
          violate(`Accepting failed: ${error}`);
        }
      },
      onConversation: (report) => {
        const { port } = report.remoteAddr as Deno.NetAddr;
        if (reports.has(port)) violate(`Two reports of port ${port}`);
        reports.set(port, report);
        trace?.(
          time.nowMs,
          port,
          "server",
          `reports ${JSON.stringify(report)}`,
        );
      },
    },
    converses ? undefined : handler,
    {
      limits,
      clock: process,
      listener: listener as unknown as AnyListener,
    },
  );
  let finishedAtMs = Infinity;
  server.finished.then(() => finishedAtMs = time.nowMs);
  time.afterEach = () => {
    if (limits.slabs.count > limits.slabs.max) violate("Too many slabs");
    if (limits.connections.count < 0) violate("A place was freed twice");
  };
  const clients = plan.clients.map((client): Seen => ({
    plan: client,
    ports: [],
    sockets: [],
    sent: new ByteBuffer(),
    received: new ByteBuffer(),
    end: "",
    abortedAtMs: Infinity,
    connectedAtMs: Infinity,
    doneAtMs: Infinity,
    isLibrary: client.kind === "sendData" || client.kind === "connect",
    failure: "",
    replies: [],
  }));
  for (const seen of clients) {
    time.at(seen.plan.atMs, () => {
      runClient(network, plan, seen.plan, seen);
    }, true);
  }
  for (const [fromMs, ms] of plan.stalls) {
    time.at(fromMs, () => {
      network.fault("stall");
      process.stall(ms);
    });
  }
  let [shutdownAtMs, graceEndsAtMs, abortedAtMs] = [
    Infinity,
    Infinity,
    Infinity,
  ];
  const shutdown = () => {
    if (shutdownAtMs <= time.nowMs) return;
    shutdownAtMs = time.nowMs;
    if (options.grace > 0) {
      graceEndsAtMs = shutdownAtMs + options.grace;
      handled.graceEndsAtMs = graceEndsAtMs;
    }
    server.shutdown();
  };
  const abortAll = () => {
    shutdownAtMs = Math.min(shutdownAtMs, time.nowMs);
    abortedAtMs = Math.min(abortedAtMs, time.nowMs);
    abort.abort();
  };
  if (plan.shutdownAtMs < Infinity) {
    process.setTimeout(shutdown, plan.shutdownAtMs);
  }
  if (plan.abortAtMs < Infinity) time.at(plan.abortAtMs, abortAll, true);
  try {
    await time.run(tickMs(plan.server) * MAX_TICKS);
    shutdown();
    // Without a limit on the grace, a handler may take for ever.
    if (options.grace === 0) {
      time.at(time.nowMs + ENDING_MS, abortAll, true);
    }
    await time.run();
  } catch (error) {
    violate(`${(error as Error).message}`);
  }
  globalThis.removeEventListener("unhandledrejection", onUnhandled);
  const stalledMs = plan.stalls.reduce((sum, [, ms]) => sum + ms, 0);
  const endsByMs = Math.min(abortedAtMs, graceEndsAtMs + ENDING_MS) + ABORT_MS +
    stalledMs;
  if (finishedAtMs === Infinity || finishedAtMs > endsByMs) {
    violate("The server does not end in time");
  }
  if (listener.closedAtMs > shutdownAtMs + MAX_LISTENING_MS + stalledMs) {
    violate("The listener stays open during a shutdown");
  }
  if (pools.lent !== 0) violate(`${pools.lent} blocks are still lent`);
  if (limits.connections.count !== 0) {
    violate(`${limits.connections.count} places are still taken`);
  }
  for (const port of network.accepted.keys()) {
    if (!reports.has(port)) violate(`No report of port ${port}`);
  }
  for (const port of handled.errors.values()) {
    // An earlier reply may have failed meanwhile.
    const { outcome = "" } = reports.get(port) ?? {};
    if (outcome === "failed") {
      violate(`onError was not called for port ${port}`);
    }
  }
  if (handled.begun !== handled.ended) {
    violate(`Of ${handled.begun} replies ${handled.ended} were ended`);
  }
  const failures = network.faults.get("no descriptors") ?? 0;
  if (acceptErrors > failures) violate("onAcceptError was called too often");
  if (acceptErrors === 0 && failures > 1) {
    violate("onAcceptError was not called");
  }
  const world: World = {
    ...{ plan, network, reports, handled, shutdownAtMs, graceEndsAtMs },
    ...{ abortedAtMs, stalledMs },
  };
  for (const seen of clients) checkClient(world, seen, violate);
  const outcomes = new Map<string, number>();
  for (const { outcome } of reports.values()) {
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  return {
    violations,
    faults: network.faults,
    outcomes,
    conversations: reports.size,
    events: time.events,
    durationMs: time.nowMs,
  };
}
