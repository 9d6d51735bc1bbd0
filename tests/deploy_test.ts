// HAProxy and nginx with the files of deploy/, before two servers.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { CONVERSATIONS, Load, MARKER } from "../deploy/testing/clients.ts";
import {
  type Proxy,
  startHaproxy,
  startHaproxyOnSockets,
  startNginx,
  startNginxOnSockets,
} from "../deploy/testing/proxies.ts";
import {
  OwnServer,
  type Place,
  type Places,
  portPlace,
  socketPlace,
} from "../deploy/testing/servers.ts";
import { replaced } from "../deploy/testing/shipped.ts";
import { Folder, freePort } from "../paths/running.ts";
import { needsPrograms } from "./options.ts";
import type { Outcome } from "./programs.ts";
import { runClient } from "./scripts.ts";
import { certificate } from "./temporary.ts";

/** For tests of several programs, which compete for the processors. */
const PATIENT = { timeout: 55_000 };

const PROXIES: Record<string, (places: Places) => Promise<Proxy>> = {
  haproxy: startHaproxy,
  nginx: startNginx,
};

for (const [name, start] of Object.entries(PROXIES)) {
  Deno.test(
    needsPrograms([name], `${name}: all replies arrive`, PATIENT),
    async (t) => {
      const places = [portPlace(), portPlace()] as const;
      await using one = new OwnServer(places[0]);
      await using two = new OwnServer(places[1]);
      await using proxy = await start(places);
      // All at once, because some are slow on purpose.
      const all = Object.entries(CONVERSATIONS);
      const replies = all.map(([, [, converse]]) => converse(proxy.port));
      await Promise.allSettled(replies);
      for (const [i, [title, [expected]]] of all.entries()) {
        await t.step(title, async () => {
          // Not assertEquals: it would print all of it.
          const reply = await replies[i]!;
          assert(reply === expected, `${reply.length}: ${reply.slice(0, 40)}`);
        });
      }
      await t.step("both servers have served", () => {
        assert(one.held > 0 && two.held > 0);
      });
    },
  );

  Deno.test(
    needsPrograms([name], `${name}: client.ts --check exits 0`, PATIENT),
    async () => {
      // Without a notice: the servers have no other clients to wait for.
      const place = () => portPlace("--notice=0");
      const places = [place(), place()] as const;
      await using _one = await places[0].start();
      await using _two = await places[1].start();
      await using proxy = await start(places);
      const { code, stdout } = await runClient([
        "--check",
        "--quiet",
        `--port=${proxy.port}`,
        `--marker=${MARKER}`,
        "--pause=0.3",
      ]);
      assertEquals(stdout, "this path keeps the last word\n");
      assertEquals(code, 0);
    },
  );
}

Deno.test(
  needsPrograms(["haproxy", "openssl"], "haproxy: TLS to its clients", PATIENT),
  async () => {
    const places = [portPlace(), portPlace()] as const;
    await using folder = await Folder.make();
    const { cert, key, certFile } = await certificate(folder.path);
    const both = await folder.write("both.pem", cert + key);
    await using _one = new OwnServer(places[0]);
    await using _two = new OwnServer(places[1]);
    const port = freePort();
    await using _proxy = await startHaproxy(places, (config) =>
      replaced(
        config,
        "#bind :4443 ssl crt /etc/haproxy/recv_end.pem",
        `bind 127.0.0.1:${port} ssl crt ${both}`,
      ));
    const { code, stdout } = await runClient([
      ...["--check", "--quiet", "--tls", `--ca=${certFile}`, "--pause=0.3"],
      ...["--hostname=localhost", `--port=${port}`, `--marker=${MARKER}`],
    ]);
    assertEquals(stdout, "this path keeps the last word\n");
    assertEquals(code, 0);
  },
);

/** A line of a server's log: of a conversation, or of the server itself. */
interface Logged {
  peer?: string;
  outcome?: string;
  note?: string;
  conversations?: Record<string, number>;
}

