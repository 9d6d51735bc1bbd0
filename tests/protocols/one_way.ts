/**
 * Protocols without replies: syslog, and printing with JetDirect.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { equals } from "@std/bytes";
import { type Listening, Program } from "../programs.ts";
import { pause } from "../sockets.ts";
import { temporaryDirectory } from "../temporary.ts";
import {
  assertOutcomes,
  type Client,
  type Protocol,
  run,
  startExample,
} from "./protocol.ts";

const TWO_LINES = "to be\nor not to be";

/** Sends by logger. A message over several lines needs an octet count. */
function logger(
  example: string,
  flags: readonly string[],
  text: string,
): Client {
  return {
    name: ["logger", ...flags].join(" "),
    programs: ["logger"],
    source: "debian:bsdutils",
    async run() {
      await using server = await startExample(example);
      const to = ["--server", "127.0.0.1", "--port", `${server.port}`];
      const send = (text: string) =>
        run("logger", [...flags, ...to, "--priority", "user.err", text]);
      await send(text);
      await send("the rest");
      assertStringIncludes(await nextText(server, 1, 3), text);
      await assertOutcomes(server, "ok", "ok");
      assertStringIncludes(server.stdout, `the rest"}\n`);
    },
  };
}

/** The text of the first message with this facility and severity. */
async function nextText(
  server: Listening,
  facility: number,
  severity: number,
): Promise<string> {
  const start = `{"facility":${facility},"severity":${severity},`;
  const [line] = await server.says(RegExp(`^${start}.*}$`, "m"));
  return JSON.parse(line).text;
}

/** Sends by rsyslogd, on one connection. */
function rsyslogd(
  example: string,
  framing: "octet-counted" | "traditional",
): Client {
  return {
    name: `rsyslogd, TCP_Framing="${framing}"`,
    programs: ["rsyslogd", "logger"],
    source: "debian:rsyslog",
    async run() {
      await using folder = await temporaryDirectory();
      await using server = await startExample(example);
      const socket = `${folder.path}/log`;
      const config = `${folder.path}/rsyslog.conf`;
      await Deno.writeTextFile(
        config,
        `module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="${socket}")
action(type="omfwd" Target="127.0.0.1" Port="${server.port}" Protocol="tcp"
  TCP_Framing="${framing}" template="RSYSLOG_SyslogProtocol23Format")
`,
      );
      const flags = ["-n", "-f", config, "-i", `${folder.path}/pid`];
      await using _ = new Program("rsyslogd", flags);
      await appears(socket);
      for (const text of ["first", "second"]) {
        await run("logger", ["--socket", socket, "-p", "mail.info", text]);
      }
      await server.says(
        /"facility":2,"severity":6,"text":"1 .*first(\\n)?"}\n/,
      );
      await server.says(
        /"facility":2,"severity":6,"text":"1 .*second(\\n)?"}\n/,
      );
    },
  };
}

/** Waits for a file that a program makes. */
async function appears(path: string): Promise<void> {
  for (;;) {
    try {
      await Deno.lstat(path);
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    await pause(20);
  }
}

/** Syslog with octet counting. */
export const syslog: Protocol = {
  name: "syslog, octet counting",
  example: "syslog_server.ts",
  clients: [
    logger("syslog_server.ts", ["--tcp", "--octet-count"], TWO_LINES),
    rsyslogd("syslog_server.ts", "octet-counted"),
  ],
};

/** Syslog with a line feed after each message. */
export const syslogLines: Protocol = {
  name: "syslog, lines",
  example: "syslog_lines_server.ts",
  clients: [
    logger("syslog_lines_server.ts", ["--tcp"], "to be"),
    rsyslogd("syslog_lines_server.ts", "traditional"),
  ],
};

/** The backend of CUPS for network printers. */
const CUPS_BACKEND = `${cupsFolder()}/backend/socket`;

/** Where CUPS has its programs: its own variable for that, or the default. */
function cupsFolder(): string {
  const variable = "CUPS_SERVERBIN";
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  const given = state === "granted" ? Deno.env.get(variable) : undefined;
  return given ?? "/usr/lib/cups";
}

/** Prints a file of 200 kB with all bytes in it. */
async function print(
  send: (file: string, server: Listening) => Promise<unknown>,
): Promise<void> {
  await using folder = await temporaryDirectory();
  await using server = await startExample("jetdirect_server.ts");
  const job = Uint8Array.from({ length: 200_000 }, (_, i) => i % 251);
  const file = `${folder.path}/job`;
  await Deno.writeFile(file, job);
  await send(file, server);
  const [, size, path = ""] = await server.says(
    /^printed (\d+) bytes to (.+)$/m,
  );
  const printed = await Deno.readFile(path);
  await Deno.remove(path);
  assertEquals(size, "200000");
  assert(equals(printed, job));
  await assertOutcomes(server, "ok");
}

/** Printing. */
export const jetdirect: Protocol = {
  name: "JetDirect",
  example: "jetdirect_server.ts",
  clients: [{
    name: "CUPS socket backend",
    programs: [CUPS_BACKEND],
    source: "debian:cups-daemon",
    run: () =>
      print((file, { port }) =>
        run(CUPS_BACKEND, ["1", "ann", "title", "1", "", file], {
          env: { DEVICE_URI: `socket://127.0.0.1:${port}` },
        })
      ),
  }, {
    name: "nc -N",
    programs: ["nc"],
    source: "debian:netcat-openbsd",
    run: () =>
      print(async (file, { port }) =>
        run("nc", ["-N", "127.0.0.1", `${port}`], {
          stdin: await Deno.readFile(file),
        })
      ),
  }],
};
