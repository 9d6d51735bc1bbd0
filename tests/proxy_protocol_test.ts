// The client's address from the header of a proxy.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Folder } from "../paths/running.ts";
import { LocalServer, MARKER } from "./local_server.ts";
import { needsNet, needsRun } from "./options.ts";
import { hostOf, line, whoAmI } from "./proxy_headers.ts";
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
    assertEquals(all.map(({ remoteAddr }) => hostOf(remoteAddr)), [
      ...Array(3).fill("127.0.0.1"),
    ]);
    // From another address, a message is a message.
    const reply = await clientFrom("127.0.0.9", port, `a${MARKER}`);
    assertMatch(reply, /^127\.0\.0\.9 \d+$/);
  },
);

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
    // The server may log its shutdown before the end of the connection.
    const lines = stderr.trim().split("\n").map((text) => JSON.parse(text));
    const ended = lines.find(({ outcome }) => outcome !== undefined);
    assertEquals(ended?.outcome, "bad proxy header", stderr);
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
