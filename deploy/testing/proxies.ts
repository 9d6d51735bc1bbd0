/**
 * HAProxy and nginx, with the files of `deploy/`.
 *
 * @module
 */
import { Folder, freePort } from "../../paths/running.ts";
import { Program, runProgram } from "../../tests/programs.ts";
import type { Places } from "./servers.ts";
import { commentedOut, replaced, shipped, uncommented } from "./shipped.ts";

/** The time after which a proxy is stopped, whatever a test waits for. */
const MAX_RUN_MS = 50_000;

/** A running proxy and the folder of its files. Disposing of it ends both. */
export class Proxy implements AsyncDisposable {
  /** The port for clients. */
  readonly port: number;
  /** The process. */
  readonly program: Program;
  readonly #folder: Folder;
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor(port: number, program: Program, folder: Folder) {
    this.port = port;
    this.program = program;
    this.#folder = folder;
    // Before the runner's SIGKILL, which nginx's workers would survive.
    this.#timer = setTimeout(() => program.kill("SIGTERM"), MAX_RUN_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    await this.program.stop();
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** Starts HAProxy with the shipped file, with two servers on ports. */
export async function startHaproxy(
  [one, two]: Places,
  change: (config: string) => string = (config) => config,
): Promise<Proxy> {
  let config = shipped("haproxy.cfg");
  for (
    const [machine, { address, health }] of [
      ["192.0.2.11", one],
      ["192.0.2.12", two],
    ] as const
  ) {
    config = replaced(
      config,
      `${machine}:4444 check port 4445\n`,
      `${address} check port ${health}\n`,
    );
  }
  return await runHaproxy(change(config));
}

/** Starts HAProxy with the other lines of the file: two Unix sockets. */
export async function startHaproxyOnSockets(
  [one, two]: Places,
): Promise<Proxy> {
  let config = shipped("haproxy.cfg");
  config = commentedOut(config, "server \\w+ 192");
  config = uncommented(config, "server \\w+ unix@");
  config = commentedOut(config, "chroot ");
  config = replaced(config, "/run/recv_end-one/socket", one.address);
  config = replaced(config, "/run/recv_end-two/socket", two.address);
  return await runHaproxy(config);
}

async function runHaproxy(shippedConfig: string): Promise<Proxy> {
  const port = freePort();
  const folder = await Folder.make();
  let config = replaced(shippedConfig, "bind :4444", `bind 127.0.0.1:${port}`);
  config = replaced(config, "/run/haproxy/admin.sock", `${folder.path}/admin`);
  if (!await isRoot()) {
    config = commentedOut(config, "(user|group) ");
    if (/^ *chroot /m.test(config)) config = commentedOut(config, "chroot ");
  }
  const file = await folder.write("haproxy.cfg", config);
  // -W: a master process, which prints a line when the worker listens.
  const program = new Program("haproxy", ["-W", "-db", "-f", file]);
  const proxy = new Proxy(port, program, folder);
  await program.says(/Loading success/, "stderr");
  return proxy;
}

/** nginx with a configuration that a test can change. */
export class NginxProxy extends Proxy {
  readonly #file: string;

  constructor(port: number, program: Program, folder: Folder, file: string) {
    super(port, program, folder);
    this.#file = file;
  }

  /** Changes and reloads the file; waits until the old workers have ended. */
  async reload(change: (config: string) => string): Promise<void> {
    const { program } = this;
    const old = [...program.stderr.matchAll(/start worker process (\d+)/g)];
    const ended = program.stderr.match(/worker process \d+ exited/g) ?? [];
    const config = await Deno.readTextFile(this.#file);
    await Deno.writeTextFile(this.#file, change(config));
    program.kill("SIGHUP");
    for (const [, pid] of old.slice(ended.length)) {
      await program.says(
        new RegExp(`worker process ${pid} exited with code 0`),
        "stderr",
      );
    }
  }
}

/** Starts nginx with the shipped file, with two servers on ports. */
export async function startNginx([one, two]: Places): Promise<NginxProxy> {
  let config = shipped("nginx.conf");
  config = replaced(config, "192.0.2.11:4444", one.address);
  config = replaced(config, "192.0.2.12:4444", two.address);
  return await runNginx(config);
}

/** Starts nginx with the other lines of the file: two Unix sockets. */
export async function startNginxOnSockets(
  [one, two]: Places,
): Promise<NginxProxy> {
  let config = shipped("nginx.conf");
  config = commentedOut(config, "server 192");
  config = uncommented(config, "server unix:");
  config = replaced(config, "/run/recv_end-one/socket", one.address);
  config = replaced(config, "/run/recv_end-two/socket", two.address);
  return await runNginx(config);
}

async function runNginx(shippedConfig: string): Promise<NginxProxy> {
  const port = freePort();
  const folder = await Folder.make();
  const { path } = folder;
  let config = replaced(
    shippedConfig,
    "listen 4444",
    `listen 127.0.0.1:${port}`,
  );
  config = replaced(config, "/run/nginx.pid", `${path}/pid`);
  config = replaced(config, "/var/log/nginx/recv_end.log", `${path}/log`);
  config = replaced(config, "/var/log/nginx/error.log", "stderr");
  if (!await isRoot()) config = commentedOut(config, "user ");
  const file = await folder.write("nginx.conf", config);
  const program = new Program("nginx", [
    "-e",
    "stderr",
    "-g",
    "daemon off;",
    "-c",
    file,
  ]);
  const proxy = new NginxProxy(port, program, folder, file);
  await program.says(/start worker process/, "stderr");
  return proxy;
}

async function isRoot(): Promise<boolean> {
  return (await runProgram("id", ["-u"])).stdout === "0\n";
}
