// Conversations with programs that nobody here wrote: their client with our
// server, our client with their server, and ours with theirs in between.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { concat, equals } from "@std/bytes";
import {
  foreignTest,
  freePort,
  Program,
  runClient,
  runProgram,
  startServer,
} from "./testing.ts";

const MIB = 1024 * 1024;

/** A client sends standard input, half-closes, and prints the reply. */
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

/** Prints its port, then serves one after the other. */
const PYTHON_LISTEN = `
import socket, struct

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)

def connections():
    while True:
        connection, _ = listener.accept()
        yield connection

def read_all(connection):
    while connection.recv(8192):
        pass
`;

/** The well-known recipe: it looks for the marker in the last two chunks. */
const PYTHON_SERVER = `${PYTHON_LISTEN}
END = b"PYTHON MARKER"

def recv_end(connection):
    chunks = [b""]
    while True:
        chunk = connection.recv(8192)
        if not chunk:
            return b"".join(chunks), False
        pair = chunks.pop() + chunk
        if END in pair:
            chunks.append(pair[:pair.find(END)])
            return b"".join(chunks), True
        chunks += [pair[:-len(chunk)], chunk]

for connection in connections():
    data, got_end = recv_end(connection)
    connection.sendall(data * 2 if got_end else b"ERROR:no end!")
    connection.shutdown(1)
    connection.close()
`;

const PYTHON_SILENT_SERVER = `${PYTHON_LISTEN}
for connection in connections():
    read_all(connection)
    connection.close()
`;

