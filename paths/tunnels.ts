/**
 * Encrypted tunnels: stunnel and ssh. The client and the server speak plain TCP
 * to the two ends.
 *
 * @module
 */
import { type OpenPath, openPath, type Path, programFile } from "./path.ts";
import { Folder, freePort, run, Running } from "./running.ts";

const STUNNEL = { file: "stunnel", debian: "stunnel4" };
const OPENSSL = { file: "openssl", debian: "openssl" };
const SSH = { file: "ssh", debian: "openssh-client" };
const SSH_KEYGEN = { file: "ssh-keygen", debian: "openssh-client" };
const SSHD = { file: "sshd", debian: "openssh-server" };

function stunnel(
  path: Pick<Path, "id" | "setting" | "means" | "remedy" | "chance">,
  lines: string,
): Path {
  return {
    ...path,
    program: "stunnel, two ends",
    manual: "stunnel(8), `TIMEOUTclose`",
    needs: [STUNNEL, OPENSSL],
    version: {
      name: "stunnel",
      program: STUNNEL,
      flag: "-version",
      pattern: /stunnel (\S+)/,
    },
    start: (serverPort) => startStunnel(serverPort, lines),
  };
}

/** Two stunnels with TLS between them, with two values of `TIMEOUTclose`. */
export const stunnelPaths: readonly Path[] = [
  stunnel({
    id: "stunnel",
    setting: "by default (`TIMEOUTclose = 60`)",
    means: "A half-close becomes the `close_notify` of TLS, and then a " +
      "half-close again; from then on the other direction has 60 s. But in " +
      "about 1 of 20 conversations with a half-close before the reply, the " +
      "end of a large reply is missing, and no error reports it: the stunnel " +
      "at the server passes on fewer bytes than it received.",
    remedy: "a half-close after the reply; or a reply marker, with which a " +
      "truncated reply is detected.",
    chance: { quick: ["slow reader"], slow: ["slow reader"] },
  }, ""),
  stunnel({
    id: "stunnel-0",
    setting: "`TIMEOUTclose = 0`",
    means:
      "After a half-close, stunnel closes the other direction at once. A " +
      "reply that is sent at once may arrive before that.",
    remedy: "the default of `TIMEOUTclose`.",
    chance: {
      quick: ["half-close before", "no end marker", "early refusal"],
      slow: ["no end marker", "early refusal"],
    },
  }, "TIMEOUTclose = 0"),
];

/** A port that ssh forwards. */
export const sshPath: Path = {
  id: "ssh",
  program: "OpenSSH",
  setting: "`ssh -L`",
  means:
    "A half-close becomes an end-of-file message of SSH, which a channel " +
    "has for each direction, and then a half-close again.",
  manual: "ssh(1), `-L`; RFC 4254, 5.3",
  needs: [SSH, SSH_KEYGEN, SSHD],
  version: {
    name: "OpenSSH",
    program: SSH,
    flag: "-V",
    pattern: /OpenSSH_([^\s,]+)/,
  },
  start: startSsh,
};

async function startStunnel(
  serverPort: number,
  lines: string,
): Promise<OpenPath> {
  await using resources = new AsyncDisposableStack();
  const folder = resources.use(await Folder.make());
  const [key, cert] = [`${folder.path}/key.pem`, `${folder.path}/cert.pem`];
  await run(
    programFile(OPENSSL),
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt"],
    ...["ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"],
    ...["-subj", "/CN=localhost", "-keyout", key, "-out", cert],
  );
  const [port, between] = [freePort(), freePort()];
  const ends = [
    `[server]\ncert = ${cert}\nkey = ${key}\n` +
    `accept = 127.0.0.1:${between}\nconnect = 127.0.0.1:${serverPort}\n`,
    `[client]\nclient = yes\nCAfile = ${cert}\nverifyPeer = yes\n` +
    `accept = 127.0.0.1:${port}\nconnect = 127.0.0.1:${between}\n`,
  ];
  for (const [i, end] of ends.entries()) {
    const config = await folder.write(
      `end${i}.conf`,
      `foreground = yes\nsyslog = no\ndebug = info\npid =\n${end}${lines}\n`,
    );
    const program = new Running(programFile(STUNNEL), [config]);
    resources.use(program);
    await program.prints(/bound to 127/);
  }
  return openPath(port, resources);
}

async function startSsh(serverPort: number): Promise<OpenPath> {
  await using resources = new AsyncDisposableStack();
  const folder = resources.use(await Folder.make());
  const [hostKey, userKey] = [`${folder.path}/host`, `${folder.path}/user`];
  for (const key of [hostKey, userKey]) {
    const kind = ["-q", "-t", "ed25519", "-N", "", "-C", "path"];
    await run(programFile(SSH_KEYGEN), ...kind, "-f", key);
  }
  const [port, sshPort] = [freePort(), freePort()];
  const user = (await run("id", "-un")).trim();
  const isRoot = user === "root";
  if (isRoot) await makeSeparationFolder();
  // Whether an account is locked, sshd finds out itself where root runs it, and
  // with PAM where another user does.
  const config = await folder.write(
    "sshd_config",
    `
Port ${sshPort}
ListenAddress 127.0.0.1
HostKey ${hostKey}
AuthorizedKeysFile ${userKey}.pub
PidFile none
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM ${isRoot ? "no" : "yes"}
StrictModes no
PermitRootLogin prohibit-password
`,
  );
  const sshd = new Running(programFile(SSHD), ["-D", "-e", "-f", config]);
  resources.use(sshd);
  await sshd.prints(/Server listening on 127/);
  const known = await folder.write(
    "known_hosts",
    `[127.0.0.1]:${sshPort} ${await Deno.readTextFile(`${hostKey}.pub`)}`,
  );
  const ssh = new Running(programFile(SSH), [
    ...["-v", "-N", "-F", "none", "-i", userKey, "-p", `${sshPort}`],
    ...["-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"],
    ...["-o", "ExitOnForwardFailure=yes", "-o", "StrictHostKeyChecking=yes"],
    ...["-o", `UserKnownHostsFile=${known}`],
    ...["-L", `127.0.0.1:${port}:127.0.0.1:${serverPort}`],
    `${user}@127.0.0.1`,
  ]);
  resources.use(ssh);
  // The line about the port comes before ssh listens; this one after.
  await ssh.prints(/Entering interactive session/);
  return openPath(port, resources);
}

/** Makes the folder that Debian's sshd needs and its service makes. */
async function makeSeparationFolder(): Promise<void> {
  await Deno.mkdir("/run/sshd", { recursive: true, mode: 0o755 });
}
