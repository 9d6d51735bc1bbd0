// HAProxy, nginx and systemd with the files of deploy/, and the page about
// them.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { CONVERSATIONS, Load, MARKER } from "./deploy/testing/clients.ts";
import {
  type Proxy,
  startHaproxy,
  startHaproxyOnSockets,
  startNginx,
  startNginxOnSockets,
} from "./deploy/testing/proxies.ts";
import {
  OwnServer,
  type Place,
  type Places,
  portPlace,
  socketPlace,
} from "./deploy/testing/servers.ts";
import { replaced, replacedAll, shipped } from "./deploy/testing/shipped.ts";
import { Folder, freePort } from "./paths/running.ts";
import {
  foreignTest,
  type Outcome,
  Program,
  runClient,
  runProgram,
  scriptTest,
} from "./testing.ts";

/** More than it takes: these programs compete with whatever else there is. */
const PATIENT = { timeout: 55_000 };

const PROXIES: Record<string, (places: Places) => Promise<Proxy>> = {
  haproxy: startHaproxy,
  nginx: startNginx,
};

for (const [name, start] of Object.entries(PROXIES)) {
  foreignTest([name], `${name}: all replies arrive`, async (t) => {
    const places = [portPlace(), portPlace()] as const;
    await using one = new OwnServer(places[0]);
    await using two = new OwnServer(places[1]);
    await using proxy = await start(places);
    for (const [title, entry] of Object.entries(CONVERSATIONS)) {
      await t.step(title, async () => {
        const [expected, conversation] = entry;
        // Not assertEquals: it would print all of it.
        const heard = await conversation(proxy.port);
        assert(heard === expected, `${heard.length}: ${heard.slice(0, 40)}`);
      });
    }
    await t.step("and both servers were asked", () => {
      assert(one.held > 0 && two.held > 0);
    });
  }, PATIENT);

  foreignTest([name], `${name}: client.ts --check is content`, async () => {
    const places = [portPlace(), portPlace()] as const;
    await using _one = await places[0].start();
    await using _two = await places[1].start();
    await using proxy = await start(places);
    const { code, stdout } = await runClient([
      "--check",
      "--quiet",
      `--port=${proxy.port}`,
      `--marker=${MARKER}`,
      "--pause=1",
    ]);
    assertEquals(stdout, "this path keeps the last word\n");
    assertEquals(code, 0);
  }, PATIENT);
}

foreignTest(["haproxy", "openssl"], "haproxy: TLS to its clients", async () => {
  const places = [portPlace(), portPlace()] as const;
  await using folder = await Folder.make();
  const [cert, key, both] = ["cert", "key", "both"].map((name) =>
    `${folder.path}/${name}.pem`
  );
  const made = await runProgram("openssl", [
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"],
    ...["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
    ...["-addext", "basicConstraints=critical,CA:FALSE"],
    ...["-keyout", key!, "-out", cert!],
  ]);
  assertEquals(made.code, 0, made.stderr);
  const texts = [cert!, key!].map((file) => Deno.readTextFileSync(file));
  await folder.write("both.pem", texts.join(""));
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
    ...["--check", "--quiet", "--tls", `--ca=${cert}`, "--pause=1"],
    ...["--hostname=localhost", `--port=${port}`, `--marker=${MARKER}`],
  ]);
  assertEquals(stdout, "this path keeps the last word\n");
  assertEquals(code, 0);
}, PATIENT);

/** What a server logged: a line for each conversation, and a few of its own. */
interface Logged {
  peer?: string;
  outcome?: string;
  note?: string;
  conversations?: Record<string, number>;
}

/** Nothing but these conversations, each with a whole reply. */
function assertLogged(outcomes: readonly Outcome[], held: number): void {
  let all = 0;
  for (const { code, stderr } of outcomes) {
    assertEquals(code, 0);
    const lines = stderr.trim().split("\n").map((line) =>
      JSON.parse(line) as Logged
    );
    const ended = lines.filter(({ outcome }) => outcome === "end").length;
    assertEquals(lines.at(-1)?.conversations, { end: ended });
    // Two more: that it shuts down, and the summary.
    assertEquals(lines.length, ended + 2);
    all += ended;
  }
  assertEquals(all, held);
}

