/**
 * HAProxy in TCP mode.
 *
 * @module
 */
import { type OpenPath, openPath, type Path, programFile } from "./path.ts";
import { Folder, freePort, Running } from "./running.ts";

const HAPROXY = { file: "haproxy", debian: "haproxy" };

/** HAProxy with one more line in its configuration, or none. */
function haproxy(
  path: Pick<Path, "id" | "setting" | "means" | "manual" | "remedy" | "chance">,
  line = "",
): Path {
  return {
    ...path,
    program: "HAProxy",
    needs: [HAPROXY],
    version: {
      name: "HAProxy",
      program: HAPROXY,
      flag: "-v",
      pattern: /version (\d+\.\d+\.\d+)/,
    },
    start: (serverPort) => startHaproxy(serverPort, line),
  };
}

const CHAPTER = "HAProxy Configuration Manual, 4.2";

/** HAProxy by default, and with what may end a half-closed connection. */
export const haproxyPaths: readonly Path[] = [
  haproxy({
    id: "haproxy",
    setting: "`mode tcp`, timeouts of 30 s",
    means: "Each direction ends separately. HAProxy ends any connection, " +
      "half-closed or not, if a server takes longer than `timeout server` to " +
      "reply.",
    manual: `${CHAPTER}, \`mode\` and \`timeout server\``,
  }),
  haproxy(
    {
      id: "haproxy-server-fin",
      setting: "`timeout server-fin 500ms`",
      means: "After the client's half-close, this time-out replaces `timeout " +
        "server`: HAProxy ends the connection if a server takes longer to " +
        "reply.",
      manual: `${CHAPTER}, \`timeout server-fin\``,
      remedy: "the same time as in `timeout server`, or no `timeout " +
        "server-fin`.",
    },
    "timeout server-fin 500ms",
  ),
  haproxy(
    {
      id: "haproxy-abortonclose",
      setting: "`option abortonclose`",
      means: "If a client half-closes while it waits in the queue for a " +
        "server, HAProxy treats the client as gone. If a server is free, as " +
        "here, no reply is lost; with `maxconn 1` and a second client, " +
        "HAProxy ended the second connection.",
      manual: `${CHAPTER}, \`option abortonclose\``,
    },
    "option abortonclose",
  ),
  haproxy(
    {
      id: "haproxy-nolinger",
      setting: "`option nolinger`",
      means: "When the client half-closes, HAProxy resets the connection to " +
        "the server, and the client's as well. The reply of a quick server " +
        "may arrive before that.",
      manual: `${CHAPTER}, \`option nolinger\``,
      remedy: "`no option nolinger`.",
      chance: { quick: ["half-close before"] },
    },
    "option nolinger",
  ),
];

async function startHaproxy(
  serverPort: number,
  line: string,
): Promise<OpenPath> {
  await using resources = new AsyncDisposableStack();
  const folder = resources.use(await Folder.make());
  const port = freePort();
  const config = await folder.write(
    "haproxy.cfg",
    `
defaults
  mode tcp
  timeout connect 30s
  timeout client 30s
  timeout server 30s
  ${line}
listen path
  bind 127.0.0.1:${port}
  server server 127.0.0.1:${serverPort}
`,
  );
  // -W: a master process, which prints a line when the worker listens.
  const args = ["-W", "-f", config];
  const program = resources.use(new Running(programFile(HAPROXY), args));
  await program.prints(/Loading success/);
  return openPath(port, resources);
}
