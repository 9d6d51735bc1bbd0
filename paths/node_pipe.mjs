// A proxy as it is written in Node: node node_pipe.mjs SERVER_PORT true|false.
// Prints the port that it listens on.

import { connect, createServer } from "node:net";
import process from "node:process";

const [port, halfOpen] = process.argv.slice(2);
const allowHalfOpen = halfOpen === "true";

const proxy = createServer({ allowHalfOpen }, (client) => {
  const server = connect({ host: "127.0.0.1", port, allowHalfOpen });
  client.pipe(server).pipe(client);
  // One that breaks takes the other along; else both would stay open.
  client.on("error", () => server.destroy());
  server.on("error", () => client.destroy());
});
proxy.listen(0, "127.0.0.1", () => console.log(proxy.address().port));
