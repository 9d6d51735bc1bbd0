// The unit for systemd and the configurations of deploy/, and the page about
// them, docs/operating.md.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { newCounters, totalsOf } from "../cli/metrics.ts";
import { toPrometheus } from "../cli/metrics_text.ts";
import { replacedAll, shipped } from "../deploy/testing/shipped.ts";
import { Folder, freePort } from "../paths/running.ts";
import { SHORT_LINGER_TOTAL_MS } from "../server/phases.ts";
import { needsPrograms, needsRead, needsRun } from "./options.ts";
import { Program, runProgram } from "./programs.ts";
import { line } from "./proxy_headers.ts";
import { pathOf, runClient, runServer } from "./scripts.ts";
import { readText, writeAll } from "./sockets.ts";

/** The unit with this name for `%N`, and with the paths of this project. */
function unitOf(name: string, runtimeDirectory: string): string {
  let unit = shipped("recv_end.service");
  for (
    const [part, other] of [
      ["/usr/local/bin/deno", Deno.execPath()],
      ["/opt/recv_end/.deno", runtimeDirectory],
      ["/opt/recv_end", pathOf(".").replace(/\/$/, "")],
      ["/run/%N", runtimeDirectory],
      ["%N", name],
    ] as const
  ) {
    unit = replacedAll(unit, part, other);
  }
  return unit;
}

