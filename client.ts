/**
 * The client: sends messages, half-closes, and reads the replies. As a script,
 * `deno run -A client.ts --data a1234`, a client for the command line.
 *
 * @module
 */
import { type Address, nameOf } from "./client/address.ts";
import {
  type Connection,
  toConnection,
  unlessAborted,
} from "./client/connection.ts";
import type { SendEvent } from "./client/events.ts";
import {
  type ConnectOptions,
  resolveConnectOptions,
  resolveOptions,
  type SendOptions,
} from "./client/options.ts";
import { PipelinedClient } from "./client/pipelined.ts";
import {
  ConversationError,
  incompleteReply,
  reasonOf,
  type Reply,
  toReply,
  truncated,
} from "./client/reply.ts";
import type { Client } from "./client/requests.ts";
import type { ClientSystem } from "./client/system.ts";
import { TimeLimit } from "./client/time_limit.ts";
import { ClientTransport } from "./client/transport.ts";
import { systemClock } from "./framing/clock.ts";
import type { Decoder, Framing } from "./framing/framing.ts";
import {
  encodeMessage,
  type Outgoing,
  type OutgoingData,
} from "./framing/outgoing.ts";

export { ConversationError };
export type { ConnectOptions, OutgoingData, Reply, SendEvent, SendOptions };
export type * from "./client/requests.ts";
export type {
  DuplexStreams,
  OpenConnection,
  ProcessStreams,
} from "./client/connection.ts";
export type { ConnectionOptions } from "./client/options.ts";

/**
 * Sends one message on a connection of its own: connects, sends the data and
 * the end marker, half-closes, reads the reply to its end, and closes.
 *
 * Writing and reading go on at the same time: if the reply arrives during the
 * upload, the client stops sending. After a failed write the client still reads,
 * because an earlier reply may be waiting.
 *
 * @param data The message. A stream is sent chunk by chunk as it comes; the
 * part that is not sent is cancelled.
 * @param options The address, the markers, the limits.
 * @returns The complete reply, or an error reply: see `error`.
 * @throws {ConversationError} If there is no complete reply.
 * @throws {TypeError} If the data is neither text, bytes nor a stream of
 * bytes, or if `end` is empty.
 * @throws {RangeError} If a limit is not a number in its range.
 * @throws The error of the stream; the reason of `signal`, if it aborts.
 *
 * @example An error reply
 * ```ts
 * import { sendData, serve } from "@recv-end/recv-end";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve({ port: 0 });
 * // By default the two markers differ, on purpose.
 * const reply = await sendData("a1234", { port: server.addr.port });
 * assertEquals(reply.text(), "ERROR:no end!");
 * assertEquals(reply.error, "no end");
 * ```
 */
export function sendData(
  data: OutgoingData,
  options: SendOptions = {},
): Promise<Reply> {
  return sendDataOver(system, data, options);
}

/** Does what {@linkcode sendData} does, on a given system. */
export async function sendDataOver(
  system: ClientSystem,
  data: OutgoingData,
  options: SendOptions,
): Promise<Reply> {
  const { halfClose = "before", timeout = 0, signal } = options;
  const resolved = resolveOptions(options);
  using limit = new TimeLimit(system.clock, timeout, signal);
  const message = encodeMessage(data, resolved.messageFraming);
  const client = new OneShotClient(resolved, system);
  try {
    await client.connect(resolved.address, limit.signal);
    return await client.run(message, halfClose);
  } catch (error) {
    throw limit.reasonOf(error, client.received());
  } finally {
    message.cancel();
  }
}

