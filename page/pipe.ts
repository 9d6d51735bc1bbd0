/**
 * A proxy between a client and a server, which treats a half-close in one of
 * the ways that programs in use were measured to do.
 *
 * @module
 */
import type { Recorder } from "./recorder.ts";
import type { TraceEvent } from "./trace.js";

/** How a proxy treats the end of file of one side. */
export interface PipeOptions {
  /**
   * Whether it passes a half-close on, or closes both connections.
   */
  readonly halfClose: "pass" | "close";
  /**
   * Once one side has half-closed: closes both connections after this time
   * without a byte, in ms. By default, it does not.
   */
  readonly closeAfterMs?: number;
  /**
   * Once one side has half-closed: forgets the connection after this time
   * without a byte, in ms. Both sides then hear nothing, not even an end of
   * file, as with a NAT. By default, it does not.
   */
  readonly forgetAfterMs?: number;
}

/** A proxy on a free port of 127.0.0.1. */
export class Pipe implements AsyncDisposable {
  readonly #serverPort: number;
  readonly #options: PipeOptions;
  readonly #recorder: Recorder;
  readonly #listener: Deno.TcpListener;
  readonly #links = new Set<Link>();
  readonly #accepting: Promise<void>;

  constructor(serverPort: number, options: PipeOptions, recorder: Recorder) {
    this.#serverPort = serverPort;
    this.#options = options;
    this.#recorder = recorder;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#accepting = this.#acceptAll();
  }

  /** The port. */
  get port(): number {
    return this.#listener.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
  }

  async #acceptAll(): Promise<void> {
    const recorded = this.#recorder.listener(
      this.#listener,
      { at: "path", to: "client" },
    );
    const running: Promise<void>[] = [];
    try {
      for (;;) running.push(this.#run(await recorded.accept()));
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    } finally {
      for (const link of this.#links) link.close();
      await Promise.all(running);
    }
  }

  async #run(client: Deno.Conn): Promise<void> {
    let server;
    try {
      server = await this.#recorder.connect(
        () => Deno.connect({ hostname: "127.0.0.1", port: this.#serverPort }),
        { at: "path", to: "server" },
      );
    } catch {
      return client.close(); // what failed is recorded
    }
    const link = new Link(client, server, this.#options, (deed) => {
      this.#recorder.add({ at: "path", to: "client", link: 0, ...deed });
    });
    this.#links.add(link);
    await link.run();
    this.#links.delete(link);
  }
}

/** What a proxy does beside its calls on sockets. */
type Deed = Pick<TraceEvent, "what" | "byteLength" | "text">;

/** One connection through a proxy. */
class Link {
  readonly #client: Deno.Conn;
  readonly #server: Deno.Conn;
  readonly #options: PipeOptions;
  readonly #note: (deed: Deed) => void;
  readonly #closed = Promise.withResolvers<void>();
  #isClosed = false;
  #isForgotten = false;
  #hasEnded = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    client: Deno.Conn,
    server: Deno.Conn,
    options: PipeOptions,
    note: (deed: Deed) => void,
  ) {
    this.#client = client;
    this.#server = server;
    this.#options = options;
    this.#note = note;
  }

  /** Runs until both directions have ended, or one has failed. */
  async run(): Promise<void> {
    await Promise.all([
      this.#pump(this.#client, this.#server),
      this.#pump(this.#server, this.#client),
    ]);
    // Who has forgotten a connection does not close it.
    if (!this.#isForgotten) this.close();
    await this.#closed.promise;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#client.close();
    this.#server.close();
    this.#closed.resolve();
  }

  async #pump(from: Deno.Conn, to: Deno.Conn): Promise<void> {
    const buffer = new Uint8Array(16 * 1024);
    try {
      for (;;) {
        const count = await from.read(buffer);
        if (this.#isForgotten) {
          if (count === null) return;
          this.#note({ what: "drop", byteLength: count });
          continue;
        }
        if (count === null) break;
        this.#startTimer();
        let unsent = buffer.subarray(0, count);
        while (unsent.length > 0) {
          unsent = unsent.subarray(await to.write(unsent));
        }
      }
      if (this.#options.halfClose === "close") return this.close();
      this.#hasEnded = true;
      this.#startTimer();
      await to.closeWrite();
    } catch {
      // One side has closed, or we have: neither direction goes on.
      this.close();
    }
  }

  /** Starts the time without a byte, once one side has half-closed. */
  #startTimer(): void {
    const { closeAfterMs, forgetAfterMs } = this.#options;
    const ms = closeAfterMs ?? forgetAfterMs;
    if (!this.#hasEnded || ms === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (closeAfterMs !== undefined) return this.close();
      this.#isForgotten = true;
      this.#note({ what: "forget" });
    }, ms);
  }
}
