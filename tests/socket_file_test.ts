// The file of a Unix socket belongs to the server that made it, and to no other.

import { assertEquals, assertRejects } from "@std/assert";
import { sendData, serve } from "../mod.ts";
import { needsRun } from "./options.ts";
import { temporaryDirectory } from "./temporary.ts";

Deno.test(
  needsRun("shutdown() leaves the Unix socket of another server alone"),
  async () => {
    await using directory = await temporaryDirectory();
    const path = `${directory.path}/socket`;
    const ended = Promise.withResolvers<string>();
    const first = serve({ path, end: "\n" }, () => ended.promise);
    const waiting = sendData("a", { path, end: "\n" });
    await Deno.remove(path);
    const second = serve({ path, end: "\n" });
    const finished = first.shutdown();
    ended.resolve("from the first");
    assertEquals((await waiting).text(), "from the first");
    await finished;
    assertEquals((await sendData("b", { path, end: "\n" })).text(), "bb");
    await second.shutdown();
    await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
    assertEquals([...Deno.readDirSync(directory.path)], []);
  },
);

Deno.test(
  needsRun("shutdown() leaves a file alone that replaced its Unix socket"),
  async () => {
    await using directory = await temporaryDirectory();
    const path = `${directory.path}/socket`;
    const server = serve({ path, end: "\n" });
    await Deno.remove(path);
    await Deno.writeTextFile(path, "precious");
    await server.shutdown();
    assertEquals(await Deno.readTextFile(path), "precious");
  },
);

Deno.test(
  needsRun("serve() removes nothing of another server when it is aborted"),
  async () => {
    const path = await Deno.makeTempDir({ prefix: "recv_end_test_" });
    try {
      const controller = new AbortController();
      const { signal } = controller;
      const first = serve({ path: `${path}/socket`, end: "\n", signal });
      await Deno.remove(`${path}/socket`);
      await using _second = serve({ path: `${path}/socket`, end: "\n" });
      controller.abort();
      await first.finished;
      const address = { path: `${path}/socket`, end: "\n" };
      assertEquals((await sendData("b", address)).text(), "bb");
    } finally {
      await Deno.remove(path, { recursive: true });
    }
  },
);