/**
 * Connects to a server with `keepAlive`, for any number of requests; or to one
 * of another protocol, with a greeting or replies of another form.
 *
 * @param options The address, the framing, the limits.
 * @returns The client, after the greeting. Its owner closes it: `await using`.
 * @throws {ConversationError} If no connection could be established, or the
 * greeting is not complete.
 * @throws {TypeError} If there is neither `end`, nor `framing: "count"`, nor
 * `readReply`; if `end` is null.
 * @throws {TypeError | RangeError} As {@linkcode sendData} does.
 *
 * @example Three requests on one connection
 * ```ts
 * import { connect, serve } from "@recv-end/recv-end";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve({ port: 0, end: "\n", keepAlive: true });
 * await using client = await connect({ port: server.addr.port, end: "\n" });
 * const first = await client.request("a", { timeout: 10_000 });
 * assertEquals(first.text(), "aa");
 * const both = await Promise.all([client.request("b"), client.request("c")]);
 * assertEquals(both.map((reply) => reply.text()), ["bb", "cc"]);
 * ```
 *
 * @example A child process that answers with a length of four bytes in front
 * ```ts
 * import { connect } from "@recv-end/recv-end";
 *
 * export async function ask(child: Deno.ChildProcess, question: string) {
 *   await using client = await connect({
 *     conn: child,
 *     end: "\n",
 *     readReply: async (reader) => await reader.exactly(await reader.uint(4)),
 *   });
 *   return await client.request(question);
 * }
 * ```
 */
export function connect<Result = Reply, Greeting = Result>(
  options: ConnectOptions<Result, Greeting>,
): Promise<Client<Result, Greeting>> {
  return connectOver(system, options);
}

/** Does what {@linkcode connect} does, on a given system. */
export async function connectOver<Result = Reply, Greeting = Result>(
  system: ClientSystem,
  options: ConnectOptions<Result, Greeting>,
): Promise<Client<Result, Greeting>> {
  const resolved = resolveConnectOptions(options);
  const { signal } = options;
  using limit = new TimeLimit(system.clock, resolved.timeout, signal);
  try {
    const conn = await openConnection(resolved.address, limit.signal, system);
    const client = new PipelinedClient(conn, resolved, signal, system.clock);
    if (resolved.greeting !== false) await client.greet(limit.signal);
    return client as Client<Result, Greeting>;
  } catch (error) {
    throw limit.reasonOf(error);
  }
}

/** Settings of a {@linkcode OneShotClient}. */
export interface OneShotOptions {
  /** The framing of the reply. */
  readonly replyFraming: Framing;
  readonly maxReplyBytes: number;
  readonly onEvent: (event: SendEvent) => void;
  /** Awaited before each read of the reply. */
  readonly beforeRead?: (() => Promise<void> | void) | undefined;
}

/** One message and its reply, on a connection of their own. */
export class OneShotClient {
  readonly #options: OneShotOptions;
  readonly #system: ClientSystem;
  readonly #decoder: Decoder;
  #transport!: ClientTransport;
  #isSent = false;
  /** Set once the reply is complete. The decoder's chunks are then gone. */
  #reply: Reply | undefined;
  /** The error that the caller's stream or callback threw. */
  #callerError: { error: unknown } | undefined;

  /** @param ownSystem What the client runs on, if not on Deno's sockets. */
  constructor(options: OneShotOptions, ownSystem: ClientSystem = system) {
    this.#options = options;
    this.#system = ownSystem;
    this.#decoder = options.replyFraming.decoder(options.maxReplyBytes);
  }

