/**
 * What happens in one simulated world. A seed determines it; it is plain data,
 * so that a failing world can be made smaller, and printed.
 *
 * @module
 */
import type { LinePlan } from "./line.ts";
import type { ServerHost } from "./network.ts";
import type { HostPlan } from "./socket.ts";

/** The options of the server that matter here. */
export interface ServerPlan {
  framing: "end" | "count";
  end: string;
  replyEnd: string | undefined;
  keepAlive: boolean;
  /** Whether a conversation function calls the handler, with keep-alive. */
  converses: boolean;
  maxBytes: number;
  idleTimeout: number;
  messageTimeout: number;
  lingerTimeout: number;
  minRate: number;
  maxConnections: number;
  maxBufferedBytes: number;
  grace: number;
}

/** One message of a client. */
export interface MessagePlan {
  byteLength: number;
  /** Whether its end marker follows, or its count is right. */
  isComplete: boolean;
}

/** Clients that stay to the end of the conversation, and read their replies. */
export const HONEST_KINDS = [
  /** Writes everything, half-closes, then reads; a failed write is the end. */
  "first",
  /** Reads while it writes. */
  "rw",
  /** Half-closes after the reply. */
  "after",
  /** The client of this project, with a connection for each message. */
  "sendData",
  /** The client of this project, with one connection; sends ahead. */
  "connect",
] as const;

/** Clients that do what they like. */
export const HOSTILE_KINDS = [
  "silent",
  "drips",
  "never reads",
  "resets",
  "closes",
  "floods",
  /** Sends a byte a second, whatever the server says. */
  "stays",
  "leaves before accept",
] as const;

/** One client. */
export interface ClientPlan {
  id: number;
  kind: typeof HONEST_KINDS[number] | typeof HOSTILE_KINDS[number];
  atMs: number;
  messages: MessagePlan[];
  /** When it goes on after its first message, in ms; at once, if 0. */
  resumesAtMs: number;
  /** Bytes that nobody asked for, after the last message. */
  extraBytes: number;
  /** Bytes of each write, and the pause after it. */
  writeBytes: number;
  writePauseMs: number;
  /** Bytes of each read, and the pause after it. */
  readBytes: number;
  readPauseMs: number;
  /** Calls on the socket before a client that leaves does so. */
  callsBeforeLeaving: number;
  /** Whether requests of one connection do not wait for each other's reply. */
  sendsAhead: boolean;
  /** Whether the client of this project gets its messages as streams. */
  streams: boolean;
  /** When the signal of a client of this project aborts, after its start. */
  abortsAfterMs: number;
  host: HostPlan;
  line: LinePlan;
}

/** How a handler makes its reply. */
export const HANDLERS = [
  "at once",
  "later",
  "list",
  "generator",
  "stream",
  "large",
  "refuses",
  "throws",
  "rejects",
  "hangs",
  "stops",
  "keeps reading",
] as const;

/** Handlers that a conversation function can call for each message. */
export const CONVERSING_HANDLERS = HANDLERS.filter((name) =>
  !["throws", "rejects", "stops"].includes(name)
);

/** One world. */
export interface Plan {
  seed: number;
  server: ServerPlan;
  host: ServerHost;
  handler: typeof HANDLERS[number];
  handlerMs: number;
  replyBytes: number;
  clients: ClientPlan[];
  /** When the server is busy with something else: from, and for how long. */
  stalls: [number, number][];
  /** When the server is shut down; after the last client, if infinite. */
  shutdownAtMs: number;
  /** When the server is aborted. */
  abortAtMs: number;
}

/** A plan as one line of text. */
export function printPlan(plan: Plan): string {
  // JSON has no infinity.
  return JSON.stringify(
    plan,
    (_key, value) => value === Infinity ? "Infinity" : value,
  );
}

/** The plan that this line of text describes. */
export function parsePlan(text: string): Plan {
  return JSON.parse(
    text,
    (_key, value) => value === "Infinity" ? Infinity : value,
  );
}
