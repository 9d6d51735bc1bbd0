/**
 * Clients of every kind: honest ones, which read to the end, and others.
 *
 * @module
 */
import type { ClientSystem } from "../../client/system.ts";
import { connectOver, ConversationError, sendDataOver } from "../../client.ts";
import type { SimulatedConn } from "./connection.ts";
import { frame, messageText, replyEndOf } from "./messages.ts";
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
  /** Everything that it has received, as text of one byte a character. */
  text: string;
  /** How its connection ended; empty while it goes on. */
  end: string;
  /** When it was connected, in ms. */
  connectedAtMs: number;
  /** Whether it is a client of this project. */
  readonly isLibrary: boolean;
  /** What a client of this project threw that is not a `ConversationError`. */
  failure: string;
  /** When it was done, in ms. */
  doneAtMs: number;
  /** The replies that a client of this project resolved to, or its errors. */
  readonly replies: { text: string; error: string | null }[];
}

/** The bytes of a client that drips, and the messages of one that floods. */
export const DRIPS = 200;
const FLOODS = 40;

const encoder = new TextEncoder();
const latin1 = new TextDecoder("latin1");

/** Runs a client. Never rejects: what happens is in what it has seen. */
export async function runClient(
  network: Network,
  world: Plan,
  plan: ClientPlan,
  seen: Seen,
): Promise<void> {
  const random = new Random(world.seed, 10 + plan.id);
  const process = new Process(network.time, random);
  const client = new Scripted(network, process, world, plan, seen);
  try {
    if (seen.isLibrary) {
      await client.useLibrary();
    } else await client.run();
  } catch (error) {
    seen.end ||= `${error}`;
    const isExpected = error instanceof ConversationError;
    if (seen.isLibrary && !isExpected) seen.failure = `${error}`;
  }
  seen.doneAtMs = process.now();
}

