/**
 * Handlers of every kind. Each checks that its message stays what it was for as
 * long as it may read it.
 *
 * @module
 */
import {
  ErrorReply,
  type Handler,
  type Message,
} from "../../server/handler.ts";
import { replyText } from "./messages.ts";
import type { Plan } from "./plan.ts";
import type { Process } from "./virtual_time.ts";

/** The handler of a plan. Calls `violate` when a message changes. */
export function handlerOf(
  plan: Plan,
  process: Process,
  violate: (text: string) => void,
): Handler {
  const { handlerMs } = plan;
  const wait = () => process.sleep(handlerMs * process.random.next());
  const check = (message: Message, before: string, where: string) => {
    const now = message.text();
    if (now !== before) violate(`A message changed in ${where}: ${now}`);
  };
  const answer = (message: Message) => replyText(plan, message.text());

  async function* generate(message: Message) {
    const before = message.text();
    try {
      await wait();
      yield "R";
      for (const chunk of message.chunks) {
        await wait();
        check(message, before, "a generator");
        yield chunk;
      }
    } finally {
      check(message, before, "a generator's finally");
    }
  }

  const handlers: Record<Plan["handler"], Handler> = {
    "at once": answer,
    "later": async (message) => {
      const before = message.text();
      await wait();
      check(message, before, "a handler");
      return answer(message);
    },
    "list": (message) => ["R", ...message.chunks],
    "generator": generate,
    "stream": (message) => {
      const before = message.text();
      const chunks = [new Uint8Array([82]), ...message.chunks];
      return new ReadableStream({
        async pull(controller) {
          await wait();
          check(message, before, "a stream");
          const chunk = chunks.shift();
          if (chunk === undefined) controller.close();
          else controller.enqueue(chunk);
        },
      });
    },
    "large": async (message) => {
      await wait();
      return answer(message);
    },
    "refuses": async (message) => {
      if (message.byteLength % 2 === 0) return answer(message);
      await wait();
      throw new ErrorReply("refused");
    },
    "throws": (message) => {
      if (message.byteLength % 2 === 0) return answer(message);
      throw new Error("A handler threw");
    },
    "rejects": async (message) => {
      await wait();
      if (message.byteLength % 2 === 0) return answer(message);
      throw new Error("A handler rejected");
    },
    "hangs": (_message, info) =>
      new Promise((_resolve, reject) => {
        info.signal.addEventListener(
          "abort",
          () => reject(info.signal.reason),
        );
      }),
    "stops": async function* (message) {
      yield "R";
      await wait();
      for (const chunk of message.chunks) yield chunk;
      if (message.byteLength % 2 === 1) throw new Error("A reply stopped");
    },
    // Goes on reading after it was interrupted, as a handler may.
    "keeps reading": async (message) => {
      const before = message.text();
      for (let round = 0; round < 5; round++) {
        await wait();
        check(message, before, "a handler that keeps reading");
      }
      return answer(message);
    },
  };
  return handlers[plan.handler]!;
}