/** Asserts that the logs have these conversations, each with its reply. */
function assertLogged(outcomes: readonly Outcome[], held: number): void {
  let all = 0;
  for (const { code, stderr } of outcomes) {
    assertEquals(code, 0);
    const lines = stderr.trim().split("\n").map((line) =>
      JSON.parse(line) as Logged
    );
    const ended = lines.filter(({ outcome }) => outcome === "ok").length;
    // The client's address, also where the proxy's is a Unix socket.
    const peers = lines.flatMap(({ peer = [] }) => peer);
    for (const peer of peers) assertMatch(peer, /^127\.0\.0\.1:\d+$/);
    assertEquals(peers.length, ended);
    assertEquals(lines.at(-1)?.conversations, { ok: ended });
    // Two more: that it shuts down, and the summary.
    assertEquals(lines.length, ended + 2);
    all += ended;
  }
  assertEquals(all, held);
}

/** What to do when a server is restarted, besides a SIGTERM. */
interface Order<AnyProxy> {
  before?(proxy: AnyProxy, place: Place): Promise<unknown>;
  /** This has to be over before the server has ended. */
  stopping?(proxy: AnyProxy, name: string): Promise<unknown>;
  after?(proxy: AnyProxy, place: Place): Promise<unknown>;
}

/**
 * 2,000 conversations and more, while one server after the other is stopped
 * and started again.
 */
async function restartUnderLoad<AnyProxy extends Proxy>(
  places: Places,
  startProxy: (places: Places) => Promise<AnyProxy>,
  order: Order<AnyProxy> = {},
): Promise<void> {
  const servers = await Promise.all(places.map((place) => place.start()));
  await using proxy = await startProxy(places);
  await using load = new Load(proxy.port);
  await load.reaches(200);
  const outcomes: Outcome[] = [];
  for (const [index, name] of ["one", "two"].entries()) {
    const [place, server] = [places[index]!, servers[index]!];
    await order.before?.(proxy, place);
    server.kill("SIGTERM");
    let hasEnded = false;
    server.finished.then(() => hasEnded = true);
    await order.stopping?.(proxy, name);
    assert(!hasEnded, `${name} has ended before the proxy saw that it would`);
    outcomes.push(await server.finished);
    const again = servers[index] = await place.start();
    await order.after?.(proxy, place);
    // It serves again, so the next one can be stopped.
    await again.says(/"outcome"/, "stderr");
  }
  await load.reaches(2000);
  await load.end();
  outcomes.push(...await Promise.all(servers.map((server) => server.stop())));
  assertEquals(load.lost, []);
  assertLogged(outcomes, load.held);
}

const UNDER_LOAD = "2,000 conversations while servers are restarted, 0 lost";

Deno.test(
  needsPrograms(["haproxy"], `haproxy: ${UNDER_LOAD}`, PATIENT),
  async () => {
    await restartUnderLoad([portPlace(), portPlace()], startHaproxy, {
      stopping: ({ program }, name) =>
        program.says(new RegExp(`Server recv_end/${name} is DOWN`), "stderr"),
    });
  },
);

Deno.test(
  needsPrograms(["nginx"], `nginx, one down at a time: ${UNDER_LOAD}`, PATIENT),
  async () => {
    // nginx does not check health ports, so there is no notice to wait for.
    const place = () => portPlace("--notice=0");
    await restartUnderLoad([place(), place()], startNginx, {
      before: (nginx, { address }) =>
        nginx.reload((config) => replaced(config, address, `${address} down`)),
      after: (nginx, { address }) =>
        nginx.reload((config) => replaced(config, `${address} down`, address)),
    });
  },
);

const ON_SOCKETS = {
  haproxy: startHaproxyOnSockets,
  nginx: startNginxOnSockets,
};

for (const [name, start] of Object.entries(ON_SOCKETS)) {
  Deno.test(
    needsPrograms([name], `${name}, Unix sockets: ${UNDER_LOAD}`, PATIENT),
    async () => {
      await using folder = await Folder.make();
      await Deno.chmod(folder.path, 0o755);
      await restartUnderLoad([
        socketPlace(`${folder.path}/one`),
        socketPlace(`${folder.path}/two`),
      ], start);
    },
  );
}
