// HAProxy and nginx name their clients to the server.

import { assertEquals, assertMatch } from "@std/assert";
import { Folder, freePort } from "../paths/running.ts";
import { LocalServer, MARKER } from "./local_server.ts";
import { needsPrograms } from "./options.ts";
import { Program } from "./programs.ts";
import { hostOf, whoAmI } from "./proxy_headers.ts";
import { FILE_PERMISSIONS, runClient, startServer } from "./scripts.ts";
import { clientFrom, ordinaryClient, readText, writeAll } from "./sockets.ts";
import { certificate } from "./temporary.ts";

const SCRIPT_MARKER = "SERVER WRONG MARKER";
const PROXIED = { proxyFrom: ["127.0.0.1"] };

/** Starts a proxy of one server. The configuration gets both ports. */
type StartProxy = (port: number, server: number) => Promise<AsyncDisposable>;

const haproxy = (flags: string): StartProxy => async (port, server) => {
  const folder = await Folder.make();
  const file = await folder.write(
    "haproxy.cfg",
    `global
    log stdout format raw daemon
defaults
    mode tcp
    timeout client 60s
    timeout server 60s
    timeout connect 4s
frontend all
    bind 127.0.0.1:${port}
    bind [::1]:${port}
    default_backend all
backend all
    server one 127.0.0.1:${server} ${flags}
`,
  );
  const program = new Program("haproxy", ["-W", "-db", "-f", file]);
  await program.says(/Loading success/, "stderr");
  return both(program, folder);
};

const nginx: StartProxy = async (port, server) => {
  const folder = await Folder.make();
  const file = await folder.write(
    "nginx.conf",
    `include /etc/nginx/modules-enabled/*.conf;
error_log stderr notice;
pid ${folder.path}/pid;
events {}
stream {
    server {
        listen 127.0.0.1:${port};
        listen [::1]:${port};
        proxy_pass 127.0.0.1:${server};
        proxy_half_close on;
        proxy_protocol on;
    }
}
`,
  );
  const flags = ["-e", "stderr", "-g", "daemon off;", "-c", file];
  const program = new Program("nginx", flags);
  await program.says(/start worker process/, "stderr");
  return both(program, folder);
};

function both(program: Program, folder: Folder): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      await program.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

for (
  const { name, program, start } of [
    { name: "send-proxy", program: "haproxy", start: haproxy("send-proxy") },
    {
      name: "send-proxy-v2",
      program: "haproxy",
      start: haproxy("send-proxy-v2"),
    },
    {
      name: "send-proxy-v2 with TLVs",
      program: "haproxy",
      start: haproxy("send-proxy-v2 proxy-v2-options crc32c,ssl,authority"),
    },
    { name: "proxy_protocol on", program: "nginx", start: nginx },
  ]
) {
  Deno.test(
    needsPrograms(
      [program],
      `${program}, ${name}: the server knows its clients`,
    ),
    async () => {
      await using server = new LocalServer(PROXIED, whoAmI);
      const port = freePort();
      await using _proxy = await start(port, server.port);
      for (const hostname of ["127.0.0.1", "::1"]) {
        using conn = await Deno.connect({ hostname, port });
        await writeAll(conn, `a${MARKER}`);
        await conn.closeWrite();
        const { port: own } = conn.localAddr as Deno.NetAddr;
        assertEquals(await readText(conn), `${hostname} ${own}`);
      }
      const from = await clientFrom("127.0.0.77", port, `a${MARKER}`);
      assertMatch(from, /^127\.0\.0\.77 \d+$/);
      // A message in many packets, after the header.
      const large = "x".repeat(1_000_000) + MARKER;
      assertMatch(await ordinaryClient(port, large), /^127\.0\.0\.1 \d+$/);
      const reports = await Promise.all(
        [0, 1, 2, 3].map((i) => server.report(i)),
      );
      const { length } = MARKER;
      assertEquals(reports.map(({ outcome, bytesIn }) => [outcome, bytesIn]), [
        ...Array(3).fill(["ok", 1 + length]),
        ["ok", 1_000_000 + length],
      ]);
    },
  );
}

Deno.test(
  needsPrograms(
    ["haproxy", "openssl"],
    "haproxy: the header comes before TLS that is passed on to the server",
  ),
  async () => {
    await using folder = await Folder.make();
    const { certFile, keyFile } = await certificate(folder.path);
    await using server = await startServer([
      ...[`--cert=${certFile}`, `--key=${keyFile}`, "--log=json"],
      ...["--proxy-from=127.0.0.1", "--allow=127.0.0.0/25"],
    ], FILE_PERMISSIONS);
    const port = freePort();
    await using _proxy = await haproxy("send-proxy-v2")(port, server.port);
    const { code, stdout } = await runClient([
      ...[
        "--hostname=localhost",
        `--port=${port}`,
        "--tls",
        `--ca=${certFile}`,
      ],
      ...[`--marker=${SCRIPT_MARKER}`, "--data=a1234", "--quiet"],
    ]);
    assertEquals([code, stdout], [0, "a1234a1234"]);
    // Neither is told anything, not even by TLS.
    assertEquals(await clientFrom("127.0.0.200", port, "\x16\x03\x01"), "");
    const direct = await ordinaryClient(server.port, "\x16\x03\x01")
      .catch(() => "");
    assertEquals(direct, "");
    const { stderr } = await server.stop();
    const lines = stderr.split("\n").map((text) => text && JSON.parse(text));
    const ended = lines.filter(({ outcome }) => outcome).map((line) => [
      line.peer.split(":")[0],
      line.outcome,
    ]);
    assertEquals(ended.sort(), [
      ["127.0.0.1", "bad proxy header"],
      ["127.0.0.1", "ok"],
      ["127.0.0.200", "not allowed"],
    ]);
  },
);

Deno.test(
  needsPrograms(
    ["haproxy"],
    "haproxy: in a health check, the client is the proxy itself",
  ),
  async () => {
    await using server = new LocalServer(PROXIED, whoAmI);
    const flags = `send-proxy-v2 check check-send-proxy inter 200ms
    option tcp-check
    tcp-check connect send-proxy
    tcp-check send a${MARKER}
    tcp-check expect rstring ^127.0.0.1`;
    const port = freePort();
    await using _proxy = await haproxy(flags)(port, server.port);
    // The address is LOCAL; a check of a client would have another one.
    const { remoteAddr, messages } = await server.report();
    assertEquals([hostOf(remoteAddr), messages], ["127.0.0.1", 1]);
    assertMatch(
      await clientFrom("127.0.0.77", port, `a${MARKER}`),
      /^127\.0\.0\.77 /,
    );
  },
);
