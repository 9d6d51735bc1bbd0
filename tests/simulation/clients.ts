/**
 * Clients of every kind: honest ones, which read to the end, and others.
 *
 * @module
 */
import type { ByteBuffer } from "./byte_buffer.ts";
import type { SimulatedConn } from "./connection.ts";
import { LibraryClient } from "./library_client.ts";
import { frame, messageText } from "./messages.ts";
import type { Network } from "./network.ts";
import type { ClientPlan, Plan } from "./plan.ts";
import { Random } from "../random.ts";
import type { Socket } from "./socket.ts";
import { Process } from "./virtual_time.ts";

/** What a client has seen. */
export interface Seen {
  readonly plan: ClientPlan;
  /** The ports of its connections. */
  readonly ports: number[];
  /** The ends of its connections. */
  readonly sockets: Socket[];
  /** Everything that it has sent. */
  readonly sent: ByteBuffer;
  /** Everything that it has received. */
  readonly received: ByteBuffer;
  /** How its connection ended; empty while it goes on. */
  end: string;
  /** When it was connected, in ms. */
  connectedAtMs: number;
  /** Whether it is a client of this project. */
  readonly isLibrary: boolean;
  /** When it aborted its signal, in ms. */
  abortedAtMs: number;
  /** What a client of this project threw that is not a `ConversationError`. */
  failure: string;
  /** When it was done, in ms. */
  doneAtMs: number;
  /** The replies that a client of this project resolved to, or its errors. */
  readonly replies: { text: string; error: string | null }[];
}

/** Clients that act on a socket themselves. */
type ScriptedKind = Exclude<ClientPlan["kind"], "sendData" | "connect">;

/** The bytes of a client that drips, and the messages of one that floods. */
export const DRIPS = 200;
const FLOODS = 40;

/** A flood is over where it would ask for more than this, in bytes. */
const MAX_FLOOD_REPLY_BYTES = 16 * 2 ** 20;

const encoder = new TextEncoder();

/** Runs a client. Never rejects: what happens is in what it has seen. */
export async function runClient(
  network: Network,
  world: Plan,
  plan: ClientPlan,
  seen: Seen,
): Promise<void> {
  const random = new Random(world.seed, 10 + plan.id);
  const process = new Process(network.time, random);
  try {
    if (plan.kind === "sendData" || plan.kind === "connect") {
      await new LibraryClient(network, process, world, seen).run();
    } else {
      const client = new ScriptedClient(network, process, world, plan, seen);
      await client.run(plan.kind);
    }
  } catch (error) {
    seen.end ||= `${error}`;
  }
  seen.doneAtMs = process.now();
}

/** A client that acts on its socket. */
class ScriptedClient {
  /** What a client of each kind does on its connection. */
  readonly #scripts: Record<
    ScriptedKind,
    (conn: SimulatedConn) => Promise<void>
  > = {
    "first": async (conn) => {
      if (await this.#writeAll(conn, true)) await this.#readAll(conn);
      this.#close(conn);
    },
    "rw": (conn) => this.#talk(conn, true),
    "after": (conn) => this.#talk(conn, false),
    "silent": async (conn) => {
      await this.#readAll(conn);
      this.#close(conn);
    },
    "drips": async (conn) => {
      const { idleTimeout } = this.#world.server;
      const pauseMs = (idleTimeout === 0 ? 30_000 : idleTimeout) / 4;
      const writing = this.#drip(conn, pauseMs, DRIPS);
      await this.#readAll(conn);
      this.#close(conn);
      await writing;
    },
    "never reads": async (conn) => {
      await this.#writeAll(conn);
    },
    "resets": (conn) => this.#talk(conn, true),
    "closes": (conn) => this.#talk(conn, true),
    "floods": async (conn) => {
      const writing = this.#flood(conn).catch(() => {});
      await this.#readAll(conn);
      await writing;
    },
    "stays": async (conn) => {
      const writing = this.#drip(conn, 1000, 60);
      await this.#readAll(conn);
      await writing;
      this.#close(conn);
    },
    // deno-lint-ignore require-await
    "leaves before accept": async (conn) => conn.socket.reset(),
  };
  readonly #network: Network;
  readonly #process: Process;
  readonly #world: Plan;
  readonly #plan: ClientPlan;
  readonly #seen: Seen;
  /** Calls that a client that resets still makes. */
  #calls: number;

  constructor(
    network: Network,
    process: Process,
    world: Plan,
    plan: ClientPlan,
    seen: Seen,
  ) {
    this.#network = network;
    this.#process = process;
    this.#world = world;
    this.#plan = plan;
    this.#seen = seen;
    this.#calls = plan.callsBeforeLeaving;
  }

  /** Connects, and does what its kind does. */
  async run(kind: ScriptedKind): Promise<void> {
    await this.#scripts[kind](await this.#connect());
  }

  /** Writes and reads at the same time. */
  async #talk(conn: SimulatedConn, halfClosesFirst: boolean): Promise<void> {
    const writing = this.#writeAll(conn, halfClosesFirst);
    await this.#readAll(conn);
    if (!halfClosesFirst) await conn.closeWrite().catch(() => {});
    this.#close(conn);
    await writing;
  }

