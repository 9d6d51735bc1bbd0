/**
 * Handlers of every kind. Each checks that its message stays what it was for as
 * long as it may read it, and that its signal tells whether the reply is still
 * of use.
 *
 * @module
 */
import type { Converse } from "../../server/conversation.ts";
import {
  ErrorReply,
  type Handler,
  type Message,
  type MessageInfo,
  type ReplyBody,
} from "../../server/handler.ts";
import { replyText } from "./messages.ts";
import type { Network } from "./network.ts";
import type { Plan } from "./plan.ts";
import type { Process } from "./virtual_time.ts";

/** A reset that arrived this long ago has been noticed, in ms. */
const NOTICE_MS = 1;

/** What the handler has done for one connection. */
export interface Handled {
  calls: number;
  /** When it was last called, in ms. */
  calledAtMs: number;
  /** When it has last begun or gone on, in ms. */
  activeAtMs: number;
}

/** The handler of a world, and what it has done. */
export class HandlerLog {
  /** By the port of the client. */
  readonly byPort = new Map<number, Handled>();
  /** Errors that `onError` has to be called with, and their ports. */
  readonly errors = new Map<unknown, number>();
  /** Generators and streams that were begun, and those that were ended. */
  begun = 0;
  ended = 0;
  /** When the grace is over: error replies are sent instead of replies. */
  graceEndsAtMs = Infinity;
  readonly #network: Network;
  readonly #readsOn: boolean;
  /** Whether the end of the grace pre-empts a handler in any case. */
  readonly #isPreempted: boolean;
  readonly #violate: (text: string) => void;

  constructor(network: Network, plan: Plan, violate: (text: string) => void) {
    this.#network = network;
    this.#readsOn = !plan.server.keepAlive && plan.stalls.length === 0;
    this.#isPreempted = this.#readsOn &&
      ["later", "large", "rejects", "keeps reading"].includes(plan.handler);
    this.#violate = violate;
  }

  of(port: number): Handled {
    let handled = this.byPort.get(port);
    if (handled === undefined) {
      handled = { calls: 0, calledAtMs: 0, activeAtMs: -Infinity };
      this.byPort.set(port, handled);
    }
    return handled;
  }

  /** Notes an error that is about to be thrown. */
  fail(info: MessageInfo, text: string): Error {
    const error = new Error(text);
    // Nobody waits for the handler of a reply that is of no use any more.
    const { port } = info.remoteAddr as Deno.NetAddr;
    if (!info.signal.aborted) this.errors.set(error, port);
    return error;
  }

  /** The handler begins, or goes on after it has waited. */
  touch(info: MessageInfo): void {
    const { port } = info.remoteAddr as Deno.NetAddr;
    const { nowMs } = this.#network.time;
    const handled = this.of(port);
    handled.activeAtMs = nowMs;
    const { socket } = this.#network.accepted.get(port)!.conn;
    const sinceMs = Math.max(socket.brokenAtMs, handled.calledAtMs);
    const isBroken = nowMs > sinceMs + NOTICE_MS;
    // With keep-alive, or after the end of file, nobody reads meanwhile.
    const isNoticed = isBroken && !socket.gotEndOfFile && this.#readsOn;
    const isInterrupted = this.#isPreempted &&
      handled.calledAtMs < this.graceEndsAtMs - NOTICE_MS &&
      nowMs > this.graceEndsAtMs + NOTICE_MS;
    if (socket.isClosed || isNoticed || isInterrupted) {
      if (!info.signal.aborted) {
        this.#violate(`The signal of port ${port} is not aborted`);
      }
    } else if (port % 2 === 1 && info.signal.aborted) {
      // Half of the handlers ask for their signal only when it is aborted.
      if (!socket.isOver && nowMs < this.graceEndsAtMs) {
        this.#violate("A signal is aborted for no reason");
      }
    }
  }
}