const PYTHON_RESETTING_SERVER = `${PYTHON_LISTEN}
for connection in connections():
    read_all(connection)
    connection.sendall(b"half of a re")
    reset = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
    connection.close()
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

/** What they send, and what our server makes of it. */
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
    "is told that there was no marker": {
      sent: concat([data, bytes("CLIENT WRONG MARKER")]),
      reply: bytes("ERROR:no end!"),
    },
    "gets the reply with 1 MiB behind the marker": {
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
  foreignTest([command("")[0]], `server.ts and ${name}`, async (t) => {
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
  });
}

foreignTest(["python3"], "client.ts and a Python server", async (t) => {
  await using server = new Program("python3", ["-c", PYTHON_SERVER]);
  const port = await portOf(server);

  await t.step("client.ts gets its data twice", async () => {
    const client = await runClient([
      `--port=${port}`,
      "--data=a1234",
      "--marker=PYTHON MARKER",
    ]);
    assertEquals(
      client.stdout,
      "connected\nsent a1234\nshutdown\na1234a1234\n",
    );
    assertEquals(client.stderr, "");
    assertEquals(client.code, 0);
  });

  await t.step("client.ts is told that there was no marker", async () => {
    const client = await runClient([`--port=${port}`, "--data=a1234"]);
    assertEquals(
      client.stdout,
      "connected\nsent a1234\nshutdown\nERROR:no end!\n",
    );
    assertStringIncludes(client.stderr, "both sides need the same --marker");
    assertEquals(client.code, 1);
  });

  await t.step("client.ts gets standard input of 5 MB twice", async () => {
    const large = MESSAGES["gets 5 MB twice"].reply.subarray(0, 5_000_000);
    const client = await runClient(
      [`--port=${port}`, "--marker=PYTHON MARKER", "--quiet"],
      large,
    );
    assertEquals(client.stdoutBytes.length, 10_000_000);
    assert(equals(client.stdoutBytes, concat([large, large])));
    assertEquals(client.code, 0);
  });

  await t.step("client.ts gets the reply before its half-close", async () => {
    const client = await runClient([
      `--port=${port}`,
      "--data=a1234",
      "--marker=PYTHON MARKER",
      "--half-close=after",
    ]);
    assertEquals(
      client.stdout,
      "connected\nsent a1234\nshutdown\na1234a1234\n",
    );
    assertEquals(client.code, 0);
  });
});

foreignTest(
  ["python3"],
  "client.ts says when a Python server says nothing",
  async () => {
    await using server = new Program("python3", ["-c", PYTHON_SILENT_SERVER]);
    const port = await portOf(server);
    const client = await runClient([`--port=${port}`, "--data=a1234"]);
    assertEquals(client.stdout, "connected\nsent a1234\nshutdown\n");
    assertStringIncludes(client.stderr, "No last word");
    assertStringIncludes(client.stderr, "--half-close after");
    assertEquals(client.code, 3);
  },
);

foreignTest(
  ["python3"],
  "client.ts says when a Python server resets in the middle of the reply",
  async () => {
    await using server = new Program("python3", [
      "-c",
      PYTHON_RESETTING_SERVER,
    ]);
    const port = await portOf(server);
    const client = await runClient([
      `--port=${port}`,
      "--data=a1234",
      "--quiet",
    ]);
    assertEquals(client.stdout, "half of a re");
    assertStringIncludes(client.stderr, "cut after 12 bytes");
    assertEquals(client.code, 3);
  },
);

foreignTest(["nc"], "client.ts and nc -l", async () => {
  const port = freePort();
  await using server = new Program(
    "nc",
    ["-v", "-N", "-l", "127.0.0.1", String(port)],
    { stdin: "what nc was given" },
  );
  await server.says(/Listening on/, "stderr");
  const client = await runClient([
    `--port=${port}`,
    "--data=a1234",
    "--marker=END",
    "--quiet",
  ]);
  assertEquals(client.stdout, "what nc was given");
  assertEquals(client.code, 0);
  assertEquals((await server.finished).stdout, "a1234END");
});

foreignTest(["socat"], "client.ts and a program under socat", async () => {
  // It counts to the end of file: so it has seen our half-close.
  await using server = startSocat("EXEC:wc -c");
  const port = await portOf(server, "stderr");
  const client = await runClient([
    `--port=${port}`,
    "--data=a1234",
    "--marker=END",
    "--quiet",
  ]);
  assertEquals(client.stdout.trim(), "8");
  assertEquals(client.code, 0);
});

foreignTest(["socat"], "client.ts through socat to server.ts", async () => {
  await using server = await startServer(["--marker=END"]);
  await using path = startSocat(`TCP:127.0.0.1:${server.port}`);
  const port = await portOf(path, "stderr");
  const client = await runClient([
    `--port=${port}`,
    "--data=a1234",
    "--marker=WRONG",
  ]);
  assertEquals(
    client.stdout,
    "connected\nsent a1234\nshutdown\nERROR:no end!\n",
  );
  assertEquals(client.code, 1);
});

foreignTest(["ncat"], "client.ts and a program under ncat", async () => {
  await using server = startNcat("head -n 1");
  const port = await portOf(server, "stderr");
  const client = await runClient([
    `--port=${port}`,
    "--data=a1234",
    "--marker=\\n",
    "--half-close=after",
    "--quiet",
  ]);
  assertEquals(client.stdout, "a1234\n");
  assertEquals(client.code, 0);
});

foreignTest(
  ["ncat", "socat"],
  "client.ts through a path that eats half-closes",
  async (t) => {
    await using server = await startServer(["--marker=END"]);
    // ncat ends at our end of file, whatever the other side has to say. Behind
    // it is socat, because an ncat there would not end with the server either;
    // and a pause, so that no reply overtakes the end of file.
    await using path = startNcat(
      `sleep 0.2; exec socat -t0.1 - TCP:127.0.0.1:${server.port}`,
    );
    const port = await portOf(path, "stderr");
    const args = [`--port=${port}`, "--data=a1234", "--marker=END"];

    await t.step("client.ts --half-close before has no last word", async () => {
      const client = await runClient(args);
      assertEquals(client.stdout, "connected\nsent a1234\nshutdown\n");
      assertStringIncludes(client.stderr, "No last word");
      assertStringIncludes(client.stderr, "--half-close after");
      assertEquals(client.code, 3);
    });

    await t.step("client.ts --half-close after gets the reply", async () => {
      const client = await runClient([...args, "--half-close=after"]);
      assertEquals(
        client.stdout,
        "connected\nsent a1234\nshutdown\na1234a1234\n",
      );
      assertEquals(client.stderr, "");
      assertEquals(client.code, 0);
    });
  },
);

/** Listens on a free port, and connects each client with `address`. */
function startSocat(address: string): Program {
  return new Program("socat", [
    "-d",
    "-d",
    "-t10",
    "TCP-LISTEN:0,bind=127.0.0.1,fork",
    address,
  ]);
}

/** Listens on a free port, and runs `command` for each client. */
function startNcat(command: string): Program {
  const port = String(freePort());
  return new Program("ncat", [
    "-v",
    "-k",
    "-l",
    "127.0.0.1",
    port,
    "--sh-exec",
    command,
  ]);
}

/** The port a program says that it listens on. */
async function portOf(
  program: Program,
  where: "stdout" | "stderr" = "stdout",
): Promise<number> {
  const pattern = where === "stdout" ? /^(\d+)\n/ : /istening on .*:(\d+)\n/;
  const [, port] = await program.says(pattern, where);
  return Number(port);
}