  async #connect(): Promise<SimulatedConn> {
    const { host, line } = this.#plan;
    const conn = await this.#network.connect(
      this.#process,
      host,
      line,
      this.#process.random,
    );
    this.#seen.ports.push(conn.localAddr.port);
    this.#seen.sockets.push(conn.socket);
    this.#seen.connectedAtMs = this.#process.now();
    return conn;
  }

  #text(index: number): string {
    const { id, messages } = this.#plan;
    return messageText(this.#world, id, index, messages[index]!.byteLength);
  }

  #bytes(): Uint8Array {
    const { messages, extraBytes } = this.#plan;
    let text = "";
    messages.forEach(({ isComplete }, index) => {
      text += frame(this.#text(index), this.#world.server, isComplete);
    });
    const extra = messages.at(-1)!.isComplete ? "x".repeat(extraBytes) : "";
    return encoder.encode(text + extra);
  }

  /** Counts a call on the socket; a client that resets does so at the last. */
  #count(conn: SimulatedConn): void {
    const { kind } = this.#plan;
    if (kind !== "resets" && kind !== "closes") return;
    if (this.#calls-- > 0) return;
    if (kind === "resets") conn.socket.reset();
    else this.#close(conn);
    throw new Error("The client left");
  }

  async #write(conn: SimulatedConn, bytes: Uint8Array): Promise<number> {
    const count = await conn.write(bytes);
    this.#seen.sent.push(bytes.subarray(0, count));
    return count;
  }

  /** Writes everything. Returns whether that went well. */
  async #writeAll(conn: SimulatedConn, halfCloses = false): Promise<boolean> {
    const { messages, resumesAtMs, writeBytes, writePauseMs } = this.#plan;
    const bytes = this.#bytes();
    const { isComplete } = messages[0]!;
    const first = frame(this.#text(0), this.#world.server, isComplete).length;
    const parts = [bytes.subarray(0, first), bytes.subarray(first)];
    // One message alone is late as a whole.
    if (messages.length === 1) parts.unshift(bytes.subarray(0, 0), bytes);
    try {
      for (const [index, part] of parts.slice(0, 2).entries()) {
        if (index === 1) await this.#process.sleepUntil(resumesAtMs);
        for (let unsent = part; unsent.length > 0;) {
          this.#count(conn);
          const chunk = unsent.subarray(0, writeBytes);
          unsent = unsent.subarray(await this.#write(conn, chunk));
          if (writePauseMs > 0) await this.#process.sleep(writePauseMs);
        }
      }
      this.#count(conn);
      if (halfCloses) await conn.closeWrite();
      return true;
    } catch {
      return false;
    }
  }

  async #readAll(conn: SimulatedConn): Promise<void> {
    const { readBytes, readPauseMs } = this.#plan;
    const buffer = new Uint8Array(readBytes);
    try {
      for (;;) {
        this.#count(conn);
        const count = await conn.read(buffer);
        if (count === null) break;
        this.#seen.received.push(buffer.subarray(0, count));
        if (readPauseMs > 0) await this.#process.sleep(readPauseMs);
      }
      this.#seen.end ||= "end of file";
    } catch (error) {
      this.#seen.end ||= (error as Error).name;
    }
  }

  async #flood(conn: SimulatedConn): Promise<void> {
    const block = this.#bytes();
    const { handler, replyBytes } = this.#world;
    const eachBytes = handler === "large" ? replyBytes : 0;
    const roundBytes = this.#plan.messages.length * eachBytes;
    const floods = Math.min(FLOODS, MAX_FLOOD_REPLY_BYTES / roundBytes);
    for (let round = 0; round < floods; round++) {
      for (let unsent = block; unsent.length > 0;) {
        unsent = unsent.subarray(await this.#write(conn, unsent));
      }
      if (round % 8 === 0) await this.#process.sleep(10);
    }
    this.#close(conn);
  }

  async #drip(
    conn: SimulatedConn,
    pauseMs: number,
    count: number,
  ): Promise<void> {
    const bytes = new Uint8Array(count).fill(120);
    bytes.set(this.#bytes().subarray(0, count));
    try {
      for (let index = 0; index < count; index++) {
        await this.#write(conn, bytes.subarray(index, index + 1));
        await this.#process.sleep(pauseMs);
      }
      await conn.closeWrite();
    } catch {
      // The server has closed.
    }
  }

  #close(conn: SimulatedConn): void {
    if (!conn.socket.isClosed) conn.close();
  }
}
