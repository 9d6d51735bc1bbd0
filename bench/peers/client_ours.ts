// A client process of clients.ts: sendData() and connect().
import { cpuSeconds } from "../libc.ts";
import { peakMemory } from "../proc.ts";

const [module, port, kind, size, least, warmUp, seconds] = Deno.args;
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

async function run(seconds: number): Promise<number> {
  const end = performance.now() + 1000 * seconds;
  let count = 0;
  do count += await step(); while (
    count < Number(least) || performance.now() < end
  );
  return count;
}

if (Number(warmUp) > 0) await run(Number(warmUp));
const start = performance.now();
const used = cpuSeconds(Deno.pid);
const count = await run(Number(seconds));
console.log(JSON.stringify({
  count,
  seconds: (performance.now() - start) / 1000,
  cpuSeconds: cpuSeconds(Deno.pid) - used,
  peakBytes: peakMemory(Deno.pid),
}));
Deno.exit();
