// A TCP proxy in Node, with allowHalfOpen or without. Prints the port that it
// listens on.
//
//   node node_pipe.mjs SERVER_PORT true|false

import { connect, createServer } from "node:net";
import process from "node:process";

const [port, halfOpen] = process.argv.slice(2);
const allowHalfOpen = halfOpen === "true";

const proxy = createServer({ allowHalfOpen }, (client) => {
  const server = connect({ host: "127.0.0.1", port, allowHalfOpen });
  client.pipe(server).pipe(client);
  // A broken connection ends the other one, which would stay open.
  client.on("error", () => server.destroy());
  server.on("error", () => client.destroy());
});
proxy.listen(0, "127.0.0.1", () => console.log(proxy.address().port));
