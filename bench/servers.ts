/**
 * The servers that are compared: this one, its peers, where the programs that
 * run them are installed, and an earlier version of this one. Each is a process
 * of its own.
 *
 * @module
 */
import { join } from "node:path";
import { UsageError } from "../cli/flags.ts";

/** One server of the comparison, ready to start. */
export interface Contestant {
  /** What the tables call it. */
  name: string;
  /** The program that runs it, and its version. */
  version: string;
  /** The command line, to which the port is appended. */
  command: string[];
}

/** A server that does the same work, in another language or library. */
export interface Peer {
  /** What the tables call it. */
  name: string;
  /** The program that runs it. */
  program: string;
  /** The arguments that make the program print its version. */
  version: readonly string[];
  /**
   * Prepares the server and returns its command line.
   *
   * @param program The absolute path of the program.
   * @param directory Where to put files that are built.
   */
  prepare(program: string, directory: string): Promise<string[]>;
}

const HERE = import.meta.dirname!;

/** The path of a file in `bench/peers/`. */
export const peerFile = (name: string) => join(HERE, "peers", name);

/** Prints the interpreter's path: `python3` may be a script that starts it. */
const PYTHON_PATH = ["-c", "import sys; print(sys.executable)"];

/** A peer in Python, in the file that is named for it. */
function pythonPeer(name: string): Peer {
  return {
    name,
    program: "python3",
    version: ["--version"],
    prepare: async (python) => [
      await output(python, PYTHON_PATH),
      peerFile(`peer_${name}.py`),
    ],
  };
}

/** A peer in Go, in a file of `bench/peers/`. */
export function goPeer(file: string): Peer {
  return {
    name: "go",
    program: "go",
    version: ["version"],
    async prepare(go, directory) {
      const binary = join(directory, file.replace(".go", ""));
      await output(go, ["build", "-o", binary, peerFile(file)]);
      return [binary];
    },
  };
}

/** A peer in Node, in a file of `bench/peers/`. */
export function nodePeer(file: string): Peer {
  return {
    name: "node",
    program: "node",
    version: ["--version"],
    prepare: async (node) => [
      await output(node, ["-p", "process.execPath"]),
      peerFile(file),
    ],
  };
}

/** A server in Deno, in a file of `bench/peers/`. */
export function denoPeer(name: string, file: string): Peer {
  return {
    name,
    program: Deno.execPath(),
    version: ["eval", "console.log(Deno.version.deno)"],
    prepare: (deno) => Promise.resolve([deno, "run", "-A", peerFile(file)]),
  };
}

/** What the tables call `serve()` without the script, its log and metrics. */
export const LIBRARY = "library";

/** All peers, whether or not their programs are installed. */
export const PEERS: readonly Peer[] = [
  denoPeer(LIBRARY, "peer_library.ts"),
  goPeer("peer.go"),
  nodePeer("peer_node.mjs"),
  pythonPeer("asyncio"),
  pythonPeer("sockets"),
  denoPeer("deno", "peer_deno.ts"),
];

/** What the tables call this server. */
export const OURS = "recv_end";

/** What the tables call the earlier version of `--against`. */
export const EARLIER = "before";

/** This server. */
export function ourServer(extraArgs: readonly string[]): Contestant {
  return {
    name: OURS,
    version: `deno ${Deno.version.deno}, V8 ${Deno.version.v8}`,
    command: serverCommand(join(HERE, ".."), extraArgs),
  };
}

/**
 * An earlier version of this server, started with the same flags.
 *
 * @param directory A checkout of this project.
 * @throws {UsageError} If the directory is not such a checkout.
 */
export async function earlierServer(
  directory: string,
  extraArgs: readonly string[],
): Promise<Contestant> {
  const { root, version } = await checkout(directory);
  const command = serverCommand(root, extraArgs);
  return { name: EARLIER, version, command };
}

/** The client of this version, and of an earlier one in a checkout, if any. */
export async function ourClients(
  against: string | undefined,
): Promise<Contestant[]> {
  const client = (name: string, version: string, root: string) => {
    const run = [Deno.execPath(), "run", "-A", peerFile("client_ours.ts")];
    return { name, version, command: [...run, join(root, "mod.ts")] };
  };
  const ours = client(OURS, `deno ${Deno.version.deno}`, join(HERE, ".."));
  if (against === undefined) return [ours];
  const { root, version } = await checkout(against);
  return [ours, client(EARLIER, version, root)];
}

async function checkout(
  directory: string,
): Promise<{ root: string; version: string }> {
  try {
    const root = await Deno.realPath(directory);
    await Deno.stat(join(root, "server.ts"));
    const config = await Deno.readTextFile(join(root, "deno.json"));
    return { root, version: `recv_end ${JSON.parse(config).version}` };
  } catch (error) {
    throw new UsageError(
      "--against needs a checkout of this project: " +
        (error as Error).message,
    );
  }
}

/** Started as users do, but quiet, and with limits above all sizes. */
function serverCommand(
  directory: string,
  extraArgs: readonly string[],
): string[] {
  return [
    ...[Deno.execPath(), "run", "-A", join(directory, "server.ts")],
    ...["--quiet", "--max-bytes", "1GiB", "--max-buffered", "4GiB"],
    ...[...extraArgs, "--port"],
  ];
}

/**
 * Prepares a peer.
 *
 * @param directory Where to put files that are built; the caller removes it.
 * @returns Undefined if the program is not installed.
 */
export async function prepare(
  { name, program, version, prepare }: Peer,
  directory: string,
): Promise<Contestant | undefined> {
  const path = await output("sh", ["-c", `command -v ${program} || true`]);
  // Where node is not installed, Deno provides a substitute for it.
  if (path === "" || path.includes("/node_compat_bin/")) return undefined;
  const command = await prepare(path, directory);
  return { name, version: await output(path, version), command };
}

/** Prepares the peers whose programs are installed; prints a line for others. */
export async function prepareInstalled(
  peers: readonly Peer[],
  directory: string,
): Promise<Contestant[]> {
  const ready: Contestant[] = [];
  for (const peer of peers) {
    const contestant = await prepare(peer, directory);
    if (contestant === undefined) console.log(`${peer.name}: not installed`);
    else ready.push(contestant);
  }
  return ready;
}

/** Contestants in the order of a round: a different one first in each. */
export function inTurn(
  contestants: readonly Contestant[],
  round: number,
): Contestant[] {
  const first = round % contestants.length;
  return [...contestants.slice(first), ...contestants.slice(0, first)];
}

/** Runs a program to its end; returns its standard output. */
async function output(
  program: string,
  args: readonly string[],
): Promise<string> {
  const command = new Deno.Command(program, {
    args: [...args],
    env: { CGO_ENABLED: "0" },
    stderr: "inherit",
  });
  const { success, stdout } = await command.output();
  if (!success) throw new Error(`${program} ${args[0]} failed`);
  return new TextDecoder().decode(stdout).trim();
}
