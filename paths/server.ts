/**
 * The server behind a path, in a process of its own: what others are busy with
 * is not to slow it down. Prints the port that it listens on.
 *
 * deno run server.ts END MAX_BYTES THINKING
 *
 * @module
 */
import { type Handler, serve } from "../mod.ts";
import { twice } from "../reply.ts";

/** Messages below this many bytes are small. */
const SMALL = 1024;

const [end = "", maxBytes, thinking] = Deno.args;

/** A large message is answered at once: time is not its point. */
const afterThinking: Handler = async (message, info) => {
  if (message.byteLength < SMALL) {
    await new Promise((resolve) => setTimeout(resolve, Number(thinking)));
  }
  return await twice(message, info);
};

const options = { port: 0, end, maxBytes: Number(maxBytes) };
const { addr } = thinking === "0"
  ? serve(options)
  : serve(options, afterThinking);
console.log(addr.port);
