import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  ConversationError,
  removeStaleSocket,
  sendData,
  serve,
} from "../mod.ts";
import { needsRun } from "./options.ts";
import { FILE_PERMISSIONS, runClient, startServer } from "./scripts.ts";
import { temporaryDirectory } from "./temporary.ts";

Deno.test(
  needsRun("server.ts --unix replaces the socket of a server that was killed"),
  async () => {
    await using directory = await temporaryDirectory();
    const path = `${directory.path}/socket`;
    const start = () => startServer([`--unix=${path}`], FILE_PERMISSIONS);
    const client = [`--unix=${path}`, "--marker=SERVER WRONG MARKER"];
    await using living = await start();
    await assertRejects(start, Error, "in use");
    const reply = await runClient([...client, "--data=a"]);
    assertEquals(reply.stdout, "connected\nsent a\nshutdown\naa\n");
    await living.stop("SIGKILL");
    assert((await Deno.stat(path)).isSocket);
    await using next = await start();
    assertEquals((await runClient([...client, "--data=b"])).code, 0);
    await next.stop();
    await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
  },
);

Deno.test(needsRun("removeStaleSocket() leaves other files"), async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/file`;
  await Deno.writeTextFile(path, "precious");
  await removeStaleSocket(path);
  assertEquals(await Deno.readTextFile(path), "precious");
});

Deno.test(
  needsRun("shutdown() of a Unix socket serves everybody who connected"),
  async () => {
    await using directory = await temporaryDirectory();
    const path = `${directory.path}/socket`;
    const server = serve({ path, end: "\n" });
    const replies: string[] = [];
    const enough = Promise.withResolvers<void>();
    const client = async () => {
      for (;;) {
        try {
          replies.push((await sendData("a", { path, end: "\n" })).text());
        } catch (error) {
          if (!(error instanceof ConversationError)) throw error;
          if (error.reason !== "refused") replies.push(error.reason);
          return;
        }
        if (replies.length >= 200) enough.resolve();
      }
    };
    const clients = Array.from({ length: 32 }, client);
    await enough.promise;
    const ended = server.shutdown();
    // At once: else clients would go on to fill the backlog.
    // Without its file no further client finds the socket.
    await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
    await Promise.all(clients);
    // The next server may take the path already, and keeps its socket.
    const next = serve({ path, end: "\n" });
    await ended;
    assertEquals((await sendData("a", { path, end: "\n" })).text(), "aa");
    await next.shutdown();
    await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
    assertEquals(replies.filter((reply) => reply !== "aa"), []);
  },
);
