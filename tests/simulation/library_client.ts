/**
 * The client of this project in a simulated world.
 *
 * @module
 */
import type { ClientSystem } from "../../client/system.ts";
import {
  type Client,
  connectOver,
  ConversationError,
  type Reply,
  sendDataOver,
} from "../../client.ts";
import type { Seen } from "./clients.ts";
import type { SimulatedConn } from "./connection.ts";
import { messageText, replyEndOf } from "./messages.ts";
import type { Network } from "./network.ts";
import type { Plan } from "./plan.ts";
import type { Process } from "./virtual_time.ts";

/** The reason of a signal that aborts. */
const ABORTED = new Error("The caller aborted");

const encoder = new TextEncoder();

/** Sends messages with `sendData()` or `connect()`, and notes the replies. */
export class LibraryClient {
  readonly #network: Network;
  readonly #process: Process;
  readonly #world: Plan;
  readonly #seen: Seen;
  readonly #abort = new AbortController();
  readonly #aborted = Promise.withResolvers<void>();

  constructor(network: Network, process: Process, world: Plan, seen: Seen) {
    this.#network = network;
    this.#process = process;
    this.#world = world;
    this.#seen = seen;
  }

  /** Makes all requests. What fails is in what the client has seen. */
  async run(): Promise<void> {
    const { server } = this.#world;
    const { kind, abortsAfterMs } = this.#seen.plan;
    if (abortsAfterMs < Infinity) {
      this.#process.setTimeout(() => {
        this.#seen.abortedAtMs = this.#process.now();
        this.#abort.abort(ABORTED);
        this.#aborted.resolve();
      }, abortsAfterMs);
    }
    const replyEnd = replyEndOf(server);
    const options = {
      framing: server.framing,
      ...(server.framing === "end" && { end: server.end }),
      ...(server.framing === "end" && replyEnd !== undefined && { replyEnd }),
      signal: this.#abort.signal,
    };
    const system: ClientSystem = {
      clock: this.#process,
      connect: (_address, signal) => this.#connect(signal),
    };
    try {
      if (kind === "sendData" || !server.keepAlive) {
        await this.#requestAll((data) => sendDataOver(system, data, options));
        return;
      }
      const client = await connectOver(system, options);
      await this.#requestAll((data) => client.request(data));
      await this.#close(client);
    } catch (error) {
      this.#seen.end ||= `${error}`;
      this.#judge(error);
    }
  }

  async #requestAll(
    request: (data: string | ReadableStream<Uint8Array>) => Promise<Reply>,
  ): Promise<void> {
    const { messages, sendsAhead, writePauseMs, resumesAtMs } = this.#seen.plan;
    const notes: Promise<void>[] = [];
    for (const index of messages.keys()) {
      if (index === 1) await this.#unlessAborted(resumesAtMs);
      const note = this.#note(request(this.#message(index)));
      notes.push(note);
      if (sendsAhead) continue;
      await note;
      await this.#unlessAborted(this.#process.now() + writePauseMs);
    }
    await Promise.all(notes);
  }

  /** Waits until a time, or until the abort. */
  async #unlessAborted(untilMs: number): Promise<void> {
    const sleeping = this.#process.sleepUntil(untilMs);
    await Promise.race([sleeping, this.#aborted.promise]);
  }

  /** Closes; it may fail for no reason. */
  async #close(client: Client): Promise<void> {
    try {
      await client.close();
    } catch (error) {
      this.#seen.failure ||= `close() threw ${error}`;
    }
  }

  async #note(reply: Promise<Reply>): Promise<void> {
    const place = { text: "", error: "pending" as string | null };
    this.#seen.replies.push(place);
    try {
      const received = await reply;
      place.text = received.text();
      place.error = received.error;
    } catch (error) {
      this.#judge(error);
      const isFailure = error instanceof ConversationError;
      place.error = `!${isFailure ? error.reason : error}`;
      place.text = isFailure ? error.message : "";
    }
  }

  /** Notes an error that the client must not throw. */
  #judge(error: unknown): void {
    const { signal } = this.#abort;
    if (
      signal.aborted ? error === ABORTED : error instanceof ConversationError
    ) {
      return;
    }
    this.#seen.failure ||= `It threw ${error}`;
  }

  async #connect(signal: AbortSignal | undefined): Promise<Deno.Conn> {
    const seen = this.#seen;
    const process = this.#process;
    const { host, line } = seen.plan;
    const { promise, resolve, reject } = Promise.withResolvers<SimulatedConn>();
    signal?.addEventListener("abort", () => reject(signal.reason));
    this.#network.connect(process, host, line, process.random).then((conn) => {
      seen.ports.push(conn.localAddr.port);
      seen.sockets.push(conn.socket);
      seen.connectedAtMs = process.now();
      if (signal?.aborted) conn.close();
      else resolve(conn);
    }, reject);
    const conn = await promise;
    const read = conn.read.bind(conn);
    const write = conn.write.bind(conn);
    conn.write = async (bytes) => {
      const count = await write(bytes);
      seen.sent.push(bytes.subarray(0, count));
      return count;
    };
    conn.read = async (buffer) => {
      const count = await read(buffer);
      seen.received.push(buffer.subarray(0, count ?? 0));
      if (count === null) seen.end ||= "end of file";
      return count;
    };
    return conn as unknown as Deno.Conn;
  }

  /** A message, as a stream in some of the cases. */
  #message(index: number): string | ReadableStream<Uint8Array> {
    const { server } = this.#world;
    const { id, messages, streams, writeBytes, writePauseMs } = this.#seen.plan;
    const { byteLength } = messages[index]!;
    const text = messageText(this.#world, id, index, byteLength);
    if (!streams || server.framing === "count") return text;
    const process = this.#process;
    const bytes = encoder.encode(text);
    return ReadableStream.from((async function* () {
      for (let start = 0; start < bytes.length; start += writeBytes) {
        yield bytes.subarray(start, start + writeBytes);
        if (writePauseMs > 0) await process.sleep(writePauseMs);
      }
    })());
  }
}
