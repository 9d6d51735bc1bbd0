// Lines answered with +PONG in idiomatic Node: one string a chunk, one write.
import net from "node:net";
import process from "node:process";

const server = net.createServer({ noDelay: true }, (socket) => {
  let rest = "";
  socket.setEncoding("latin1");
  socket.on("data", (text) => {
    const lines = (rest + text).split("\r\n");
    rest = lines.pop();
    if (lines.length > 0) socket.write("+PONG\r\n".repeat(lines.length));
  });
  socket.on("error", () => socket.destroy());
});

server.listen(Number(process.argv[2]), "127.0.0.1", () => {
  console.log(`started on ${server.address().port}`);
});
