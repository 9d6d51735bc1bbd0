/**
 * The server at the other end of a path, in a process of its own, so that the
 * client does not slow it down. Prints the port that it listens on.
 *
 *     deno run --allow-net=127.0.0.1 server.ts END MAX_BYTES DELAY_MS
 *
 * @module
 */
import { type Handler, serve } from "../mod.ts";
import { echoTwice } from "../server/handler.ts";

/** The delay is for smaller messages only. */
const SMALL_BYTES = 1024;

const [end = "", maxBytes, delayMs] = Deno.args;

/** Answers a small message after the delay, and a large one at once. */
const answerLate: Handler = async (message, info) => {
  if (message.byteLength < SMALL_BYTES) {
    await new Promise((resolve) => setTimeout(resolve, Number(delayMs)));
  }
  return await echoTwice(message, info);
};

const options = { port: 0, end, maxBytes: Number(maxBytes) };
const { addr } = delayMs === "0" ? serve(options) : serve(options, answerLate);
console.log(addr.port);
