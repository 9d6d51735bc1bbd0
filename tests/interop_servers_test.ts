// Programs of others with ours: client.ts with their servers, and programs
// between client.ts and server.ts.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { concat, equals } from "@std/bytes";
import { needsPrograms } from "./options.ts";
import { type Listening, Program, startOnSomePort } from "./programs.ts";
import { runClient, startServer } from "./scripts.ts";

/** Prints its port, then serves one client after the other. */
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

Deno.test(
  needsPrograms(["python3"], "client.ts and a Python server"),
  async (t) => {
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

    await t.step(
      "client.ts gets the error reply without a marker",
      async () => {
        const client = await runClient([`--port=${port}`, "--data=a1234"]);
        assertEquals(
          client.stdout,
          "connected\nsent a1234\nshutdown\nERROR:no end!\n",
        );
        assertStringIncludes(
          client.stderr,
          "both sides need the same --marker",
        );
        assertEquals(client.code, 1);
      },
    );

    await t.step("client.ts gets standard input of 5 MB twice", async () => {
      const large = Uint8Array.from({ length: 5_000_000 }, (_, i) => i % 251);
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
  },
);

Deno.test(
  needsPrograms(
    ["python3"],
    "client.ts reports a Python server that sends no reply",
  ),
  async () => {
    await using server = new Program("python3", ["-c", PYTHON_SILENT_SERVER]);
    const port = await portOf(server);
    const client = await runClient([`--port=${port}`, "--data=a1234"]);
    assertEquals(client.stdout, "connected\nsent a1234\nshutdown\n");
    assertStringIncludes(client.stderr, "No reply");
    assertStringIncludes(client.stderr, "--half-close after");
    assertEquals(client.code, 3);
  },
);

Deno.test(
  needsPrograms(
    ["python3"],
    "client.ts reports a Python server that resets in a reply",
  ),
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
    assertStringIncludes(client.stderr, "truncated after 12 bytes");
    assertEquals(client.code, 3);
  },
);

Deno.test(needsPrograms(["nc"], "client.ts and nc -l"), async () => {
  await using server = await startOnSomePort(
    (port) =>
      new Program("nc", ["-v", "-N", "-l", "127.0.0.1", `${port}`], {
        stdin: "what nc was given",
      }),
    /Listening on/,
  );
  const { port } = server;
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

Deno.test(
  needsPrograms(["socat"], "client.ts and a program under socat"),
  async () => {
    // wc counts to the end of file: it prints when it has seen the half-close.
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
  },
);

Deno.test(
  needsPrograms(["socat"], "client.ts through socat to server.ts"),
  async () => {
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
  },
);

Deno.test(
  needsPrograms(["ncat"], "client.ts and a program under ncat"),
  async () => {
    await using server = await startNcat("head -n 1");
    const { port } = server;
    const client = await runClient([
      `--port=${port}`,
      "--data=a1234",
      "--marker=\\n",
      "--half-close=after",
      "--quiet",
    ]);
    assertEquals(client.stdout, "a1234\n");
    assertEquals(client.code, 0);
  },
);

Deno.test(
  needsPrograms(
    ["ncat", "socat"],
    "client.ts through a proxy that does not pass half-closes on",
  ),
  async (t) => {
    await using server = await startServer(["--marker=END"]);
    // ncat ends at the client's end of file, whatever the server still sends.
    // After it comes socat, because another ncat would not end with the server
    // either; and a pause, so that no reply overtakes the end of file.
    await using proxy = await startNcat(
      `sleep 0.5; exec socat -t0.1 - TCP:127.0.0.1:${server.port}`,
    );
    const { port } = proxy;
    const args = [`--port=${port}`, "--data=a1234", "--marker=END"];

    await t.step("client.ts --half-close before gets no reply", async () => {
      const client = await runClient(args);
      assertEquals(client.stdout, "connected\nsent a1234\nshutdown\n");
      assertStringIncludes(client.stderr, "No reply");
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

/** A socat that connects each client with `address`. */
function startSocat(address: string): Program {
  return new Program("socat", [
    "-d",
    "-d",
    "-t10",
    "TCP-LISTEN:0,bind=127.0.0.1,fork",
    address,
  ]);
}

/** An ncat that runs `command` for each client. */
function startNcat(command: string): Promise<Listening> {
  return startOnSomePort((port) =>
    new Program("ncat", [
      ...["-v", "-k", "-l", "127.0.0.1", `${port}`],
      ...["--sh-exec", command],
    ]), /istening on .*:\d+\n/);
}

/** The port that a program prints when it listens. */
async function portOf(
  program: Program,
  where: "stdout" | "stderr" = "stdout",
): Promise<number> {
  const pattern = where === "stdout" ? /^(\d+)\n/ : /istening on .*:(\d+)\n/;
  const [, port] = await program.says(pattern, where);
  return Number(port);
}
