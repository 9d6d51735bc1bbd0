// The units of deploy/ in a systemd that boots for the test.

import { assertEquals } from "@std/assert";
import { Load } from "../deploy/testing/clients.ts";
import { replaced, shipped } from "../deploy/testing/shipped.ts";
import { BOOT_PROGRAMS, BootedSystemd } from "../deploy/testing/systemd.ts";
import { freePort } from "../paths/running.ts";
import { needsPrograms } from "./options.ts";
import { connectTo, pause, readText, writeAll } from "./sockets.ts";

const PATIENT = { timeout: 58_000 };

/** The files of deploy/, for a machine that boots in a test. */
function unitsOf(port: number): Record<string, string> {
  const inTest = (text: string) =>
    text.replaceAll("/usr/local/bin/deno", "/opt/bin/deno")
      .replaceAll("/opt/recv_end/.deno", "/opt/cache");
  const socket = shipped("recv_end.socket");
  return {
    "test.target": "[Unit]\nDefaultDependencies=no\nRequires=recv_end.socket\n",
    "recv_end.socket": replaced(
      socket,
      "\nListenStream=4444\n# Clients",
      `\nListenStream=127.0.0.1:${port}\n# Clients`,
    ),
    "recv_end.service": inTest(shipped("recv_end.service")),
    "recv_end.service.d/socket_activation.conf": inTest(
      shipped("socket_activation.conf"),
    ),
  };
}

Deno.test(
  needsPrograms(
    BOOT_PROGRAMS,
    "deploy/ in a systemd that boots: five restarts, 0 of 2,000 lost",
    PATIENT,
  ),
  async () => {
    const port = freePort();
    await using systemd = await BootedSystemd.boot(unitsOf(port));
    await untilListening(port);
    await using load = new Load(port, { clients: 8 });
    await load.reaches(50);
    for (let restart = 1; restart <= 5; restart++) {
      const before = load.held;
      // systemd allows five starts in 10 s.
      await systemd.systemctl("reset-failed", "recv_end.service");
      const { code, stderr } = await systemd.systemctl(
        "restart",
        "recv_end.service",
      );
      assertEquals(code, 0, stderr);
      await load.reaches(before + 350);
    }
    await load.reaches(2000);
    await load.end();
    assertEquals(load.lost, []);
    const { stdout } = await systemd.systemctl(
      ...["show", "recv_end.service", "--property=Type,NRestarts,ActiveState"],
    );
    assertEquals(
      stdout.trim().split("\n").toSorted(),
      ["ActiveState=active", "NRestarts=0", "Type=notify"],
    );
    await systemd.systemctl("stop", "recv_end.socket", "recv_end.service");
    const journal = await systemd.journal("recv_end.service");
    const summaries = [...journal.matchAll(/"conversations":\{"ok":(\d+)\}/g)];
    assertEquals(summaries.length, 6);
    const total = summaries.reduce((sum, [, ok]) => sum + Number(ok), 0);
    // One more, which waited for systemd.
    assertEquals(total, load.held + 1);
  },
);

/** Waits until a port accepts connections. */
async function untilListening(port: number): Promise<void> {
  for (;;) {
    try {
      // systemd starts the server for it.
      using conn = await connectTo(port);
      await writeAll(conn, "SERVER WRONG MARKER");
      await readText(conn);
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      await pause(100);
    }
  }
}
