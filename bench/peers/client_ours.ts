// A client process of clients.ts: sendData() and connect().
import { measureSteps } from "./client_loop.mjs";

const [module, port, kind, size, ...limits] = Deno.args;
const { connect, sendData }: typeof import("../../mod.ts") = await import(
  module!
);

function messages(): () => Promise<number> {
  const data = new Uint8Array(Number(size)).fill(97);
  const options = {
    port: Number(port),
    end: "SERVER WRONG MARKER",
    maxReplyBytes: 2 ** 30,
  };
  return async () => {
    const reply = await sendData(data, options);
    if (reply.data.length < 2 * data.length) throw new Error("A short reply");
    return 1;
  };
}

async function lines(ahead: number): Promise<() => Promise<number>> {
  const client = await connect({ port: Number(port), end: "\r\n" });
  const request = async () => {
    const reply = await client.request("PING");
    if (reply.data.length !== 5) throw new Error("A wrong reply");
  };
  return async () => {
    await Promise.all(Array.from({ length: ahead }, request));
    return ahead;
  };
}

const step = kind === "messages" ? messages() : await lines(Number(size));
await measureSteps(step, limits);