/** What has to be done when a server is restarted, besides a SIGTERM. */
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
    // It is asked again, so the next one can be stopped.
    await again.says(/"outcome"/, "stderr");
  }
  await load.reaches(2000);
  await load.end();
  outcomes.push(...await Promise.all(servers.map((server) => server.stop())));
  assertEquals(load.lost, []);
  assertLogged(outcomes, load.held);
}

const UNDER_LOAD = "2,000 conversations while servers are restarted, 0 lost";

foreignTest(["haproxy"], `haproxy: ${UNDER_LOAD}`, async () => {
  await restartUnderLoad([portPlace(), portPlace()], startHaproxy, {
    stopping: ({ program }, name) =>
      program.says(new RegExp(`Server recv_end/${name} is DOWN`), "stderr"),
  });
}, PATIENT);

foreignTest(["nginx"], `nginx, one down at a time: ${UNDER_LOAD}`, async () => {
  // It does not look at health ports, so there is nothing to wait for.
  const place = () => portPlace("--notice=0");
  await restartUnderLoad([place(), place()], startNginx, {
    before: (nginx, { address }) =>
      nginx.reload((config) => replaced(config, address, `${address} down`)),
    after: (nginx, { address }) =>
      nginx.reload((config) => replaced(config, `${address} down`, address)),
  });
}, PATIENT);

const ON_SOCKETS = {
  haproxy: startHaproxyOnSockets,
  nginx: startNginxOnSockets,
};

for (const [name, start] of Object.entries(ON_SOCKETS)) {
  foreignTest([name], `${name}, Unix sockets: ${UNDER_LOAD}`, async () => {
    await using folder = await Folder.make();
    await Deno.chmod(folder.path, 0o755);
    await restartUnderLoad([
      socketPlace(`${folder.path}/one`),
      socketPlace(`${folder.path}/two`),
    ], start);
  }, PATIENT);
}

/** The unit for a server named so, whose files are here. */
function unitOf(name: string, runtimeDirectory: string): string {
  const here = (path: string) =>
    new URL(path, import.meta.url).pathname.replace(/\/$/, "");
  let unit = shipped("recv_end.service");
  for (
    const [part, other] of [
      ["/usr/local/bin/deno", Deno.execPath()],
      ["/opt/recv_end/.deno", runtimeDirectory],
      ["/opt/recv_end", here(".")],
      ["/run/%N", runtimeDirectory],
      ["%N", name],
    ] as const
  ) {
    unit = replacedAll(unit, part, other);
  }
  return unit;
}

