import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { needsRun } from "../tests/options.ts";
import { runServer, startServer } from "../tests/scripts.ts";
import {
  connectTo,
  listenLocally,
  ordinaryClient,
  readText,
  resettingClient,
} from "../tests/sockets.ts";

/** Returns a port of 127.0.0.1 on which no program listens at the moment. */
function freePort(): number {
  using listener = listenLocally();
  return listener.addr.port;
}

const MESSAGE = "aSERVER WRONG MARKER";

Deno.test(
  needsRun("server.ts --health-port closes before the server"),
  async () => {
    const health = freePort();
    await using server = await startServer(
      [`--health-port=${health}`, "--notice=0.5"],
    );
    using check = await connectTo(health);
    assertEquals(await readText(check), "");
    await Promise.all(
      Array.from({ length: 50 }, () => resettingClient(health, "")),
    );
    using _stillOpen = await connectTo(health);
    server.kill("SIGTERM");
    await server.says(/shutting down/, "stderr");
    await assertRejects(
      () => connectTo(health),
      Deno.errors.ConnectionRefused,
    );
    // A client that a load balancer sends before its next check.
    assertEquals(await ordinaryClient(server.port, MESSAGE), "aa");
    const { code, stderr } = await server.finished;
    assertEquals(code, 0);
    assertStringIncludes(stderr, "1 conversations (ok 1), ");
  },
);

Deno.test(needsRun("server.ts --notice ends at a second signal"), async () => {
  const health = freePort();
  await using server = await startServer(
    [`--health-port=${health}`, "--notice=600"],
  );
  server.kill("SIGTERM");
  await server.says(/shutting down/, "stderr");
  server.kill("SIGTERM");
  assertEquals((await server.finished).code, 0);
});

Deno.test(
  needsRun("server.ts --health-port works with --parallel"),
  async () => {
    const health = freePort();
    await using server = await startServer(
      [`--health-port=${health}`, "--notice=0.2", "--parallel=2"],
    );
    using check = await connectTo(health);
    assertEquals(await readText(check), "");
    server.kill("SIGTERM");
    assertEquals((await server.finished).code, 0);
  },
);

Deno.test(needsRun("server.ts --health-port in use is one line"), async () => {
  using taken = listenLocally();
  const { port } = taken.addr;
  const { code, stderr } = await runServer(
    ["--port=0", `--health-port=${port}`],
  );
  assertEquals(code, 1);
  assertEquals(
    stderr,
    `Cannot serve on 127.0.0.1:0: health port ${port}: ` +
      "Address already in use (os error 98)\n",
  );
});
