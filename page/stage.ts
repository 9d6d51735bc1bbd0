/**
 * Runs one conversation between a client and a server, perhaps with a proxy in
 * between, all on 127.0.0.1, and records their sockets.
 *
 * @module
 */
import { sendDataOver, system } from "../client.ts";
import type { SendOptions } from "../client/options.ts";
import { ConversationError, type Reply } from "../client/reply.ts";
import type { ClientSystem } from "../client/system.ts";
import type { OutgoingData } from "../framing/outgoing.ts";
import { type ServeOptions, SocketServer } from "../server.ts";
import { Pipe, type PipeOptions } from "./pipe.ts";
import { type ConnListener, type End, Recorder } from "./recorder.ts";
import { MARKER } from "./scenes.js";
import type { Side, Trace } from "./trace.js";

/**
 * What serves one connection, instead of the project's server. The connection
 * is closed when it has ended.
 */
export type NaiveServer = (
  conn: Deno.Conn,
  note: (text: string) => void,
  complete: (message: string) => void,
) => Promise<void>;

/** What a conversation is made of. */
export interface Setup {
  readonly title: string;
  /** What the sides are called. */
  readonly names?: Partial<Record<Side, string>>;
  /** The proxy in between. By default, there is none. */
  readonly pipe?: PipeOptions | undefined;
  /** Options of the project's server. */
  readonly server?: ServeOptions;
  /** The time that its handler takes, in ms. @default {0} */
  readonly replyMs?: number;
  /** A server that is used instead. */
  readonly naive?: NaiveServer;
  /** The right reply, where a naive server may send another. */
  readonly expected?: string;
  /** What the client does. */
  readonly client: (stage: Stage) => Promise<unknown>;
}

/** Where a client acts. */
export class Stage {
  /** The port that the client connects to. */
  readonly port: number;
  /** Records the conversation. */
  readonly recorder: Recorder;
  /** What the project's client runs on. */
  readonly system: ClientSystem;
  /** Aborts the conversation. */
  readonly signal: AbortSignal;
  readonly #end: End;

  constructor(
    port: number,
    recorder: Recorder,
    to: Side,
    signal: AbortSignal,
  ) {
    this.port = port;
    this.recorder = recorder;
    this.#end = { at: "client", to };
    this.system = recorder.system(system.connect, this.#end);
    this.signal = signal;
  }

  /** Opens a connection that the client uses by hand, until an abort. */
  async connect(): Promise<Deno.Conn> {
    const { port, signal } = this;
    const conn = await this.recorder.connect(
      () => Deno.connect({ hostname: "127.0.0.1", port }),
      this.#end,
    );
    signal.addEventListener("abort", () => {
      try {
        conn.close();
      } catch {
        // The client has closed it.
      }
    });
    return conn;
  }

  /**
   * Sends with the project's client, and notes what it reports.
   *
   * @returns Whether it was a reply.
   */
  async send(data: OutgoingData, options: SendOptions): Promise<boolean> {
    const { port, signal } = this;
    return await this.noteReply(
      sendDataOver(this.system, data, { port, signal, ...options }),
    );
  }

  /**
   * Notes what the client reports to who called it: a reply, or an error.
   *
   * @returns Whether it was a reply.
   */
  async noteReply(replying: Promise<Reply>): Promise<boolean> {
    try {
      this.note(`reports the reply: “${(await replying).text()}”`);
      return true;
    } catch (error) {
      if (!(error instanceof ConversationError)) throw error;
      this.note(`reports an error: ${error.reason}`);
      return false;
    }
  }

  /** Notes a remark of the client. */
  note(text: string): void {
    this.recorder.add({ ...this.#end, link: 0, what: "note", text });
  }
}

/** Runs a conversation to its end, on both sides. */
export async function converse(
  setup: Setup,
  signal: AbortSignal,
): Promise<Trace> {
  const { title, names, pipe, expected, client } = setup;
  const sides = ["client", ...pipe ? ["path"] : [], "server"] as Side[];
  const recorder = new Recorder(sides);
  const peer = pipe ? "path" : "client";
  await using server = startServer(setup, recorder, peer);
  await using path = pipe && new Pipe(server.port, pipe, recorder);
  const { port } = path ?? server;
  const to = pipe ? "path" : "server";
  await client(new Stage(port, recorder, to, signal));
  await recorder.until((events) => {
    const opened = events.filter(({ at, what, error }) =>
      at === "client" && what === "connect" && error === undefined
    );
    return server.conversations() >= opened.length;
  }, signal);
  return recorder.trace({
    title,
    ...(names && { names }),
    ...(expected !== undefined && { expected }),
  });
}

/** A server, the project's or another. */
interface RunningServer extends AsyncDisposable {
  readonly port: number;
  /** The number of conversations that have ended. */
  conversations(): number;
}

function startServer(
  { server, replyMs = 0, naive }: Setup,
  recorder: Recorder,
  peer: Side,
): RunningServer {
  const tcp = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = tcp.addr;
  const end: End = { at: "server", to: peer };
  const listener: ConnListener = recorder.listener(tcp, end);
  let ended = 0;
  const note = (link: number, what: "message" | "note", text: string) =>
    recorder.add({ ...end, link, what, text });
  const onEnd = () => {
    ended++;
    recorder.wake();
  };
  if (naive !== undefined) {
    const served = serveOne(listener, (conn) =>
      naive(
        conn,
        (text) => note(0, "note", text),
        (message) => note(0, "message", message),
      )).finally(onEnd);
    return {
      port,
      conversations: () => ended,
      async [Symbol.asyncDispose]() {
        tcp.close();
        await served;
      },
    };
  }
  const running = new SocketServer(
    { end: MARKER, ...server, onConversation: onEnd },
    async (message, info) => {
      const text = message.text();
      note(recorder.linkOf(info.remoteAddr), "message", text);
      if (replyMs > 0) await pause(replyMs);
      return text + text;
    },
    { listener },
  );
  return {
    port,
    conversations: () => ended,
    [Symbol.asyncDispose]: () => running.shutdown(),
  };
}

async function serveOne(
  listener: ConnListener,
  serve: (conn: Deno.Conn) => Promise<void>,
): Promise<void> {
  let conn;
  try {
    conn = await listener.accept();
  } catch {
    return; // nobody connected
  }
  try {
    await serve(conn);
  } catch {
    // What failed is recorded.
  } finally {
    conn.close();
  }
}

/** Resolves after this time, in ms. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
