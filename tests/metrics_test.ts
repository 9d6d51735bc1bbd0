// The metrics of server.ts: over HTTP, at SIGUSR2, in Prometheus.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { needsPrograms, needsRun } from "./options.ts";
import { Program, runProgram, startOnSomePort } from "./programs.ts";
import { pathOf, runServer, startServer } from "./scripts.ts";
import {
  connectTo,
  listenLocally,
  ordinaryClient,
  pause,
  resettingClient,
  writeAll,
} from "./sockets.ts";
import { temporaryDirectory } from "./temporary.ts";

/** Returns a port of 127.0.0.1 on which no program listens at the moment. */
function freePort(): number {
  using listener = listenLocally();
  return listener.addr.port;
}

/** Asks the metrics port, on a connection of its own. */
async function get(
  port: number,
  path: string,
  method = "GET",
): Promise<{ status: number; headers: Headers; content: string }> {
  const headers = { connection: "close" };
  const url = `http://127.0.0.1:${port}${path}`;
  const response = await fetch(url, { method, headers });
  const content = await response.text();
  return { status: response.status, headers: response.headers, content };
}

/** The values of metrics, without those that are 0 and the durations. */
async function metricsOf(port: number): Promise<Record<string, number>> {
  const { status, content } = await get(port, "/metrics");
  assertEquals(status, 200);
  const samples = content.matchAll(/^recv_end_(\w+)(?:\{(.*)\})? (\S+)$/gm);
  return Object.fromEntries(
    [...samples].filter(([, name, , value]) =>
      value !== "0" && !/_duration_seconds_(bucket|sum)/.test(name!)
    ).map(([, name, label, value]) => [
      label === undefined ? name : `${name} ${label}`,
      Number(value),
    ]),
  );
}

/** Waits until the metrics are so. */
async function until(
  port: number,
  isSo: (metrics: Record<string, number>) => boolean,
): Promise<Record<string, number>> {
  for (;;) {
    const metrics = await metricsOf(port);
    if (isSo(metrics)) return metrics;
    await pause(50);
  }
}

/** Echoes; refuses with a code of its own, and fails. */
const MODULE = `data:text/javascript,${
  encodeURIComponent(`
  import { ErrorReply } from ${
    JSON.stringify(new URL("../mod.ts", import.meta.url).href)
  };
  export default { end: ";", handler(message) {
    const text = message.text();
    if (text.startsWith("!")) throw new ErrorReply(text.slice(1));
    if (text === "?") throw new Error("broken");
    return text;
  } };
`)
}`;

