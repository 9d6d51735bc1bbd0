/**
 * `--parallel COUNT`: threads that serve one port together, under common
 * limits, with one log.
 *
 * @module
 */
import { type LimitsMemory, sharedLimitsMemory } from "../server/limits.ts";
import type { TlsConfigOptions } from "../server/tls.ts";
import type { Request } from "./configuration.ts";
import type { Log } from "./log.ts";
import type { LogFormat } from "./log_lines.ts";
import type { Stoppable } from "./signals.ts";
import { fromSent, type SentError } from "./start_error.ts";
import type { Tally } from "./tally.ts";

/** A message to a thread. */
export type ThreadCommand =
  | {
    type: "serve";
    /** What to serve. */
    request: Request;
    /** The port that the first thread has chosen; undefined for the first. */
    port: number | undefined;
    /** The descriptor of a socket that it has inherited, if it listens there. */
    fd: number | undefined;
    /** Memory of the counters of the limits, which all threads share. */
    taken: LimitsMemory;
    /** Memory of the metrics of this thread. */
    counters: Float64Array;
    format: LogFormat;
    /** Whether the thread sends no lines of the log. */
    quiet: boolean;
    /** Whether the port must not be in use, not even by a server that shares. */
    isFirst: boolean;
  }
  | { type: "replaceTls"; tls: TlsConfigOptions }
  | { type: "shutdown" }
  | { type: "abort" };

/** A message from a thread. */
export type ThreadEvent =
  | { type: "listening"; addr: Deno.Addr }
  | { type: "failed"; error: SentError }
  | { type: "lines"; text: string }
  | { type: "finished"; tally: Tally };

/** Options of a server with several threads. */
export interface ThreadsOptions {
  /** Memory of the metrics of each thread. */
  readonly counters: readonly Float64Array[];
  /** What each thread serves. */
  readonly request: Request;
  /** The inherited sockets, one for each thread; empty if there are none. */
  readonly fds: readonly number[];
  /** Format of the log. */
  readonly format: LogFormat;
  /** Whether no log is written. */
  readonly quiet: boolean;
  /** Called when all threads listen. */
  readonly onListen: (addr: Deno.Addr) => void;
}

const WORKER = new URL("./worker.ts", import.meta.url);

/**
 * Checks that a thread may read its modules. Otherwise the thread would fail
 * with a dozen lines on standard error.
 *
 * @throws {Deno.errors.NotCapable} If it may not.
 */
function checkPermission(): void {
  const path = new URL("..", WORKER);
  if (path.protocol !== "file:") return;
  if (
    Deno.permissions.requestSync({ name: "read", path }).state !== "granted"
  ) {
    throw new Deno.errors.NotCapable(
      `several threads need --allow-read=${path.pathname}`,
    );
  }
}

/** The threads of one server. */
export class Threads implements Stoppable {
  /** Resolves when all threads have ended; rejects if one has failed. */
  readonly finished: Promise<void>;
  readonly #log: Log;
  readonly #threads: Thread[] = [];
  /** Whether all threads listen. */
  #isStarted = false;
  #isShutDown = false;
  /** Resolves when the server is aborted. */
  readonly #aborted = Promise.withResolvers<undefined>();

  /** Starts the threads. */
  constructor(options: ThreadsOptions, log: Log) {
    this.#log = log;
    this.finished = this.#serve(options);
  }

  /** Ends all threads, once they have started; open conversations may finish. */
  shutdown(): void {
    this.#isShutDown = true;
    if (this.#isStarted) this.#send({ type: "shutdown" });
  }

  /** Replaces the certificates of all threads. */
  readonly replaceTls = (tls: TlsConfigOptions): void => {
    this.#send({ type: "replaceTls", tls });
  };

  /** Ends all threads and their conversations at once. */
  abort(): void {
    this.#aborted.resolve(undefined);
    if (this.#isStarted) this.#send({ type: "abort" });
  }

  async #serve(options: ThreadsOptions): Promise<void> {
    checkPermission();
    try {
      const addr = await this.#start(options);
      if (addr === undefined) return;
      options.onListen(addr);
      this.#isStarted = true;
      if (this.#isShutDown) this.shutdown();
      await Promise.all(this.#threads.map((thread) => thread.finished));
    } finally {
      for (const thread of this.#threads) thread.terminate();
    }
  }

  /** Resolves when all threads listen; to undefined if aborted before. */
  async #start(
    { counters, request, fds, format, quiet }: ThreadsOptions,
  ): Promise<Deno.Addr | undefined> {
    const taken = sharedLimitsMemory();
    // The first thread chooses the port if it is 0; the others share it.
    let port: number | undefined;
    let addr: Deno.Addr | undefined;
    for (const own of counters) {
      const isFirst = this.#threads.length === 0;
      const fd = fds[this.#threads.length];
      const thread = new Thread(this.#log);
      this.#threads.push(thread);
      const listening = thread.start({
        type: "serve",
        request,
        port,
        fd,
        taken,
        counters: own,
        format,
        quiet,
        isFirst,
      });
      addr = await Promise.race([listening, this.#aborted.promise]);
      if (addr === undefined) return undefined;
      if ("port" in addr) port = addr.port;
    }
    return addr;
  }

  #send(command: ThreadCommand): void {
    for (const thread of this.#threads) thread.send(command);
  }
}

/** One thread, seen from the main thread. */
class Thread {
  readonly finished: Promise<void>;
  readonly #worker: Worker;
  readonly #listening = Promise.withResolvers<Deno.Addr>();

  constructor(log: Log) {
    this.#worker = new Worker(WORKER, { type: "module" });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.finished = promise;
    const fail = (error: Error) => {
      this.#listening.reject(error);
      reject(error);
    };
    // A failure is reported by whichever of the two is awaited at the time.
    promise.catch(() => {});
    this.#listening.promise.catch(() => {});
    this.#worker.onerror = (event) => {
      event.preventDefault();
      fail(new Error(event.message));
    };
    this.#worker.onmessage = ({ data }: MessageEvent<ThreadEvent>) => {
      if (data.type === "listening") this.#listening.resolve(data.addr);
      if (data.type === "failed") fail(fromSent(data.error));
      if (data.type === "lines") log.append(data.text);
      if (data.type === "finished") {
        log.add(data.tally);
        resolve();
      }
    };
  }

  start(command: ThreadCommand): Promise<Deno.Addr> {
    this.send(command);
    return this.#listening.promise;
  }

  send(command: ThreadCommand): void {
    this.#worker.postMessage(command);
  }

  terminate(): void {
    this.#worker.terminate();
  }
}