/** The words of an entry of a unit, which may go over several lines. */
function wordsOf(unit: string, entry: string): string[] {
  const [, text] = unit.replaceAll(/\\\n#? */g, "")
    .match(new RegExp(`^${entry}=(.*)$`, "m")) ?? [];
  assert(text !== undefined, `no ${entry} in\n${unit}`);
  // Words in quotes are not needed here, and would be split.
  assert(!/["']/.test(text), text);
  return text.split(/ +/);
}

/** A conversation with what this entry starts, over there. */
async function startAndTalk(
  [command, ...args]: readonly string[],
  where: string,
): Promise<void> {
  await using server = new Program(command!, args);
  await server.says(/^started on/);
  const client = await runClient([where, "--data=a", "--quiet"]);
  assertEquals(client.stdout, "ERROR:no end!");
  server.kill("SIGTERM");
  const { code, stderr } = await server.finished;
  assertEquals(code, 0);
  assertStringIncludes(stderr, `"conversations":{"no end":1}`);
}

scriptTest("recv_end.service: what it starts answers", async () => {
  await using folder = await Folder.make();
  const words = wordsOf(unitOf("one", folder.path), "ExecStart");
  await startAndTalk(words, `--unix=${folder.path}/socket`);
});

scriptTest("recv_end.service: the start on a port does, too", async () => {
  await using folder = await Folder.make();
  const [port, health] = [freePort(), freePort()];
  const words = wordsOf(unitOf("one", folder.path), "#ExecStart").map((word) =>
    word.replaceAll("192.0.2.11", "127.0.0.1")
      .replaceAll(/\b4444\b/g, `${port}`)
      .replaceAll(/\b4445\b/g, `${health}`)
  );
  await startAndTalk(words, `--port=${port}`);
});

foreignTest(["systemd-analyze"], "recv_end.service: is valid", async () => {
  await using folder = await Folder.make();
  const file = await folder.write(
    "recv_end-one.service",
    unitOf("recv_end-one", folder.path),
  );
  const verified = await runProgram("systemd-analyze", ["verify", file]);
  assertEquals(verified, { ...verified, code: 0, stdout: "", stderr: "" });
});

foreignTest(
  ["systemd-analyze"],
  "recv_end.service: exposes little",
  async () => {
    const { pathname } = new URL("deploy/recv_end.service", import.meta.url);
    const { stdout } = await runProgram("systemd-analyze", [
      "security",
      "--offline=true",
      "--no-pager",
      pathname,
    ]);
    const [, exposure] = stdout.match(/Overall exposure level.*: ([\d.]+)/) ??
      [];
    assert(Number(exposure) <= 1.5, stdout);
  },
);

foreignTest(["haproxy"], "haproxy.cfg: is valid as it stands", async () => {
  const { pathname } = new URL("deploy/haproxy.cfg", import.meta.url);
  const checked = await runProgram("haproxy", ["-c", "-f", pathname]);
  assertEquals(checked, { ...checked, code: 0, stderr: "" });
  assertEquals(checked.stdout, "Configuration file is valid\n");
});

/** Seconds, from 30, 300 s, 6m or 500ms. */
function seconds(text: string): number {
  const [, digits, unit] = /^([\d.]+) ?(ms|s|m|)$/.exec(text) ?? [];
  const units: Record<string, number> = { ms: 0.001, m: 60 };
  const value = Number(digits) * (units[unit ?? ""] ?? 1);
  assert(Number.isFinite(value), `not a time: ${text}`);
  return value;
}

/** What a setting is in the file that it is in, as text. */
function settingOf(file: string, name: string, help: string): string {
  const [text, line] = file === "server.ts"
    ? [help, `^ +${name} [A-Z]+ .*\\((.+)\\)$`]
    : [shipped(file), `^[^#]*\\b${name}[ =](\\w+)\\b`];
  const [, value] = text.match(new RegExp(line, "m")) ?? [];
  assert(value !== undefined, `no ${name} in ${file}`);
  return value;
}

async function serverHelp(): Promise<string> {
  const script = new URL("server.ts", import.meta.url).href;
  const args = ["run", "--quiet", script, "--help"];
  return (await runProgram(Deno.execPath(), args)).stdout;
}

scriptTest("deploy/: there is room for those who are turned away", async () => {
  const help = await serverHelp();
  const served = Number(settingOf("server.ts", "--max-connections", help));
  const turnedAway = 256;
  const most = Number(settingOf("haproxy.cfg", "maxconn", help));
  assertEquals(most, served + turnedAway);
  assert(Number(settingOf("recv_end.service", "LimitNOFILE", help)) > most);
});

scriptTest("operating.md: its time-outs are so, and fit together", async () => {
  const url = new URL("docs/operating.md", import.meta.url);
  const page = Deno.readTextFileSync(url);
  const help = await serverHelp();
  const said = new Map<string, number>();
  for (
    const [, file, name, value] of page.matchAll(
      /^\| `(.+?)` +\| `(.+?)` +\| (.+?) +\|/gm,
    )
  ) {
    said.set(name!, seconds(value!));
    const inFile = seconds(settingOf(file!, name!, help));
    assertEquals(inFile, said.get(name!), name);
  }
  const of = (name: string) => said.get(name) ?? NaN;
  assert(of("--idle-timeout") < of("--message-timeout"));
  for (const name of ["timeout client", "timeout server", "proxy_timeout"]) {
    assert(of("--message-timeout") < of(name), name);
    assert(of(name) < of("hard-stop-after"), name);
    assert(of(name) < of("worker_shutdown_timeout"), name);
  }
  assert(of("inter") + of("fastinter") < of("--notice"));
  // In between are 1 s for the backlog, 30 of lingering, 2 for the log.
  assert(of("--notice") + 1 + of("--grace") + 30 + 2 < of("TimeoutStopSec"));
});
