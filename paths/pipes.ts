/**
 * Proxies that pipe two connections into each other, in Node and in Deno.
 *
 * @module
 */
import { type Path, programFile } from "./path.ts";
import { fileOf, startScript } from "./running.ts";

const NODE = { file: "node", debian: "nodejs" };

function node(
  path: Pick<Path, "id" | "setting" | "means" | "remedy" | "chance">,
  allowHalfOpen: boolean,
): Path {
  return {
    ...path,
    program: "Node `pipe()`",
    manual: "Node, `net.createServer()` and `net.connect()`, `allowHalfOpen`",
    needs: [NODE],
    version: {
      name: "Node",
      program: NODE,
      flag: "--version",
      pattern: /v(\S+)/,
    },
    start: (serverPort) =>
      startScript(
        programFile(NODE),
        ...[fileOf("node_pipe.mjs"), `${serverPort}`, `${allowHalfOpen}`],
      ),
  };
}

function deno(
  path: Pick<Path, "id" | "setting" | "means" | "manual" | "remedy" | "chance">,
  way: "pipeTo" | "closeWrite",
): Path {
  return {
    ...path,
    program: "Deno",
    needs: [],
    start: (serverPort) =>
      startScript(
        Deno.execPath(),
        ...["run", "--quiet", "--allow-net=127.0.0.1"],
        ...[fileOf("deno_pipe.ts"), `${serverPort}`, way],
      ),
  };
}

/** Proxies in Node. */
export const nodePaths: readonly Path[] = [
  node({
    id: "node",
    setting: "`allowHalfOpen: false` (default)",
    means:
      "Node ends a socket as soon as the other side half-closes, although " +
      "the pipe still has data to write to this socket. The reply of a quick " +
      "server may arrive before that.",
    remedy: "`allowHalfOpen: true` for both sockets.",
    chance: { quick: ["half-close before"] },
  }, false),
  node({
    id: "node-half-open",
    setting: "`allowHalfOpen: true`",
    means:
      "A socket ends only when the source of the pipe into it has ended. " +
      "The accepted and the connected socket both need the option.",
  }, true),
];

/** Proxies in Deno. */
export const denoPaths: readonly Path[] = [
  deno({
    id: "deno-pipeto",
    setting: "`readable.pipeTo(writable)`",
    means: "Reading `readable` to its end closes both directions of the " +
      "connection, and so does closing `writable`. Data of the other " +
      "direction may arrive before that.",
    manual: "Deno, `Deno.Conn`, `readable` and `writable`",
    remedy: "`read()`, `write()` and `closeWrite()`, as in " +
      "`paths/deno_pipe.ts`.",
    chance: {
      quick: ["half-close before", "early refusal"],
      slow: ["early refusal"],
    },
  }, "pipeTo"),
  deno({
    id: "deno-closewrite",
    setting: "`read()`, `write()`, `closeWrite()`",
    means: "The proxy passes the end of each direction on as a half-close, " +
      "and closes only after both directions have ended.",
    manual: "Deno, `Deno.TcpConn`, `closeWrite()`",
  }, "closeWrite"),
];
