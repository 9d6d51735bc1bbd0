import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  connectTo,
  freePort,
  ordinaryClient,
  readText,
  resettingClient,
  runProgram,
  scriptTest,
  startServer,
} from "./testing.ts";

const WHOLE = "aSERVER WRONG MARKER";

scriptTest("--health-port closes first, and the server after it", async () => {
  const health = freePort();
  await using server = await startServer(
    [`--health-port=${health}`, "--notice=0.5"],
  );
  using looking = await connectTo(health);
  assertEquals(await readText(looking), "");
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
  // Whoever has not looked yet is still welcome.
  assertEquals(await ordinaryClient(server.port, WHOLE), "aa");
  const { code, stderr } = await server.finished;
  assertEquals(code, 0);
  assertStringIncludes(stderr, "1 conversations (end 1), ");
});

scriptTest("--notice ends with a second signal", async () => {
  const health = freePort();
  await using server = await startServer(
    [`--health-port=${health}`, "--notice=600"],
  );
  server.kill("SIGTERM");
  await server.says(/shutting down/, "stderr");
  server.kill("SIGTERM");
  assertEquals((await server.finished).code, 0);
});

scriptTest("--health-port goes with --parallel", async () => {
  const health = freePort();
  await using server = await startServer(
    [`--health-port=${health}`, "--notice=0.2", "--parallel=2"],
    ["--allow-net=127.0.0.1", "--allow-read"],
  );
  using looking = await connectTo(health);
  assertEquals(await readText(looking), "");
  server.kill("SIGTERM");
  assertEquals((await server.finished).code, 0);
});

scriptTest("--health-port that is taken is one line", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const script = new URL("server.ts", import.meta.url).href;
  const { code, stderr } = await runProgram(Deno.execPath(), [
    "run",
    "--quiet",
    "--allow-net=127.0.0.1",
    script,
    "--port=0",
    `--health-port=${taken.addr.port}`,
  ]);
  assertEquals(code, 1);
  assertEquals(
    stderr,
    `Cannot serve on 127.0.0.1:0: health port ${taken.addr.port}: ` +
      "Address already in use (os error 98)\n",
  );
});
