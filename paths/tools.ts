/**
 * Command line programs that connect two sockets: socat and ncat.
 *
 * @module
 */
import { type OpenPath, openPath, type Path, programFile } from "./path.ts";
import { freePort, Running } from "./running.ts";

const SOCAT = { file: "socat", debian: "socat" };
const NCAT = { file: "ncat", debian: "ncat" };

function socat(
  id: string,
  setting: string,
  seconds: string,
  flags: readonly string[],
): Path {
  return {
    id,
    program: "socat",
    setting,
    means: "After a half-close, socat ends the connection after " +
      `${seconds} s without a byte: if a server takes longer to reply, or a ` +
      "reader pauses for longer, the reply is lost.",
    manual: "socat(1), OPTIONS, `-t`",
    remedy: "a time longer than a server's reply and a reader's pause take.",
    needs: [SOCAT],
    version: {
      name: "socat",
      program: SOCAT,
      flag: "-V",
      pattern: /socat version (\S+)/,
    },
    start: (serverPort) => startSocat(serverPort, flags),
  };
}

/** socat, with several values of `-t`. */
export const socatPaths: readonly Path[] = [
  socat("socat-0.1", "`-t 0.1`", "0.1", ["-t", "0.1"]),
  socat("socat", "by default (`-t 0.5`)", "0.5", []),
  socat("socat-10", "`-t 10`", "10", ["-t", "10"]),
];

/** ncat, with a second ncat for each client. */
export const ncatPath: Path = {
  id: "ncat",
  program: "ncat",
  setting: '`--sh-exec "ncat …"`',
  means: "ncat closes the connection when the client half-closes, and passes " +
    "the server's end of file on only after the client's half-close. So a " +
    "client that half-closes after the reply receives the reply, and then " +
    "waits for an end of file without limit.",
  manual: "ncat(1), `--sh-exec`",
  remedy: "a half-close after the reply, with a reply marker.",
  needs: [NCAT],
  version: {
    name: "ncat",
    program: NCAT,
    flag: "--version",
    pattern: /Version (\S+)/,
  },
  start: startNcat,
};

async function startSocat(
  serverPort: number,
  flags: readonly string[],
): Promise<OpenPath> {
  await using resources = new AsyncDisposableStack();
  const args = [
    ...["-d", "-d", ...flags],
    "TCP-LISTEN:0,bind=127.0.0.1,fork",
    `TCP:127.0.0.1:${serverPort}`,
  ];
  const program = resources.use(new Running(programFile(SOCAT), args));
  const [, port] = await program.prints(/listening on .*:(\d+)\n/);
  return openPath(Number(port), resources);
}

async function startNcat(serverPort: number): Promise<OpenPath> {
  await using resources = new AsyncDisposableStack();
  const port = freePort();
  const file = programFile(NCAT);
  const args = [
    ...["-v", "-k", "-l", "127.0.0.1", String(port)],
    ...["--sh-exec", `exec ${file} 127.0.0.1 ${serverPort}`],
  ];
  const program = resources.use(new Running(file, args));
  await program.prints(/Listening on 127/);
  return openPath(port, resources);
}