  /**
   * Connects. The signal closes the connection, also later.
   *
   * @throws {ConversationError} `refused`.
   */
  async connect(address: Address, signal: AbortSignal): Promise<void> {
    const conn = await openConnection(address, signal, this.#system);
    this.#transport = new ClientTransport(conn, {
      ...this.#options,
      onCallbackError: (error) => this.#callerError ??= { error },
    }, this.#system.clock);
    signal.addEventListener("abort", () => this.#transport.close());
    this.#transport.report({ type: "connected" });
  }

  /** Sends and reads at the same time, until the reply is complete; closes. */
  async run(message: Outgoing, halfClose: "before" | "after"): Promise<Reply> {
    const sending = this.#send(message, halfClose === "before");
    try {
      await this.#receive();
      if (halfClose === "after" && this.#isSent) {
        await this.#transport.closeWrite();
      }
    } catch (error) {
      if (this.#callerError === undefined) throw error;
    } finally {
      // The reply is complete, or never will be: the close interrupts a write
      // that is pending, and nothing more is requested of the stream.
      this.#transport.close();
      message.cancel();
      await sending;
    }
    if (this.#callerError !== undefined) throw this.#callerError.error;
    return this.#reply!;
  }

  /** The bytes of the reply that have arrived. */
  received(): Uint8Array {
    return this.#reply?.data ?? this.#decoder.end().data;
  }

  /** Never rejects: whatever stops the sending, a reply may still come. */
  async #send(message: Outgoing, halfClose: boolean): Promise<void> {
    for (;;) {
      let chunk;
      try {
        chunk = await message.next();
      } catch (error) {
        this.#callerError ??= { error };
        return this.#transport.close();
      }
      if (chunk === null) break;
      if (this.#transport.isClosed) return;
      try {
        await this.#transport.write(chunk);
      } catch {
        return; // reading reports how the connection ended
      }
    }
    this.#isSent = true;
    this.#transport.report({ type: "sent", byteLength: message.byteLength });
    if (halfClose) await this.#transport.closeWrite();
  }

  async #receive(): Promise<void> {
    const { maxReplyBytes } = this.#options;
    const decoded = await this.#transport
      .receive(this.#decoder)
      .catch((error) => {
        const { data, byteLength } = this.#decoder.end();
        throw truncated(data, byteLength, reasonOf(error), error);
      });
    if (!decoded.gotEnd) throw incompleteReply(decoded, maxReplyBytes);
    const data = this.#transport.join(decoded);
    this.#reply = toReply(data, decoded.markerIndex);
  }
}

/**
 * Connects, unless the caller has given a connection.
 *
 * @throws {ConversationError} `refused`.
 */
export async function openConnection(
  address: Address,
  signal: AbortSignal,
  ownSystem: ClientSystem = system,
): Promise<Connection> {
  const conn = address.conn ??
    await ownSystem.connect(address, signal).catch((cause) => {
      const text = `Cannot connect to ${nameOf(address)}: ${reasonOf(cause)}`;
      throw new ConversationError("refused", text, undefined, { cause });
    });
  return toConnection(conn);
}

/** Connects. Throws what Deno throws; with TLS, after the handshake. */
async function openSocket(
  { hostname, port, path, tls, caCerts }: Address,
  signal?: AbortSignal,
): Promise<Deno.Conn> {
  if (path !== undefined) {
    // This connect takes no signal, and is too quick to need one.
    const conn = await Deno.connect({ transport: "unix", path });
    return unlessAborted(conn, signal);
  }
  const conn = await Deno.connect({
    hostname,
    port,
    ...(signal !== undefined && { signal }),
  });
  if (!tls) return conn;
  // Deno's TLS connections offer neither, but the socket keeps both.
  conn.setNoDelay(true);
  conn.setKeepAlive(true);
  const secured = await Deno.startTls(conn, {
    hostname,
    caCerts: [...caCerts],
  });
  const close = () => secured.close();
  signal?.addEventListener("abort", close);
  try {
    unlessAborted(secured, signal);
    await secured.handshake();
    return secured;
  } catch (error) {
    if (!signal?.aborted) secured.close();
    throw error;
  } finally {
    signal?.removeEventListener("abort", close);
  }
}

/** Deno's sockets and this machine's time. */
export const system: ClientSystem = {
  clock: systemClock,
  connect: openSocket,
};

if (import.meta.main) {
  // Resolved at run time, so that the module graph of a library user has no
  // script in it. Not awaited: the script imports this module.
  import(import.meta.resolve("./cli/client_script.ts")).then(
    (script) => script.run(),
    (error) => {
      console.error(error.message);
      Deno.exitCode = 2;
    },
  );
}
