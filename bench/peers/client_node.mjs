// A client process of clients.ts in idiomatic Node: chunks that are joined at
// the end; lines, each answered by a promise.
import net from "node:net";
import process from "node:process";
import { measureSteps } from "./client_loop.mjs";

const [port, kind, size, ...limits] = process.argv.slice(2);
const MARKER = Buffer.from("SERVER WRONG MARKER");

function messages() {
  const data = Buffer.alloc(Number(size), "a");
  const converse = () =>
    new Promise((resolve, reject) => {
      const socket = net.connect(Number(port), "127.0.0.1");
      const chunks = [];
      socket.on("data", (chunk) => chunks.push(chunk));
      socket.on("end", () => resolve(Buffer.concat(chunks)));
      socket.on("error", reject);
      socket.cork();
      socket.write(data);
      socket.end(MARKER);
    });
  return async () => {
    const reply = await converse();
    if (reply.length < 2 * data.length) throw new Error("A short reply");
    return 1;
  };
}

function lines(ahead) {
  const socket = net.connect(Number(port), "127.0.0.1").setNoDelay();
  const waiting = [];
  let rest = "";
  socket.setEncoding("latin1");
  socket.on("data", (text) => {
    const replies = (rest + text).split("\r\n");
    rest = replies.pop();
    for (const reply of replies) waiting.shift()(reply);
  });
  const request = async () => {
    const reply = await new Promise((resolve) => {
      waiting.push(resolve);
      socket.write("PING\r\n");
    });
    if (reply.length !== 5) throw new Error("A wrong reply");
  };
  return async () => {
    await Promise.all(Array.from({ length: ahead }, request));
    return ahead;
  };
}

const step = kind === "messages" ? messages() : lines(Number(size));
await measureSteps(step, limits);
