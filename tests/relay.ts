/**
 * Slow, lossy and broken lines between a client and a server.
 *
 * @module
 */
import { connectTo, listenLocally, pause, writeAll } from "./sockets.ts";

/** What a line does to each of its connections. */
export interface Line {
  /** The rate in each direction, in bytes a second. By default, unlimited. */
  readonly bytesPerSecond?: number;
  /** The time that each byte travels, in ms. @default {0} */
  readonly delayMs?: number;
  /**
   * The part of the chunks that is lost and sent again, after 200 ms, then
   * after 400 ms more and so on, as TCP does. @default {0}
   */
  readonly loss?: number;
  /** An interruption after this many bytes have come from the client. */
  readonly outage?: { readonly afterBytes: number; readonly ms: number };
}

/** The largest chunk that moves at a time, in bytes. */
const CHUNK_BYTES = 16 * 1024;

/** A direction holds no more than this and one chunk, in bytes. */
const BUFFER_BYTES = 64 * 1024;

/** The first time-out of TCP before it sends again (RFC 6298), in ms. */
const RETRANSMISSION_MS = 200;

/**
 * A relay in front of a server on 127.0.0.1. It passes bytes and half-closes
 * on, and stops reading when its buffer is full.
 */
export class Relay implements AsyncDisposable {
  /**
   * Connections whose server closed or reset before all bytes of the client
   * had arrived. Buffers of the kernel may hide that from the client: without
   * a relay its write would have failed.
   */
  serverResets = 0;
  readonly #serverPort: number;
  readonly #line: Line;
  readonly #listener = listenLocally();
  readonly #links = new Set<Link>();
  #onLinkEnd = Promise.withResolvers<void>();
  readonly #accepting: Promise<void>;

  /** Listens. */
  constructor(serverPort: number, line: Line = {}) {
    this.#serverPort = serverPort;
    this.#line = line;
    this.#accepting = this.#accept();
  }

  /** The port. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** Resolves when no connection is open, also if its client has gone. */
  async quiet(): Promise<void> {
    while (this.#links.size > 0) await this.#onLinkEnd.promise;
  }

  /** Stops everything that moves for this time, in both directions. */
  interrupt(ms: number): void {
    for (const link of this.#links) link.gate.interrupt(ms);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
  }

  async #accept(): Promise<void> {
    const running: Promise<void>[] = [];
    try {
      for await (const client of this.#listener) {
        running.push(this.#relay(client));
      }
    } finally {
      for (const link of this.#links) link.close();
      await Promise.all(running);
    }
  }

  async #relay(client: Deno.TcpConn): Promise<void> {
    const server = await connectTo(this.#serverPort);
    // A small chunk must not wait for the acknowledgement of another.
    for (const conn of [client, server]) conn.setNoDelay();
    const link = new Link(client, server, this.#line);
    this.#links.add(link);
    if (await link.run() === "server") this.serverResets++;
    this.#links.delete(link);
    this.#onLinkEnd.resolve();
    this.#onLinkEnd = Promise.withResolvers<void>();
  }
}

/** One connection through a relay. */
class Link {
  readonly gate = new Gate();
  readonly #client: Deno.Conn;
  readonly #server: Deno.Conn;
  readonly #line: Line;
  readonly #random = randomNumbers();
  #isClosed = false;
  #fromClient = 0;

  constructor(client: Deno.Conn, server: Deno.Conn, line: Line) {
    this.#client = client;
    this.#server = server;
    this.#line = line;
  }

  /** Runs to the end. Returns which side has broken the connection, if any. */
  async run(): Promise<"client" | "server" | undefined> {
    let broken: "client" | "server" | undefined;
    const onError = (side: "client" | "server") => {
      if (!this.#isClosed) broken = side;
      this.close();
    };
    await Promise.all([
      this.#pump("client", "server", onError),
      this.#pump("server", "client", onError),
    ]);
    this.close();
    return broken;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#client.close();
    this.#server.close();
  }

  /** Moves bytes in one direction, up to the end of file and that, too. */
  async #pump(
    fromSide: "client" | "server",
    toSide: "client" | "server",
    onError: (side: "client" | "server") => void,
  ): Promise<void> {
    const { bytesPerSecond = Infinity, delayMs = 0 } = this.#line;
    const from = fromSide === "client" ? this.#client : this.#server;
    const to = toSide === "client" ? this.#client : this.#server;
    // A chunk takes a second at most.
    const buffer = new Uint8Array(Math.min(CHUNK_BYTES, bytesPerSecond));
    let isBroken = false;
    let held = 0;
    let delivered = Promise.resolve();
    const deliver = (arrived: Promise<void>, write: () => Promise<void>) => {
      delivered = delivered.then(async () => {
        await arrived;
        await this.gate.opened();
        await write();
      }).catch(() => {
        isBroken = true;
        onError(toSide);
      });
    };
    while (!isBroken) {
      let count;
      try {
        count = await from.read(buffer);
      } catch {
        return onError(fromSide);
      }
      if (count === null) break;
      if (fromSide === "client") this.#count(count);
      await this.gate.opened();
      const travelMs = count / bytesPerSecond * 1000 + this.#lossMs();
      if (travelMs > 0) await pause(travelMs);
      const chunk = buffer.slice(0, count);
      held += count;
      deliver(delayMs > 0 ? pause(delayMs) : Promise.resolve(), async () => {
        await writeAll(to, chunk);
        held -= chunk.length;
      });
      if (held >= BUFFER_BYTES || delayMs === 0) await delivered;
    }
    deliver(Promise.resolve(), () => to.closeWrite());
    await delivered;
  }

  #count(count: number): void {
    const { outage } = this.#line;
    const isBefore = this.#fromClient < (outage?.afterBytes ?? 0);
    this.#fromClient += count;
    if (outage !== undefined && isBefore) {
      if (this.#fromClient >= outage.afterBytes) this.gate.interrupt(outage.ms);
    }
  }

  /** The time until a chunk has arrived that may be lost several times. */
  #lossMs(): number {
    const { loss = 0 } = this.#line;
    let ms = 0;
    for (let next = RETRANSMISSION_MS; this.#random() < loss; next *= 2) {
      ms += next;
    }
    return ms;
  }
}

/** What both directions of a connection pass, unless it is interrupted. */
class Gate {
  #open: Promise<unknown> = Promise.resolve();

  interrupt(ms: number): void {
    this.#open = Promise.all([this.#open, pause(ms)]);
  }

  async opened(): Promise<void> {
    let open;
    do {
      open = this.#open;
      await open;
    } while (open !== this.#open);
  }
}

let seeds = 0;

/** Random numbers from 0 to 1, the same in each run of a test. */
function randomNumbers(): () => number {
  // The generator of Numerical Recipes. The first numbers of neighbouring seeds
  // are alike, so the seeds are spread.
  let state = Math.imul(++seeds, 0x9e3779b1);
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}
