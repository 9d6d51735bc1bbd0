/**
 * The network: a listener, and connections to it over lines of any kind.
 *
 * @module
 */
import { SimulatedConn } from "./connection.ts";
import { Direction, Line, type LinePlan } from "./line.ts";
import type { Random } from "../random.ts";
import { type HostPlan, Socket } from "./socket.ts";
import type { Process, VirtualTime } from "./virtual_time.ts";

/** A connection that waits to be accepted, in the kernel of the server. */
interface Waiting {
  readonly socket: Socket;
  readonly remoteAddr: Deno.NetAddr;
}

/** A connection that the server has accepted. */
export interface Accepted {
  readonly conn: SimulatedConn;
  readonly atMs: number;
}

/** What the server's host is like. */
export interface ServerHost extends HostPlan {
  /** The largest number of connections that wait to be accepted. */
  backlog: number;
  /** The largest number of connections that the process may have open. */
  descriptors: number;
  /** The time between two keep-alive probes, in ms. */
  keepAliveMs: number;
}

const SERVER_ADDR = { transport: "tcp", hostname: "10.0.0.1", port: 4444 } as
  & Deno.NetAddr
  & { transport: "tcp" };

/** Linux gives a connect up after this time (tcp_syn_retries of 6), in ms. */
const CONNECT_MS = 127_000;

/** One server's host, and all the hosts of its clients. */
export class Network {
  readonly time: VirtualTime;
  readonly random: Random;
  /** Called for everything that happens to the socket of an address. */
  trace: ((addr: Deno.NetAddr, who: string, what: string) => void) | undefined;
  /** How often each kind of fault was met. */
  readonly faults = new Map<string, number>();
  /** Every connection that was accepted, by the port of its client. */
  readonly accepted = new Map<number, Accepted>();
  #listener: SimulatedListener | undefined;
  #nextPort = 10_000;

  constructor(time: VirtualTime, random: Random) {
    this.time = time;
    this.random = random;
  }

  /** Counts a fault. */
  fault(name: string): void {
    this.faults.set(name, (this.faults.get(name) ?? 0) + 1);
  }

  /** Listens. */
  listen(process: Process, host: ServerHost): SimulatedListener {
    return this.#listener = new SimulatedListener(this, process, host);
  }

  /** Connects to the listener. Rejects with Deno's errors. */
  connect(
    process: Process,
    host: HostPlan,
    plan: LinePlan,
    random: Random = this.random,
  ): Promise<SimulatedConn> {
    const { time } = this;
    const port = this.#nextPort++;
    const addr = { ...SERVER_ADDR, hostname: "10.0.0.2", port };
    const line = new Line(plan, time, random, (name) => this.fault(name));
    const there = new Direction(line, time);
    const back = new Direction(line, time);
    const { trace } = this;
    // Without it, nothing is to be printed for each event.
    const traceOf = (who: string) =>
      trace && ((what: string) => trace(addr, who, what));
    const listener = this.#listener!;
    const client = new Socket(host, there, time, traceOf("client"));
    const server = new Socket(listener.host, back, time, traceOf("server"));
    client.peer = server;
    server.peer = client;
    const { promise, resolve, reject } = Promise.withResolvers<
      SimulatedConn
    >();
    const conn = new SimulatedConn(client, process, addr, SERVER_ADDR, 7.2e6);
    const knock = (retryMs: number) => {
      if (listener.isClosed) {
        return back.carry(0, () =>
          process.wake(() => {
            const message = "Connection refused (os error 111)";
            reject(new Deno.errors.ConnectionRefused(message));
          }));
      }
      if (listener.isFull) {
        this.fault("backlog full");
        time.at(time.nowMs + retryMs, () => knock(2 * retryMs));
        return;
      }
      back.carry(0, () => {
        traceOf("client")?.("is connected");
        there.carry(
          0,
          () => listener.add({ socket: server, remoteAddr: addr }),
        );
        process.wake(() => resolve(conn));
      });
    };
    there.carry(0, () => knock(1000));
    const giveUp = time.at(time.nowMs + CONNECT_MS, () => {
      const message = "Connection timed out (os error 110)";
      process.wake(() => reject(new Deno.errors.TimedOut(message)));
    });
    promise.then(() => giveUp.isCancelled = true, () => {});
    return promise;
  }
}

/** What `Deno.listen()` returns. */
export class SimulatedListener {
  readonly addr = SERVER_ADDR;
  readonly host: ServerHost;
  isClosed = false;
  closedAtMs = Infinity;
  readonly #network: Network;
  readonly #process: Process;
  readonly #waiting: Waiting[] = [];
  #accepting: PromiseWithResolvers<SimulatedConn> | undefined;
  #isWoken = false;
  #open = 0;

  constructor(network: Network, process: Process, host: ServerHost) {
    this.#network = network;
    this.#process = process;
    this.host = host;
  }

  /** Connections that are accepted and not closed. */
  get open(): number {
    return this.#open;
  }

  /** Whether a client that knocks gets no answer for now. */
  get isFull(): boolean {
    return this.#waiting.length >= this.host.backlog;
  }

  /** A client is connected, and waits to be accepted. */
  add(waiting: Waiting): void {
    if (this.isClosed) return waiting.socket.reset();
    this.#waiting.push(waiting);
    this.#retry();
  }

  accept(): Promise<SimulatedConn> {
    if (this.#accepting !== undefined) throw new Error("Two accepts at a time");
    const pending = this.#accepting = Promise.withResolvers<SimulatedConn>();
    if (this.isClosed) {
      this.#accepting = undefined;
      pending.reject(new Deno.errors.BadResource("Bad resource ID"));
    } else if (this.#waiting.length > 0) {
      if (this.#network.random.chance(0.5)) this.#attempt();
      else this.#retry();
    }
    return pending.promise;
  }

  close(): void {
    if (this.isClosed) throw new Deno.errors.BadResource("Bad resource ID");
    this.isClosed = true;
    this.closedAtMs = this.#network.time.nowMs;
    for (const { socket } of this.#waiting.splice(0)) {
      this.#network.fault("reset in the backlog");
      socket.reset();
    }
    const pending = this.#accepting;
    this.#accepting = undefined;
    const reason = new Deno.errors.Interrupted("operation canceled");
    this.#process.wake(() => pending?.reject(reason));
  }

  ref(): void {}
  unref(): void {}

  #retry(): void {
    if (this.#isWoken || this.#accepting === undefined) return;
    this.#isWoken = true;
    this.#process.wake(() => {
      this.#isWoken = false;
      if (this.#accepting !== undefined) this.#attempt();
    });
  }

  #attempt(): void {
    const pending = this.#accepting!;
    const { host } = this;
    if (this.#waiting.length === 0) return;
    this.#accepting = undefined;
    if (this.#open >= host.descriptors) {
      this.#network.fault("no descriptors");
      pending.reject(new Error("Too many open files (os error 24)"));
      return;
    }
    const { socket, remoteAddr } = this.#waiting.shift()!;
    if (socket.wasReset) {
      this.#network.fault("reset before accept");
      const message = "Transport endpoint is not connected (os error 107)";
      socket.close();
      pending.reject(new Deno.errors.NotConnected(message));
      return;
    }
    this.#open++;
    const conn = new SimulatedConn(
      socket,
      this.#process,
      this.addr,
      remoteAddr,
      host.keepAliveMs,
    );
    conn.onClose = () => this.#open--;
    this.#network.accepted.set(remoteAddr.port, {
      conn,
      atMs: this.#network.time.nowMs,
    });
    this.#network.trace?.(remoteAddr, "server", "accepts");
    pending.resolve(conn);
  }
}
