// A server with the conversation of server.ts in idiomatic Node: a list of
// chunks, a search that overlaps them, one writev, a drain before the close.
import net from "node:net";
import process from "node:process";

const MARKER = Buffer.from("SERVER WRONG MARKER");

const server = net.createServer({ allowHalfOpen: true }, (socket) => {
  const chunks = [];
  let length = 0;
  let answered = false;
  let tail = Buffer.alloc(0);

  const answer = (...reply) => {
    answered = true;
    socket.cork();
    for (const part of reply) socket.write(part);
    socket.end();
  };

  // After the reply, data is read and dropped: the drain.
  socket.on("data", (chunk) => {
    if (answered) return;
    const joined = Buffer.concat([tail, chunk]);
    const found = joined.indexOf(MARKER);
    chunks.push(chunk);
    if (found < 0) {
      length += chunk.length;
      tail = joined.subarray(-(MARKER.length - 1));
      return;
    }
    const data = Buffer.concat(chunks)
      .subarray(0, length - tail.length + found);
    answer(data, data);
  });
  socket.on("end", () => {
    if (!answered) answer("ERROR:no end!");
  });
  socket.on("error", () => socket.destroy());
});

server.listen(Number(process.argv[2]), "127.0.0.1", () => {
  console.log(`started on ${server.address().port}`);
});