for (const threads of [1, 2]) {
  Deno.test(
    needsRun(`/metrics adds up to what ${threads} threads have logged`),
    async () => {
      const port = freePort();
      await using server = await startServer([
        ...[`--metrics-port=${port}`, "--notice=0", `--parallel=${threads}`],
        ...["--log=json", "--max-bytes=1MiB", MODULE],
      ], ["-A"]);
      const large = `${"m".repeat(500_000)};`;
      await Promise.all(Array.from({ length: 30 }, (_, i) =>
        Promise.all([
          ordinaryClient(server.port, "a;"),
          ordinaryClient(server.port, large),
          ordinaryClient(server.port, `!code ${i};`),
          ordinaryClient(server.port, "?;"),
          ordinaryClient(server.port, "never ended"),
          ordinaryClient(server.port, "x".repeat(2_000_000)),
        ])));
      await resettingClient(server.port, "");
      const metrics = await until(
        port,
        ({ connections_open }) => connections_open === undefined,
      );
      const { code, stderr } = await server.stop();
      assertEquals(code, 0);
      const lines = stderr.trimEnd().split("\n").map((line) =>
        JSON.parse(line)
      );
      const ended = lines.filter(({ outcome }) => outcome !== undefined);
      const sum = (member: string) =>
        ended.reduce((sum, line) => sum + Number(line[member]), 0);
      const count = (outcome: string) =>
        ended.filter((line) => line.outcome === outcome).length;
      assertEquals(metrics['conversations_total outcome="ok"'], 60);
      assertEquals(metrics['conversations_total outcome="failed"'], 30);
      assertEquals(metrics['conversations_total outcome="other"'], 30);
      assertEquals(metrics['conversations_total outcome="no end"'], 30);
      assertEquals(metrics['conversations_total outcome="too large"'], 30);
      // A client that resets at once may leave before it is accepted.
      const resets = count("reset");
      assertEquals(metrics['conversations_total outcome="reset"'] ?? 0, resets);
      assertEquals(ended.length, 180 + resets);
      assertEquals(metrics.connections_accepted_total, ended.length);
      assertEquals(metrics.conversation_duration_seconds_count, ended.length);
      assertEquals(metrics.handler_errors_total, 30);
      assertEquals(metrics.messages_total, sum("messages"));
      assertEquals(metrics.received_bytes_total, sum("bytesIn"));
      assertEquals(metrics.sent_bytes_total, sum("bytesOut"));
      assertEquals(metrics.replies_lost_total ?? 0, sum("replyLost"));
      assertEquals(metrics.connections_limit, 10_000);
      assertEquals(metrics.buffer_limit_bytes, 2 ** 30);
    },
  );

  Deno.test(
    needsRun(`/metrics shows what is open and in memory, ${threads} threads`),
    async () => {
      const port = freePort();
      const flags = [`--metrics-port=${port}`, `--parallel=${threads}`];
      await using server = await startServer(flags, ["-A"]);
      const conns = [];
      for (let i = 0; i < 3; i++) {
        const conn = await connectTo(server.port);
        conns.push(conn);
        await writeAll(conn, "m".repeat(200_000));
      }
      const { connections_open } = await until(
        port,
        ({ buffer_bytes = 0 }) => buffer_bytes >= 600_000,
      );
      assertEquals(connections_open, 3);
      for (const conn of conns) conn.close();
      await until(
        port,
        ({ buffer_bytes, connections_open }) =>
          buffer_bytes === undefined && connections_open === undefined,
      );
    },
  );
}

Deno.test(
  needsRun("/readyz is 503 from the first signal on, /healthz is not"),
  async () => {
    const port = freePort();
    const args = [`--metrics-port=${port}`, "--notice=600", "--parallel=2"];
    await using server = await startServer(args, ["-A"]);
    const answers = async () => {
      const paths = ["/readyz", "/healthz", "/metrics"];
      return await Promise.all(
        paths.map(async (path) => (await get(port, path)).status),
      );
    };
    assertEquals(await answers(), [200, 200, 200]);
    server.kill("SIGTERM");
    await server.says(/shutting down/, "stderr");
    assertEquals(await answers(), [503, 200, 200]);
    // It serves during the notice.
    const message = "aSERVER WRONG MARKER";
    assertEquals(await ordinaryClient(server.port, message), "aa");
    server.kill("SIGTERM");
    assertEquals((await server.finished).code, 0);
    await assertRejects(() => get(port, "/healthz"), TypeError);
  },
);

Deno.test(needsRun("the metrics port answers nothing else"), async () => {
  const port = freePort();
  const args = [`--metrics-port=${port}`, "--notice=0"];
  await using server = await startServer(args, ["-A"]);
  // An idle connection, and one that stops within its request.
  using _idle = await connectTo(port);
  using unfinished = await connectTo(port);
  await writeAll(unfinished, "GET /metrics HTTP/1.1\r\nHost: ");
  for (const host of ["a b", "a:99999", "[", ""]) {
    const request = `GET /metrics HTTP/1.0\r\nHost: ${host}\r\n\r\n`;
    assertMatch(await ordinaryClient(port, request), /^HTTP\/1.0 [24]0/);
  }
  const head = await get(port, "/metrics", "HEAD");
  assertEquals([head.status, head.content], [200, ""]);
  assertEquals((await get(port, "/metrics?a=b")).status, 200);
  assertEquals((await get(port, "/")).status, 404);
  assertEquals((await get(port, "/metrics/")).status, 404);
  const post = await get(port, "/metrics", "POST");
  assertEquals(post.status, 405);
  assertEquals(post.headers.get("allow"), "GET, HEAD");
  const { code, stderr } = await server.stop();
  assertEquals(code, 0);
  assertMatch(stderr, /^\S+ shutting down; .*\n\S+ 0 conversations, .*\n$/);
});

