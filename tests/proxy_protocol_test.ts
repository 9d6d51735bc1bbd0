// The client's address from the header of a proxy: over sockets, with programs
// of others as proxies.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Folder, freePort } from "../paths/running.ts";
import type { Handler } from "../mod.ts";
import { LocalServer, MARKER } from "./local_server.ts";
import { needsNet, needsPrograms, needsRun } from "./options.ts";
import { Program } from "./programs.ts";
import { line } from "./proxy_headers.ts";
import { FILE_PERMISSIONS, startServer } from "./scripts.ts";
import {
  clientFrom,
  connectTo,
  ordinaryClient,
  readText,
  writeAll,
} from "./sockets.ts";

const SCRIPT_MARKER = "SERVER WRONG MARKER";
const PROXIED = { proxyFrom: ["127.0.0.1"] };

/** Replies with the address of the client. */
const whoAmI: Handler = (_message, { remoteAddr }) => {
  if (!("hostname" in remoteAddr)) return "unix";
  return `${remoteAddr.hostname} ${remoteAddr.port}`;
};

Deno.test(
  needsNet(
    "serve() takes the client's address from a header, and the rest as it is",
  ),
  async () => {
    await using server = new LocalServer(PROXIED, whoAmI);
    const { port } = server;
    const data = `${line("192.0.2.1")}a${MARKER}`;
    assertEquals(await ordinaryClient(port, data), "192.0.2.1 12345");
    const { remoteAddr, outcome, bytesIn } = await server.report();
    assertEquals({ ...remoteAddr }, {
      transport: "tcp",
      hostname: "192.0.2.1",
      port: 12345,
    });
    assertEquals([outcome, bytesIn], ["ok", 1 + MARKER.length]);
    const large = `${line("::1")}${"x".repeat(3_000_000)}${MARKER}`;
    assertEquals(await ordinaryClient(port, large), "::1 12345");
  },
);

Deno.test(
  needsNet(
    "serve() takes a header for a part of the message, unless it believes the sender",
  ),
  async () => {
    const header = line("192.0.2.1");
    for (const proxyFrom of [undefined, [], ["127.0.0.2", "::/0", "unix"]]) {
      await using server = new LocalServer(
        proxyFrom && { proxyFrom },
        (message, info) => `${message.text()} ${whoAmI(message, info)}`,
      );
      const reply = await ordinaryClient(server.port, header + MARKER);
      assert(reply.startsWith(`${header} 127.0.0.1 `), reply);
    }
  },
);

Deno.test(
  needsNet("serve() closes a proxy without a header, and lets others be"),
  async () => {
    await using server = new LocalServer(PROXIED, whoAmI);
    const { port } = server;
    for (const sent of [`a${MARKER}`, "PROXY TCP4 ", ""]) {
      // Closed with unread bytes, it may be a reset: no byte comes either way.
      const reply = await ordinaryClient(port, sent).catch(() => "");
      assertEquals(reply, "");
    }
    const all = await Promise.all([0, 1, 2].map((i) => server.report(i)));
    assertEquals(all.map(({ outcome }) => outcome), [
      ...Array(3).fill("bad proxy header"),
    ]);
    assertEquals(all.map(({ remoteAddr }) => whoHas(remoteAddr)), [
      ...Array(3).fill("127.0.0.1"),
    ]);
    // From another address, a message is a message.
    const reply = await clientFrom("127.0.0.9", port, `a${MARKER}`);
    assertMatch(reply, /^127\.0\.0\.9 \d+$/);
  },
);

function whoHas(addr: Deno.Addr): string {
  return "hostname" in addr ? addr.hostname : "unix";
}

Deno.test(
  needsNet(
    "serve() limits the connections of a client, not those of its proxy",
  ),
  async () => {
    const options = { ...PROXIED, maxPerAddress: 2, keepAlive: true };
    await using server = new LocalServer(options, whoAmI);
    const open: Deno.Conn[] = [];
    const talk = async (address: string) => {
      const conn = await connectTo(server.port);
      open.push(conn);
      await writeAll(conn, `${line(address)}a${MARKER}`);
      const buffer = new Uint8Array(100);
      const count = await conn.read(buffer) ?? 0;
      return new TextDecoder().decode(buffer.subarray(0, count));
    };
    const told = `192.0.2.1 12345${MARKER}`;
    const busy = `ERROR:busy!${MARKER}`;
    assertEquals(await talk("192.0.2.1"), told);
    assertEquals(await talk("192.0.2.1"), told);
    assertEquals(await talk("192.0.2.1"), busy);
    assertEquals(await talk("192.0.2.2"), `192.0.2.2 12345${MARKER}`);
    // Of IPv6, a /64 is one client.
    assertEquals(await talk("2001:db8::1"), `2001:db8::1 12345${MARKER}`);
    assertEquals(await talk("2001:db8::2"), `2001:db8::2 12345${MARKER}`);
    assertEquals(await talk("2001:db8::3"), busy);
    assertEquals(await talk("2001:db8:0:1::"), `2001:db8:0:1:: 12345${MARKER}`);
    open[0]!.close();
    await server.report();
    while (await talk("192.0.2.1") !== told);
    for (const conn of open.slice(1)) conn.close();
  },
);

Deno.test(
  needsRun("server.ts --proxy-from waits 3 s for a header, and no longer"),
  async () => {
    await using server = await startServer([
      "--proxy-from=127.0.0.0/8",
      "--log=json",
    ]);
    const start = performance.now();
    using conn = await connectTo(server.port);
    // Its bytes come one by one: that earns no time.
    const drip = setInterval(() => conn.write(new Uint8Array([120])), 200);
    await writeAll(conn, "PROXY UNKNOWN ");
    try {
      assertEquals(await readText(conn).catch(() => ""), "");
    } finally {
      clearInterval(drip);
    }
    assert(performance.now() - start >= 3000);
    const { stderr } = await server.stop();
    const [ended] = stderr.split("\n").map((text) => text && JSON.parse(text));
    assertEquals(ended.outcome, "bad proxy header");
    assertEquals(
      ended.error,
      "Error: no complete header within the time limit",
    );
  },
);

Deno.test(
  needsRun("server.ts --proxy-from=unix believes the proxy of a Unix socket"),
  async () => {
    await using folder = await Folder.make();
    const path = `${folder.path}/socket`;
    await using server = await startServer(
      [`--unix=${path}`, "--proxy-from=unix", "--allow=192.0.2.0/24"],
      FILE_PERMISSIONS,
    );
    const talk = async (header: string) => {
      using conn = await Deno.connect({ transport: "unix", path });
      await writeAll(conn, `${header}a${SCRIPT_MARKER}`);
      await conn.closeWrite();
      return await readText(conn).catch(() => "");
    };
    assertEquals(await talk(line("192.0.2.1")), "aa");
    assertEquals(await talk(line("198.51.100.1")), "");
    // Who the client is remains unknown.
    assertEquals(await talk("PROXY UNKNOWN\r\n"), "");
    const { stderr } = await server.stop();
    assertMatch(stderr, / 192\.0\.2\.1:12345 ok, 20 bytes in, 2 out/);
    assertMatch(stderr, / 198\.51\.100\.1:12345 not allowed, 0 bytes in/);
    assertMatch(stderr, / unix not allowed, 0 bytes in/);
  },
);

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
    assertEquals([whoHas(remoteAddr), messages], ["127.0.0.1", 1]);
    assertMatch(
      await clientFrom("127.0.0.77", port, `a${MARKER}`),
      /^127\.0\.0\.77 /,
    );
  },
);
