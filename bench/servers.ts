/**
 * The servers that are compared: this one and its peers, where the programs
 * that run them are installed. Each is a process of its own.
 *
 * @module
 */
import { join } from "node:path";

/** How to start one server. */
export interface Contestant {
  name: string;
  /** The program that runs it, and which version. */
  version: string;
  command: string[];
}

/** A server that does the same work, in another language or library. */
export interface Peer {
  name: string;
  /** What runs it. */
  program: string;
  /** The arguments that make the program tell its version. */
  version: readonly string[];
  /**
   * Makes ready what it needs in the directory, with the program at that
   * path; returns its command line.
   */
  prepare(program: string, directory: string): Promise<string[]>;
}

const HERE = import.meta.dirname!;

const peerFile = (name: string) => join(HERE, "peers", name);

/** Where Python really is: `python3` may be a script that looks for it. */
const PYTHON_PATH = ["-c", "import sys; print(sys.executable)"];

/** A peer in Python, after the name of its file. */
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

/** All peers, whether their programs are installed or not. */
export const PEERS: readonly Peer[] = [
  {
    name: "go",
    program: "go",
    version: ["version"],
    async prepare(go, directory) {
      const binary = join(directory, "peer_go");
      await output(go, ["build", "-o", binary, peerFile("peer.go")]);
      return [binary];
    },
  },
  {
    name: "node",
    program: "node",
    version: ["--version"],
    prepare: async (node) => [
      await output(node, ["-p", "process.execPath"]),
      peerFile("peer_node.mjs"),
    ],
  },
  pythonPeer("asyncio"),
  pythonPeer("sockets"),
];

/** What this server is called in the tables. */
export const OURS = "recv_end";

/** This server, started as users do, but quiet and with room for all sizes. */
export function ourServer(extraArgs: readonly string[]): Contestant {
  return {
    name: OURS,
    version: `deno ${Deno.version.deno}, V8 ${Deno.version.v8}`,
    command: [
      ...[Deno.execPath(), "run", "--allow-net=127.0.0.1"],
      ...[join(HERE, "..", "server.ts"), "--quiet"],
      ...["--max-bytes", "1GiB", "--max-buffered", "4GiB", ...extraArgs],
      "--port",
    ],
  };
}

/**
 * A peer, ready to start.
 *
 * @param directory For what is built; whoever made it removes it.
 * @returns Undefined if its program is not installed.
 */
export async function makeReady(
  { name, program, version, prepare }: Peer,
  directory: string,
): Promise<Contestant | undefined> {
  const path = await output("sh", ["-c", `command -v ${program} || true`]);
  // Where there is no node, Deno puts itself in its place.
  if (path === "" || path.includes("/node_compat_bin/")) return undefined;
  const command = await prepare(path, directory);
  return { name, version: await output(path, version), command };
}

/** What a program prints on standard output. */
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