Deno.test(needsRun("server.ts --metrics-port in use is one line"), async () => {
  using taken = listenLocally();
  const { port } = taken.addr;
  for (const threads of [1, 2]) {
    const { code, stderr } = await runServer(
      ["--port=0", `--metrics-port=${port}`, `--parallel=${threads}`],
    );
    assertEquals(code, 1);
    assertMatch(
      stderr,
      RegExp(`^Cannot serve on .*: metrics port ${port}: .*in use.*\n$`),
    );
  }
});

Deno.test(needsRun("SIGUSR2 prints the metrics for people"), async (t) => {
  for (const flags of [[], ["--quiet"], ["--parallel=2"]]) {
    await t.step(flags.join(" ") || "no flags", async () => {
      await using server = await startServer(flags);
      await ordinaryClient(server.port, "aSERVER WRONG MARKER");
      using _conn = await connectTo(server.port);
      const line =
        / 1 connections open, 2 accepted; 1 conversations \(ok 1\), .*\n/;
      while (!line.test(server.stderr)) {
        server.kill("SIGUSR2");
        await pause(100);
      }
      server.kill("SIGTERM");
      server.kill("SIGINT");
      assertEquals((await server.finished).code, 0);
    });
  }
});

Deno.test(
  needsPrograms(["promtool"], "/metrics passes promtool check metrics"),
  async () => {
    const port = freePort();
    const args = [`--metrics-port=${port}`, "--notice=0"];
    await using server = await startServer(args, ["-A"]);
    await ordinaryClient(server.port, "aSERVER WRONG MARKER");
    const { content } = await get(port, "/metrics");
    const checked = await runProgram("promtool", ["check", "metrics"], {
      stdin: content,
    });
    assertEquals(checked, { ...checked, code: 0, stdout: "", stderr: "" });
  },
);

/** Returns the value of a query; undefined if there is none. */
async function query(prometheus: number, text: string) {
  const url = new URL(`http://127.0.0.1:${prometheus}/api/v1/query`);
  url.searchParams.set("query", text);
  const response = await fetch(url, { headers: { connection: "close" } });
  const { data } = await response.json();
  const [first] = data?.result ?? [];
  return first === undefined ? undefined : Number(first.value[1]);
}

Deno.test(
  needsPrograms(["prometheus"], "Prometheus scrapes the metrics", {
    timeout: 50_000,
  }),
  async () => {
    await using directory = await temporaryDirectory();
    const port = freePort();
    const args = [`--metrics-port=${port}`, "--notice=0", "--parallel=2"];
    await using server = await startServer([
      ...[...args, "--marker=\\n", "--keep-alive"],
      pathOf("examples/line_server.ts"),
    ], ["-A"]);
    const config = `${directory.path}/prometheus.yml`;
    await Deno.writeTextFile(
      config,
      `global: { scrape_interval: 200ms }
scrape_configs:
  - job_name: recv_end
    static_configs: [{ targets: ["127.0.0.1:${port}"] }]
`,
    );
    await using prometheus = await startOnSomePort(
      (port) =>
        new Program("prometheus", [
          `--config.file=${config}`,
          `--storage.tsdb.path=${directory.path}/data`,
          `--web.listen-address=127.0.0.1:${port}`,
        ]),
      /Server is ready/,
    );
    for (let i = 0; i < 20; i++) {
      assertEquals(await ordinaryClient(server.port, "echo a\n"), "a\n");
    }
    const name = `recv_end_conversations_total{outcome="ok"}`;
    while (await query(prometheus.port, name) !== 20) await pause(200);
    assertEquals(await query(prometheus.port, "up"), 1);
    const median = await query(
      prometheus.port,
      "histogram_quantile(0.5, recv_end_conversation_duration_seconds_bucket)",
    );
    assert(median !== undefined && median > 0 && median < 10, `${median}`);
  },
);
