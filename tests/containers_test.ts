// deploy/Dockerfile and deploy/kubernetes.yaml: what can be tested of them
// without an engine.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parseAll } from "@std/yaml";
import { replacedAll, shipped } from "../deploy/testing/shipped.ts";
import { Folder, freePort } from "../paths/running.ts";
import { SHORT_LINGER_TOTAL_MS } from "../server/phases.ts";
import { needsRead, needsRun } from "./options.ts";
import { Program, runProgram } from "./programs.ts";
import { pathOf } from "./scripts.ts";
import { connectTo, readText, writeAll } from "./sockets.ts";

/** The instructions of the Dockerfile: their names and their arguments. */
function instructions(text = shipped("Dockerfile")): [string, string][] {
  const lines = text.replaceAll(/^#.*\n/gm, "").replaceAll(/\\\n */g, "");
  return [...lines.matchAll(/^([A-Z]+) (.+)$/gm)]
    .map(([, name, rest]) => [name!, rest!]);
}

/** The arguments of an instruction that occurs once. */
function only(name: string): string {
  const all = instructions().filter(([other]) => other === name);
  assertEquals(all.length, 1, name);
  return all[0]![1];
}

/** A part of the manifest. */
// deno-lint-ignore no-explicit-any -- its shape is what the tests are about
type Fields = any;

/** The parts of the manifest, by their kinds. */
function manifest(): Record<string, Fields> {
  const parts = parseAll(shipped("kubernetes.yaml")) as Fields[];
  return Object.fromEntries(parts.map((part) => [part.kind, part]));
}

/** The container of the manifest, and the pod that it is in. */
function podOf({ Deployment }: Record<string, Fields>): [Fields, Fields] {
  const pod = Deployment.spec.template.spec;
  assertEquals(pod.containers.length, 1);
  return [pod.containers[0], pod];
}

/** The command line for COPY, with its words. */
function copyCommand(words: string[], app: string, own: string): string {
  const [from, ...others] = words;
  const to = words.at(-1)!;
  if (from === "--from=own") return `mkdir "${to}" && cp -r "${own}/." "${to}"`;
  // COPY of a directory copies what it contains.
  const into = to === "./" ? app : `${app}/${to}`;
  const sources = [from, ...others.slice(0, -1)]
    .map((name) => name!.endsWith("/") ? `${name}.` : name);
  const make = `mkdir -p "${into}" && cd "${pathOf(".")}"`;
  return `${make} && cp -r ${sources.join(" ")} "${into}"`;
}

/** A module of a user's own. */
const MODULE = `import { type ServerModule } from "@recv-end/recv-end";
export default {
  end: "\\n",
  keepAlive: true,
  handler: (message) => message.text().toUpperCase(),
} satisfies ServerModule;
`;

Deno.test(
  needsRun("Dockerfile: its steps make a directory that serves a module"),
  async () => {
    await using image = await Folder.make();
    await using own = await Folder.make();
    await own.write("module.ts", MODULE);
    const inImage = (text: string) =>
      replacedAll(text, "/opt/", `${image.path}/`);
    const app = `${image.path}/recv_end`;
    await Deno.mkdir(app);
    // A test downloads nothing: RUN finds the packages of this machine.
    for (const [name, rest] of instructions()) {
      const command = name === "COPY"
        ? copyCommand(rest.split(" "), app, own.path)
        : name === "RUN"
        ? rest.replace("deno ", `"${Deno.execPath()}" `)
        : "true";
      const { code, stderr } = await runProgram("sh", [
        "-c",
        `cd "${app}" && ${command.replaceAll("/opt/", `${image.path}/`)}`,
      ]);
      assertEquals(code, 0, `${name} ${rest}\n${stderr}`);
    }
    const [port, metrics] = [freePort(), freePort()];
    const [deno, ...args] = JSON.parse(
      inImage(only("ENTRYPOINT"))
        .replaceAll(/\b4444\b/g, `${port}`)
        .replaceAll(/\b9464\b/g, `${metrics}`)
        .replaceAll("0.0.0.0", "127.0.0.1"),
    ) as string[];
    assertEquals(deno, "deno");
    // As Kubernetes appends them, but without a pause at the end.
    const flags = new Map(flagsOf(podOf(manifest())[0])).set("--notice", "0");
    await using server = new Program(Deno.execPath(), [
      ...args,
      ...[...flags].map((entry) => entry.join("=")),
    ]);
    await server.says(RegExp(`^started on ${port}\n`));
    using conn = await connectTo(port);
    await writeAll(conn, "a\nb\n");
    await conn.closeWrite();
    assertEquals(await readText(conn), "A\nB\n");
    const ready = await fetch(`http://127.0.0.1:${metrics}/readyz`);
    assertEquals([ready.status, await ready.text()], [200, "ok\n"]);
    server.kill(only("STOPSIGNAL") as Deno.Signal);
    const { code, stderr } = await server.finished;
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, `"conversations":{"ok":1}`);
  },
);