/** The handler of a plan. Calls `violate` when a message changes. */
export function handlerOf(
  plan: Plan,
  process: Process,
  log: HandlerLog,
  violate: (text: string) => void,
): Handler {
  const { handlerMs } = plan;
  const wait = async (info: MessageInfo) => {
    await process.sleep(handlerMs * process.random.next());
    log.touch(info);
  };
  const check = (message: Message, before: string, where: string) => {
    const now = message.text();
    if (now !== before) violate(`A message changed in ${where}: ${now}`);
  };
  const answer = (message: Message) => replyText(plan, message.text());
  const isOdd = (message: Message) => message.byteLength % 2 === 1;

  async function* generate(message: Message, info: MessageInfo) {
    const before = message.text();
    log.begun++;
    try {
      await wait(info);
      yield "R";
      for (const chunk of message.chunks) {
        await wait(info);
        check(message, before, "a generator");
        yield chunk;
      }
    } finally {
      log.ended++;
      check(message, before, "a generator's finally");
    }
  }

  const handlers: Record<Plan["handler"], Handler> = {
    "at once": answer,
    "later": async (message, info) => {
      const before = message.text();
      await wait(info);
      check(message, before, "a handler");
      return answer(message);
    },
    "list": (message) => ["R", ...message.chunks],
    "generator": generate,
    "stream": (message, info) => {
      const before = message.text();
      const chunks = [new Uint8Array([82]), ...message.chunks];
      let isCancelled = false;
      log.begun++;
      return new ReadableStream({
        async pull(controller) {
          await wait(info);
          check(message, before, "a stream");
          const chunk = chunks.shift();
          if (isCancelled) return;
          if (chunk !== undefined) return controller.enqueue(chunk);
          log.ended++;
          controller.close();
        },
        cancel() {
          isCancelled = true;
          log.ended++;
        },
      });
    },
    "large": async (message, info) => {
      await wait(info);
      return answer(message);
    },
    "refuses": async (message, info) => {
      if (!isOdd(message)) return answer(message);
      await wait(info);
      throw new ErrorReply("refused");
    },
    "throws": (message, info) => {
      if (!isOdd(message)) return answer(message);
      throw log.fail(info, "A handler threw");
    },
    "rejects": async (message, info) => {
      await wait(info);
      if (!isOdd(message)) return answer(message);
      throw log.fail(info, "A handler rejected");
    },
    "hangs": (message, info) => {
      if (!isOdd(message)) return answer(message);
      return new Promise((_resolve, reject) => {
        info.signal.addEventListener(
          "abort",
          () => reject(info.signal.reason),
        );
      });
    },
    "stops": async function* (message, info) {
      yield "R";
      await wait(info);
      for (const chunk of message.chunks) yield chunk;
      if (isOdd(message)) throw log.fail(info, "A reply stopped");
    },
    // Goes on reading after it was interrupted, as a handler may.
    "keeps reading": async (message, info) => {
      const before = message.text();
      for (let round = 0; round < 5; round++) {
        await wait(info);
        check(message, before, "a handler that keeps reading");
      }
      return answer(message);
    },
  };
  const handler = handlers[plan.handler];
  return (message, info) => {
    const handled = log.of((info.remoteAddr as Deno.NetAddr).port);
    handled.calls++;
    handled.calledAtMs = process.now();
    log.touch(info);
    return handler(message, info);
  };
}

/** A conversation function that has a handler answer each message. */
export function converseWith(handler: Handler): Converse {
  return async (conversation) => {
    const { remoteAddr, clientCertificate, signal } = conversation;
    const close = () => conversation.close();
    const client = { remoteAddr, clientCertificate };
    const info = { ...client, signal, close, marker: undefined, state: {} };
    for (let message; (message = await conversation.message()) !== null;) {
      let body: ReplyBody | void;
      try {
        body = await handler(message, info);
      } catch (error) {
        if (!(error instanceof ErrorReply)) throw error;
        body = `ERROR:${error.code}!`;
      }
      await conversation.reply(body!);
    }
  };
}
