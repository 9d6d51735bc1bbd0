// `Reader` over real sources: a child process, a connection, a file.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Reader, recvEnd } from "../mod.ts";
import { needsNet, needsRun } from "./options.ts";
import { textOf, utf8 } from "./scripted_source.ts";
import { temporaryDirectory } from "./temporary.ts";

const ipv4 = { hostname: "127.0.0.1" };

/** A connection, and the other end of it. */
async function connected(): Promise<[Deno.Conn, Deno.Conn]> {
  using listener = Deno.listen({ ...ipv4, port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  return await Promise.all([
    Deno.connect({ ...ipv4, port }),
    listener.accept(),
  ]);
}

Deno.test(
  needsRun("Reader reads long JSON lines of a child process"),
  async () => {
    // Lines of 1 MB: asyncio's StreamReader refuses more than 64 KiB.
    const script = `for (let step = 0; step < 3; step++) {
      console.log(JSON.stringify({ step, text: "x".repeat(1e6) }));
    }`;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["eval", script],
      stdin: "null",
      stdout: "piped",
    }).spawn();
    using reader = new Reader(child);
    const steps = [];
    for await (const line of reader.messages("\n", { timeout: 15_000 })) {
      assertEquals(line.gotEnd, true);
      const { step, text } = JSON.parse(textOf(line.data));
      steps.push([step, text.length]);
    }
    assertEquals(steps, [[0, 1e6], [1, 1e6], [2, 1e6]]);
    assertEquals((await child.status).success, true);
  },
);

Deno.test(
  needsRun("recvEnd() reads the standard output of a child process"),
  async () => {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["eval", 'console.log("a;b")'],
      stdin: "null",
      stdout: "piped",
    }).spawn();
    const { data } = await recvEnd(child, ";");
    assertEquals(textOf(data), "a");
    await child.stdout.cancel();
    await child.status;
  },
);

Deno.test(
  needsRun("Reader refuses a child process without a pipe"),
  async () => {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["eval", ""],
      stdin: "null",
      stdout: "null",
    }).spawn();
    await assertRejects(() => recvEnd(child, ";"), TypeError, "not piped");
    await child.status;
  },
);

Deno.test(
  needsNet("Reader over a connection goes on after time limits"),
  async () => {
    const [client, server] = await connected();
    using _server = server;
    using reader = new Reader(client);
    let timeouts = 0;
    for (const text of ["to be ", "or not ", "to be;that ", "is;"]) {
      const late = reader.until(";", { timeout: 5 });
      await assertRejects(() => late, DOMException, "Timed out");
      timeouts++;
      await server.write(utf8(text));
      if (!text.includes(";")) continue;
      const { data } = await reader.until(";", { timeout: 10_000 });
      const expected = timeouts === 3 ? "to be or not to be" : "that is";
      assertEquals(textOf(data), expected);
    }
    await server.closeWrite();
    assertEquals(await reader.some(), null);
    client.close();
  },
);

Deno.test(
  needsNet("Reader rejects the pending call when the connection is closed"),
  async () => {
    const [client, server] = await connected();
    using _server = server;
    const reader = new Reader(client);
    const call = reader.until(";", { timeout: 60_000 });
    await Promise.resolve();
    client.close();
    await assertRejects(() => call, Deno.errors.Interrupted);
  },
);

Deno.test(needsRun("Reader reads a file in few reads"), async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/lines`;
  const lines = Array.from({ length: 100_000 }, (_, i) => `line ${i}\n`);
  await Deno.writeTextFile(path, lines.join(""));
  using file = await Deno.open(path);
  let reads = 0;
  const reader = new Reader({
    read(p) {
      reads++;
      return file.read(p);
    },
  });
  let count = 0;
  for await (const { data } of reader.messages("\n")) {
    assertEquals(textOf(data), `line ${count++}`);
  }
  assertEquals(count, 100_000);
  assert(reads < 40, `${reads} reads`);
});