Deno.test(needsRead("Dockerfile: has the Deno that the tests run on"), () => {
  assertEquals(only("FROM"), `denoland/deno:${Deno.version.deno}`);
});

Deno.test(needsRead("kubernetes.yaml: runs what the Dockerfile builds"), () => {
  const parts = manifest();
  const [container, pod] = podOf(parts);
  const exposed = only("EXPOSE").split(" ").map(Number);
  const ports = container.ports.map((port: Fields) => port.containerPort);
  assertEquals(ports, exposed);
  const { runAsUser, runAsGroup } = pod.securityContext;
  assertEquals(`${runAsUser}:${runAsGroup}`, only("USER"));
  const started = JSON.parse(only("ENTRYPOINT")) as string[];
  const [messages, metrics] = exposed;
  assert(started.includes(`--port=${messages}`));
  assert(started.includes(`--metrics-port=${metrics}`));
  const net = `--allow-net=0.0.0.0:${messages},0.0.0.0:${metrics}`;
  assert(started.includes(net));

  const names = Object.fromEntries(
    container.ports.map((port: Fields) => [port.name, port.containerPort]),
  );
  const [{ port, targetPort }, ...others] = parts.Service.spec.ports;
  assertEquals([port, names[targetPort], others.length], [4444, messages, 0]);
  const { readinessProbe, livenessProbe } = container;
  assertEquals(readinessProbe.httpGet, { path: "/readyz", port: "metrics" });
  assertEquals(livenessProbe.httpGet, { path: "/healthz", port: "metrics" });
  assertEquals(names.metrics, metrics);
});

Deno.test(needsRead("kubernetes.yaml: selects the pods that it makes"), () => {
  const { Deployment, Service, PodDisruptionBudget, ...others } = manifest();
  assertEquals(others, {});
  const { labels } = Deployment.spec.template.metadata;
  const [spread] = Deployment.spec.template.spec.topologySpreadConstraints;
  assertEquals(Deployment.spec.selector.matchLabels, labels);
  assertEquals(Service.spec.selector, labels);
  assertEquals(PodDisruptionBudget.spec.selector.matchLabels, labels);
  assertEquals(spread.labelSelector.matchLabels, labels);
  // A budget that equals the replicas would let all of them go.
  assert(PodDisruptionBudget.spec.maxUnavailable < Deployment.spec.replicas);
  assert(PodDisruptionBudget.spec.maxUnavailable > 0);
  assertEquals(Deployment.spec.strategy.rollingUpdate.maxUnavailable, 0);
});

/** The values of the flags of the manifest. */
function flagsOf(container: Fields): Map<string, string> {
  return new Map(container.args.map((arg: string) => arg.split("=")));
}

Deno.test(needsRead("kubernetes.yaml: its times fit together"), () => {
  const [container, pod] = podOf(manifest());
  const flags = flagsOf(container);
  const notice = Number(flags.get("--notice"));
  // In between: 1 s for the backlog, the lingering, 2 s for the log.
  const longest = notice + 1 + Number(flags.get("--grace")) +
    SHORT_LINGER_TOTAL_MS / 1000 + 2;
  assert(longest < pod.terminationGracePeriodSeconds, `${longest} s`);
  const text = shipped("kubernetes.yaml");
  assertStringIncludes(text, `within ${longest} s of SIGTERM`);
  const { readinessProbe: ready, livenessProbe: live } = container;
  const noticed = (ready.periodSeconds + ready.timeoutSeconds) *
    ready.failureThreshold;
  assert(noticed < notice, `${noticed} s`);
  const [, watchdog] = shipped("recv_end.service").match(/WatchdogSec=(\d+)/) ??
    [];
  assertEquals(live.periodSeconds * live.failureThreshold, Number(watchdog));
});

Deno.test(needsRead("kubernetes.yaml: memory is enough for the limits"), () => {
  const [container] = podOf(manifest());
  const flags = flagsOf(container);
  const { requests, limits } = container.resources;
  assertEquals(requests.memory, limits.memory);
  const page = Deno.readTextFileSync(pathOf("docs/performance.md"));
  const [, kilobytes] = page.match(/sent one byte: recv_end ([\d.]+) kB/) ?? [];
  const connections = Number(flags.get("--max-connections")) *
    Number(kilobytes) * 1000;
  const buffered = bytes(flags.get("--max-buffered")!);
  assert(connections > 0);
  assert(2 * (buffered + connections) < bytes(limits.memory));
});

/** Bytes, from 256MiB as the server has it, or 1Gi as Kubernetes has it. */
function bytes(text: string): number {
  const [, digits, unit] = /^(\d+)([MG])iB?$/.exec(text) ?? [];
  assert(digits !== undefined, text);
  return Number(digits) * 1024 ** (unit === "G" ? 3 : 2);
}
