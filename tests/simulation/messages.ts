/**
 * The messages and replies of a simulated world: each is told from every other.
 *
 * @module
 */
import { Random } from "../random.ts";
import type { Plan, ServerPlan } from "./plan.ts";

/** A message has nearly markers at its start and end, in this many characters. */
const EDGE_CHARACTERS = 40;

/** More messages than a client has. */
const MAX_MESSAGES = 1000;

/** The texts of each plan: they take time to make, and are looked at often. */
const textsOf = new WeakMap<Plan, Map<number, string>>();

/**
 * The message of a client, as text of one byte a character: nearly the end
 * marker in many places, and nowhere the end marker. Each place of a long one
 * is different, so that a wrong order shows.
 */
export function messageText(
  plan: Plan,
  clientId: number,
  index: number,
  byteLength: number,
): string {
  const texts = textsOf.get(plan) ?? new Map<number, string>();
  textsOf.set(plan, texts);
  const key = MAX_MESSAGES * clientId + index;
  const text = texts.get(key) ??
    makeText(plan, clientId, index, byteLength);
  texts.set(key, text);
  return text;
}

function makeText(
  plan: Plan,
  clientId: number,
  index: number,
  byteLength: number,
): string {
  const { end, replyEnd = end } = plan.server;
  const random = new Random(plan.seed, MAX_MESSAGES * (clientId + 1) + index);
  const edgeLength = Math.min(byteLength, EDGE_CHARACTERS);
  const edge = () => {
    let text = "";
    while (text.length < edgeLength) {
      const marker = random.chance(0.5) ? end : replyEnd;
      const letters = `xy${marker}`;
      text += random.chance(0.5)
        ? letters[random.int(0, letters.length - 1)]
        : marker.slice(0, -1);
    }
    return text;
  };
  const middle = byteLength - 2 * EDGE_CHARACTERS;
  const start = `<${clientId}.${index}>${edge()}`;
  let text = middle <= 0
    ? (start.length < byteLength ? start + edge() : start).slice(0, byteLength)
    : start.slice(0, EDGE_CHARACTERS) + numbers(middle) +
      edge().slice(0, EDGE_CHARACTERS);
  for (const marker of [end, replyEnd]) {
    while (text.includes(marker)) {
      text = text.replaceAll(marker, `${marker.slice(0, -1)}>`);
    }
  }
  // The marker that follows must not begin in the message, or in its reply.
  return [end, replyEnd].every((marker) => {
      const tail = text.slice(-marker.length);
      return (tail + marker).indexOf(marker) === tail.length;
    })
    ? text
    : text.slice(0, -1) + ">";
}

/** A message as it is sent. An incomplete one lacks its end. */
export function frame(
  text: string,
  server: ServerPlan,
  isComplete: boolean,
): string {
  if (server.framing === "end") return text + (isComplete ? server.end : "");
  return isComplete ? `${text.length}:${text},` : `${text.length + 3}:${text}`;
}

/** The reply of the handler to a message. */
export function replyText(plan: Plan, message: string): string {
  if (plan.handler !== "large") return `R${message}`;
  return numbers(plan.replyBytes);
}

/** A text in which each place is different; the longest that was needed. */
let allNumbers = "";

function numbers(byteLength: number): string {
  for (let index = 0; allNumbers.length < byteLength; index++) {
    if (index === 0) allNumbers = "";
    allNumbers += `${index};`;
  }
  return allNumbers.slice(0, byteLength);
}

/** A reply or an error reply as the server sends it. */
export function frameReply(text: string, server: ServerPlan): string {
  if (server.framing === "count") return `${text.length}:${text},`;
  const end = replyEndOf(server);
  return end === undefined ? text : text + end;
}

/** The end marker of replies; undefined where the end of file ends them. */
export function replyEndOf(server: ServerPlan): string | undefined {
  return server.replyEnd ?? (server.keepAlive ? server.end : undefined);
}

/** The complete messages in what a client has sent, and what is left. */
export function splitMessages(
  sent: string,
  { framing, end }: ServerPlan,
): { messages: string[]; rest: string } {
  if (framing === "end") {
    const messages = sent.split(end);
    return { rest: messages.pop()!, messages };
  }
  const messages: string[] = [];
  let rest = sent;
  for (;;) {
    const [head, digits] = /^(\d+):/.exec(rest) ?? [];
    if (head === undefined) break;
    const byteLength = Number(digits);
    if (rest[head.length + byteLength] !== ",") break;
    messages.push(rest.slice(head.length, head.length + byteLength));
    rest = rest.slice(head.length + byteLength + 1);
  }
  return { messages, rest };
}