class Scripted {
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
    this.#calls = plan.calls;
  }

  /** Connects, and does what its kind does. */
  async run(): Promise<void> {
    const { kind } = this.#plan;
    const conn = await this.#connect();
    if (kind === "leaves before accept") return conn.socket.reset();
    if (kind === "silent") return await this.#wait(conn);
    if (kind === "never reads") {
      await this.#writeAll(conn);
      return;
    }
    const bytes = this.#bytes();
    if (kind === "floods") {
      const writing = this.#flood(conn).catch(() => {});
      await this.#readAll(conn);
      return await writing;
    }
    if (kind === "stays") {
      const writing = this.#drip(conn, bytes, 1000, 60);
      await this.#readAll(conn);
      await writing;
      return this.#close(conn);
    }
    if (kind === "drips") {
      const { idleTimeout } = this.#world.server;
      const pauseMs = (idleTimeout === 0 ? 30_000 : idleTimeout) / 4;
      const writing = this.#drip(conn, bytes, pauseMs, DRIPS);
      await this.#readAll(conn);
      this.#close(conn);
      return await writing;
    }
    if (kind === "first") {
      if (await this.#writeAll(conn, true)) await this.#readAll(conn);
      return this.#close(conn);
    }
    const writing = this.#writeAll(conn, kind !== "after");
    await this.#readAll(conn);
    if (kind === "after") await conn.closeWrite().catch(() => {});
    this.#close(conn);
    await writing;
  }

  /** Sends the messages with `sendData()` or `connect()`. */
  async useLibrary(): Promise<void> {
    const { server } = this.#world;
    const { messages, kind } = this.#plan;
    const replyEnd = replyEndOf(server);
    const options = {
      framing: server.framing,
      ...(server.framing === "end" && { end: server.end }),
      ...(server.framing === "end" && replyEnd !== undefined && { replyEnd }),
    };
    const system: ClientSystem = {
      clock: this.#process,
      connect: async () => {
        const conn = await this.#connect();
        this.#watch(conn);
        return conn as unknown as Deno.Conn;
      },
    };
    if (kind === "sendData" || !server.keepAlive) {
      for (let index = 0; index < messages.length; index++) {
        const data = this.#stream(this.#text(index));
        const reply = sendDataOver(system, data, options);
        await this.#note(reply);
      }
      return;
    }
    const client = await connectOver(system, options);
    const isAhead = this.#plan.calls % 2 === 0;
    const notes: Promise<void>[] = [];
    for (let index = 0; index < messages.length; index++) {
      const note = this.#note(
        client.request(this.#stream(this.#text(index))),
      );
      notes.push(note);
      if (isAhead) continue;
      await note;
      await this.#process.sleep(this.#plan.writePauseMs);
    }
    await Promise.all(notes);
    await client.close();
  }

  async #note(
    reply: Promise<{ text(): string; error: string | null }>,
  ): Promise<void> {
    const { replies } = this.#seen;
    const place = { text: "", error: "pending" as string | null };
    replies.push(place);
    try {
      const received = await reply;
      place.text = received.text();
      place.error = received.error;
    } catch (error) {
      if (!(error instanceof ConversationError)) throw error;
      place.error = `!${error.reason}`;
      place.text = error.message;
    }
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

  /** Notes what the library reads. */
  #watch(conn: SimulatedConn): void {
    const read = conn.read.bind(conn);
    conn.read = async (buffer) => {
      const count = await read(buffer);
      this.#seen.text += latin1.decode(buffer.subarray(0, count ?? 0));
      if (count === null) this.#seen.end ||= "end of file";
      return count;
    };
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

  /** A stream, in some of the cases. */
  #stream(text: string): string | ReadableStream<Uint8Array> {
    const { framing } = this.#world.server;
    if (this.#plan.calls % 3 > 0 || framing === "count") return text;
    const { writeBytes, writePauseMs } = this.#plan;
    const process = this.#process;
    const bytes = encoder.encode(text);
    return ReadableStream.from((async function* () {
      for (let start = 0; start < bytes.length; start += writeBytes) {
        yield bytes.subarray(start, start + writeBytes);
        if (writePauseMs > 0) await process.sleep(writePauseMs);
      }
    })());
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

  /** Writes everything. Returns whether that went well. */
  async #writeAll(conn: SimulatedConn, halfCloses = false): Promise<boolean> {
    const { writeBytes, writePauseMs } = this.#plan;
    let unsent = this.#bytes();
    try {
      while (unsent.length > 0) {
        this.#count(conn);
        const count = await conn.write(unsent.subarray(0, writeBytes));
        unsent = unsent.subarray(count);
        if (writePauseMs > 0) await this.#process.sleep(writePauseMs);
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
        this.#seen.text += latin1.decode(buffer.subarray(0, count));
        if (readPauseMs > 0) await this.#process.sleep(readPauseMs);
      }
      this.#seen.end ||= "end of file";
    } catch (error) {
      this.#seen.end ||= (error as Error).name;
    }
  }

  async #flood(conn: SimulatedConn): Promise<void> {
    const block = this.#bytes();
    for (let round = 0; round < FLOODS; round++) {
      for (let unsent = block; unsent.length > 0;) {
        unsent = unsent.subarray(await conn.write(unsent));
      }
      if (round % 8 === 0) await this.#process.sleep(10);
    }
    this.#close(conn);
  }

  async #drip(
    conn: SimulatedConn,
    bytes: Uint8Array,
    pauseMs: number,
    count: number,
  ): Promise<void> {
    try {
      for (let index = 0; index < count; index++) {
        const byte = bytes[index] ?? 120;
        await conn.write(new Uint8Array([byte]));
        await this.#process.sleep(pauseMs);
      }
      await conn.closeWrite();
    } catch {
      // The server has closed.
    }
  }

  /** Waits until the server closes. */
  async #wait(conn: SimulatedConn): Promise<void> {
    await this.#readAll(conn);
    this.#close(conn);
  }

  #close(conn: SimulatedConn): void {
    if (!conn.socket.isClosed) conn.close();
  }
}