/** The words of an entry of a unit, which may have several lines. */
function wordsOf(unit: string, entry: string): string[] {
  const [, text] = unit.replaceAll(/\\\n#? */g, "")
    .match(new RegExp(`^${entry}=(.*)$`, "m")) ?? [];
  assert(text !== undefined, `no ${entry} in\n${unit}`);
  // Words in quotes would be split.
  assert(!/["']/.test(text), text);
  return text.split(/ +/);
}

/** The reply to a message on a socket of the unit, which expects a proxy. */
async function replyThroughProxy(path: string, data: string): Promise<string> {
  using conn = await Deno.connect({ transport: "unix", path });
  await writeAll(conn, line("192.0.2.1") + data);
  await conn.closeWrite();
  return await readText(conn);
}

/** Starts this command and holds a conversation with it. */
async function assertServes(
  [command, ...args]: readonly string[],
  addressFlag: "--port" | "--unix",
): Promise<void> {
  await using server = new Program(command!, args);
  const [, address] = await server.says(/^started on (.*)\n/);
  if (addressFlag === "--port") {
    const client = await runClient([
      `--port=${address}`,
      "--data=a",
      "--quiet",
    ]);
    assertEquals(client.stdout, "ERROR:no end!");
  } else {
    assertEquals(await replyThroughProxy(address!, "a"), "ERROR:no end!");
  }
  server.kill("SIGTERM");
  const { code, stderr } = await server.finished;
  assertEquals(code, 0);
  assertStringIncludes(stderr, `"conversations":{"no end":1}`);
}

Deno.test(
  needsRun("recv_end.service: ExecStart serves on a Unix socket"),
  async () => {
    await using folder = await Folder.make();
    const words = wordsOf(unitOf("one", folder.path), "ExecStart");
    await assertServes(words, "--unix");
  },
);

Deno.test(
  needsRun("recv_end.service: the other ExecStart serves on a port"),
  async () => {
    await using folder = await Folder.make();
    const unit = unitOf("one", folder.path);
    const health = freePort();
    const words = wordsOf(unit, "#ExecStart").map((word) =>
      word.replaceAll("192.0.2.11", "127.0.0.1")
        .replaceAll(/\b4444\b/g, "0")
        .replaceAll(/\b4445\b/g, `${health}`)
    );
    // Without a notice: the server has no other clients to wait for.
    await assertServes([...words, "--notice=0"], "--port");
  },
);

Deno.test(
  needsRun("recv_end.service: ExecStart serves a module, as the file says"),
  async () => {
    await using folder = await Folder.make();
    await using own = await Folder.make();
    const module = await own.write(
      "module.ts",
      `import { ErrorReply } from "@recv-end/recv-end";
export default () => {
  throw new ErrorReply("own");
};`,
    );
    const [command, ...args] = wordsOf(unitOf("one", folder.path), "ExecStart")
      .map((word) =>
        word.startsWith("--allow-read=") ? `${word},${own.path}` : word
      );
    await using server = new Program(command!, [...args, module]);
    const [, socket] = await server.says(/^started on (.*)\n/);
    const message = "aSERVER WRONG MARKER";
    assertEquals(await replyThroughProxy(socket!, message), "ERROR:own!");
    assertEquals((await server.stop()).code, 0);
  },
);

Deno.test(
  needsPrograms(["systemd-analyze"], "recv_end.service: is valid"),
  async () => {
    await using folder = await Folder.make();
    const file = await folder.write(
      "recv_end-one.service",
      unitOf("recv_end-one", folder.path),
    );
    const verified = await runProgram("systemd-analyze", ["verify", file]);
    assertEquals(verified, { ...verified, code: 0, stdout: "", stderr: "" });
  },
);

Deno.test(
  needsPrograms(
    ["systemd-analyze"],
    "recv_end.service: exposes little",
  ),
  async () => {
    const { stdout } = await runProgram("systemd-analyze", [
      "security",
      "--offline=true",
      "--no-pager",
      pathOf("deploy/recv_end.service"),
    ]);
    const [, exposure] = stdout.match(/Overall exposure level.*: ([\d.]+)/) ??
      [];
    assert(Number(exposure) <= 1.5, stdout);
  },
);

Deno.test(
  needsPrograms(["promtool"], "alerts.yml: passes promtool check rules"),
  async () => {
    const file = pathOf("deploy/alerts.yml");
    const checked = await runProgram("promtool", ["check", "rules", file]);
    assertEquals(checked, { ...checked, code: 0, stderr: "" });
    assertStringIncludes(checked.stdout, "3 rules found");
  },
);

Deno.test(needsRead("alerts.yml: names metrics that exist"), () => {
  const metrics = toPrometheus(totalsOf([newCounters()]));
  const names = shipped("alerts.yml").match(/\brecv_end_\w+/g) ?? [];
  assert(names.length > 5);
  for (const name of names) assertStringIncludes(metrics, `\n${name} `);
});

Deno.test(
  needsPrograms(["haproxy"], "haproxy.cfg: is valid as it stands"),
  async () => {
    const checked = await runProgram("haproxy", [
      "-c",
      "-f",
      pathOf("deploy/haproxy.cfg"),
    ]);
    assertEquals(checked, { ...checked, code: 0, stderr: "" });
    assertEquals(checked.stdout, "Configuration file is valid\n");
  },
);

/** Seconds, from 30, 300 s, 6m or 500ms. */
function seconds(text: string): number {
  const [, digits, unit] = /^([\d.]+) ?(ms|s|m|)$/.exec(text) ?? [];
  const units: Record<string, number> = { ms: 0.001, m: 60 };
  const value = Number(digits) * (units[unit ?? ""] ?? 1);
  assert(Number.isFinite(value), `not a time: ${text}`);
  return value;
}

/** The value of a setting in its file, as text. */
function settingOf(file: string, name: string, help: string): string {
  const [text, line] = file === "server.ts"
    ? [help, `^  ${name} (?:(?!\\n  --)[^])*\\(default: (.+)\\)$`]
    : [shipped(file), `^[^#]*\\b${name}[ =](\\w+)\\b`];
  const [, value] = text.match(new RegExp(line, "m")) ?? [];
  assert(value !== undefined, `no ${name} in ${file}`);
  return value;
}

async function serverHelp(): Promise<string> {
  return (await runServer(["--help"])).stdout;
}

Deno.test(
  needsRun("deploy/: limits leave descriptors for ERROR:busy!"),
  async () => {
    const help = await serverHelp();
    const served = Number(settingOf("server.ts", "--max-connections", help));
    const refused = 256;
    const most = Number(settingOf("haproxy.cfg", "maxconn", help));
    assertEquals(most, served + refused);
    assert(Number(settingOf("recv_end.service", "LimitNOFILE", help)) > most);
  },
);

Deno.test(
  needsRun("operating.md: the time-outs are true, and fit together"),
  async () => {
    const page = Deno.readTextFileSync(pathOf("docs/operating.md"));
    const help = await serverHelp();
    const stated = new Map<string, number>();
    for (
      const [, file, name, value] of page.matchAll(
        /^\| `(.+?)` +\| `(.+?)` +\| (.+?) +\|/gm,
      )
    ) {
      stated.set(name!, seconds(value!));
      const inFile = seconds(settingOf(file!, name!, help));
      assertEquals(inFile, stated.get(name!), name);
    }
    const of = (name: string) => stated.get(name) ?? NaN;
    assert(of("--idle-timeout") < of("--message-timeout"));
    for (const name of ["timeout client", "timeout server", "proxy_timeout"]) {
      assert(of("--message-timeout") < of(name), name);
      assert(of(name) < of("hard-stop-after"), name);
      assert(of(name) < of("worker_shutdown_timeout"), name);
    }
    assert(of("inter") + of("fastinter") < of("--notice"));
    // In between: 1 s for the backlog, the lingering, 2 s for the log.
    const longest = of("--notice") + 1 + of("--grace") +
      SHORT_LINGER_TOTAL_MS / 1000 + 2;
    assert(longest < of("TimeoutStopSec"), `${longest} s`);
  },
);
