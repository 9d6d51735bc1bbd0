/**
 * `--parallel N`: N threads that serve as one, on one port, under the same
 * limits, with one log.
 *
 * @module
 */
import type { Log, Tally } from "./log.ts";
import type { ServeOptions } from "./options.ts";

/** What a thread is told. */
export type ThreadOrder =
  | {
    type: "serve";
    options: ServeOptions;
    /** The cells of the limits that all threads share. */
    cells: { connections: Int32Array; slabs: Int32Array };
    format: "text" | "json";
    /** Whether to send no lines. */
    quiet: boolean;
  }
  | { type: "shutdown" }
  | { type: "cut" };

/** What a thread tells. */
export type ThreadReport =
  | { type: "listening"; addr: Deno.Addr }
  | { type: "failed"; message: string }
  | { type: "lines"; text: string }
  | { type: "finished"; tally: Tally };

/** What is served with. All of it can be handed to a thread. */
export interface ThreadsOptions {
  /** How many threads. */
  count: number;
  /** The same for each of them. No callbacks, and no signal. */
  options: ServeOptions;
  /** How the lines of the log are made. */
  format: "text" | "json";
  /** Whether none are. */
  quiet: boolean;
  /** Called when all threads listen. */
  onListen: (addr: Deno.Addr) => void;
}

const THREAD = new URL("./thread.ts", import.meta.url);

/**
 * A thread reads its own modules, and says so in a dozen lines when it may not.
 *
 * @throws {Deno.errors.NotCapable} If it may not.
 */
function mayStart(): void {
  const path = new URL(".", THREAD);
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
export class Threads {
  /** Resolves when all have ended; rejects if one has failed. */
  readonly finished: Promise<void>;
  readonly #log: Log;
  readonly #threads: Thread[] = [];
  #shutdown = false;

  /** Starts them. */
  constructor(options: ThreadsOptions, log: Log) {
    this.#log = log;
    this.finished = this.#serve(options);
  }

  /** Lets open conversations finish. */
  shutdown(): void {
    this.#shutdown = true;
    this.#tell({ type: "shutdown" });
  }

  /** Cuts all conversations. */
  cut(): void {
    this.#tell({ type: "cut" });
  }

  async #serve(
    { count, options, format, quiet, onListen }: ThreadsOptions,
  ): Promise<void> {
    const cells = {
      connections: new Int32Array(new SharedArrayBuffer(4)),
      slabs: new Int32Array(new SharedArrayBuffer(4)),
    };
    mayStart();
    try {
      // The first takes the port, which may be any; the others share it.
      let { port } = options;
      for (let i = 0; i < count; i++) {
        const thread = new Thread(this.#log);
        this.#threads.push(thread);
        const addr = await thread.start({
          type: "serve",
          options: { ...options, port, reusePort: true },
          cells,
          format,
          quiet,
        });
        if ("port" in addr) port = addr.port;
        if (i === count - 1) onListen(addr);
      }
      // A signal that came before a thread did was not told to it.
      if (this.#shutdown) this.shutdown();
      await Promise.all(this.#threads.map((thread) => thread.finished));
    } finally {
      for (const thread of this.#threads) thread.end();
    }
  }

  #tell(order: ThreadOrder): void {
    for (const thread of this.#threads) thread.tell(order);
  }
}

/** One thread, as seen from outside. */
class Thread {
  readonly finished: Promise<void>;
  readonly #worker: Worker;
  readonly #listening = Promise.withResolvers<Deno.Addr>();

  constructor(log: Log) {
    this.#worker = new Worker(THREAD, { type: "module" });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.finished = promise;
    const fail = (error: Error) => {
      this.#listening.reject(error);
      reject(error);
    };
    // Whoever waits for the one or the other is told.
    promise.catch(() => {});
    this.#listening.promise.catch(() => {});
    this.#worker.onerror = (event) => {
      event.preventDefault();
      fail(new Error(event.message));
    };
    this.#worker.onmessage = ({ data }: MessageEvent<ThreadReport>) => {
      if (data.type === "listening") this.#listening.resolve(data.addr);
      if (data.type === "failed") fail(new Error(data.message));
      if (data.type === "lines") log.lines(data.text);
      if (data.type === "finished") {
        log.add(data.tally);
        resolve();
      }
    };
  }

  start(order: ThreadOrder): Promise<Deno.Addr> {
    this.tell(order);
    return this.#listening.promise;
  }

  tell(order: ThreadOrder): void {
    this.#worker.postMessage(order);
  }

  end(): void {
    this.#worker.terminate();
  }
}
