// Programs of others with ours: their clients with server.ts.

import { assert, assertEquals } from "@std/assert";
import { concat, equals } from "@std/bytes";
import { needsPrograms } from "./options.ts";
import { runProgram } from "./programs.ts";
import { startServer } from "./scripts.ts";

const MIB = 1024 * 1024;

/** Sends standard input, half-closes, and prints the reply. */
const PYTHON_CLIENT = `
import socket, sys

client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
client.sendall(sys.stdin.buffer.read())
client.shutdown(1)
while True:
    received = client.recv(8192)
    if not received:
        break
    sys.stdout.buffer.write(received)
client.close()
`;

const PYTHON_ASYNCIO_CLIENT = `
import asyncio, sys

async def main():
    reader, writer = await asyncio.open_connection("127.0.0.1", sys.argv[1])
    writer.write(sys.stdin.buffer.read())
    await writer.drain()
    writer.write_eof()
    sys.stdout.buffer.write(await reader.read())
    writer.close()
    await writer.wait_closed()

asyncio.run(main())
`;

/** Clients that send standard input, half-close, and print what comes. */
const CLIENTS: Record<string, (port: string) => [string, ...string[]]> = {
  "Python": (port) => ["python3", "-c", PYTHON_CLIENT, port],
  "Python asyncio": (port) => ["python3", "-c", PYTHON_ASYNCIO_CLIENT, port],
  "nc -N": (port) => ["nc", "-N", "127.0.0.1", port],
  // After its own end of file socat waits for half a second, and no longer.
  "socat": (port) => ["socat", "-t10", "-", `TCP:127.0.0.1:${port},shut-down`],
  "ncat": (port) => ["ncat", "127.0.0.1", port],
};

/** What clients send, and the replies of server.ts. */
const MESSAGES = conversations();

function conversations() {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const [data, end] = [bytes("a1234 "), bytes("SERVER WRONG MARKER")];
  const large = Uint8Array.from({ length: 5_000_000 }, (_, i) => i % 251);
  return {
    "gets its data twice": {
      sent: concat([data, end]),
      reply: concat([data, data]),
    },
    "gets an error reply without a marker": {
      sent: concat([data, bytes("CLIENT WRONG MARKER")]),
      reply: bytes("ERROR:no end!"),
    },
    "gets the reply with 1 MiB after the marker": {
      sent: concat([data, end, new Uint8Array(MIB)]),
      reply: concat([data, data]),
    },
    "gets 5 MB twice": {
      sent: concat([large, end]),
      reply: concat([large, large]),
    },
  };
}

for (const [name, command] of Object.entries(CLIENTS)) {
  Deno.test(
    needsPrograms([command("")[0]], `server.ts and ${name}`),
    async (t) => {
      await using server = await startServer();
      const [program, ...args] = command(String(server.port));
      for (const [verdict, { sent, reply }] of Object.entries(MESSAGES)) {
        await t.step(`${name} ${verdict}`, async () => {
          const client = await runProgram(program, args, { stdin: sent });
          assertEquals(client.stderr, "");
          assertEquals(client.stdoutBytes.length, reply.length);
          assert(equals(client.stdoutBytes, reply));
          assertEquals(client.code, 0);
        });
      }
    },
  );
}
