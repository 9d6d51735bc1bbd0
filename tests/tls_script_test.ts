// server.ts with TLS: certificates of clients, and certificates that are
// replaced while it runs.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { sendData } from "../mod.ts";
import { Authority } from "./certificates.ts";
import { needsPrograms } from "./options.ts";
import { freePort } from "../paths/running.ts";
import { type Listening, Program } from "./programs.ts";
import { FILE_PERMISSIONS, pathOf, runServer, startServer } from "./scripts.ts";
import { connectTo, pause } from "./sockets.ts";
import { temporaryDirectory } from "./temporary.ts";
import { opensslClient } from "./tls_clients.ts";

const PATIENT = { timeout: 50_000 };

Deno.test(
  needsPrograms(["openssl"], "server.ts --client-ca: the log names the client"),
  async (t) => {
    await using directory = await temporaryDirectory();
    const ca = await Authority.make(directory.path);
    const own = await ca.issue("localhost");
    const lab = await ca.issue("lab", { subject: "/O=Example/CN=Lab One" });
    for (const format of ["text", "json"]) {
      await t.step(format, async () => {
        await using server = await startServer([
          ...[`--cert=${own.certFile}`, `--key=${own.keyFile}`, "--marker=;"],
          ...[`--client-ca=${ca.certFile}`, `--log=${format}`],
        ], FILE_PERMISSIONS);
        const { stdout } = await opensslClient("hi;", {
          port: server.port,
          caFile: ca.certFile,
          certificate: lab,
        });
        assertEquals(stdout, "hihi");
        const { stderr } = await server.stop();
        assertMatch(
          stderr,
          format === "text"
            ? / ok, 3 bytes in, 4 out, [\d.]+ ms, O=Example,CN=Lab One\n/
            : /"outcome":"ok",.*"subject":"O=Example,CN=Lab One"/,
        );
      });
    }
  },
);

Deno.test(
  needsPrograms(["openssl"], "server.ts: an HL7 client with a certificate"),
  async () => {
    await using directory = await temporaryDirectory();
    const ca = await Authority.make(directory.path);
    const own = await ca.issue("localhost");
    const certificate = await ca.issue("lab");
    await using server = await startServer([
      ...[`--cert=${own.certFile}`, `--key=${own.keyFile}`],
      ...[`--client-ca=${ca.certFile}`, pathOf("examples/mllp_server.ts")],
    ], FILE_PERMISSIONS);
    const client = { port: server.port, caFile: ca.certFile };
    const message = "\x0bMSH|^~\\&|A|B|C|D|||ORU^R01|42|P|2.5\r\x1c\r";
    const ask = (options: { certificate?: typeof certificate }) =>
      opensslClient(message, {
        ...client,
        ...options,
        // It ends at the end of its input: the connection stays open otherwise.
        args: ["-no_ign_eof"],
      }, 500);
    const { stdout } = await ask({ certificate });
    assert(stdout.includes("\rMSA|AA|42"), stdout);
    assert(stdout.endsWith("\x1c\r"), stdout);
    assertEquals((await ask({})).stdout, "");
  },
);

/** The subject of the certificate that a server shows. */
async function shownBy(
  { port }: Listening,
  ca: Authority,
): Promise<string | undefined> {
  const { stderr } = await opensslClient("hi;", {
    port,
    caFile: ca.certFile,
  });
  return stderr.match(/depth=0 CN = (.*)\n/)?.[1];
}

Deno.test(
  needsPrograms(
    ["openssl"],
    "server.ts: certificates are replaced at SIGHUP",
    PATIENT,
  ),
  async (t) => {
    for (const threads of [1, 2]) {
      await t.step(`${threads} threads`, async () => {
        await using directory = await temporaryDirectory();
        const { path } = directory;
        const ca = await Authority.make(path);
        const [one, two] = [await ca.issue("one"), await ca.issue("two")];
        const [certFile, keyFile] = [`${path}/c.pem`, `${path}/k.pem`];
        const install = async (cert: string, key: string) => {
          await Deno.writeTextFile(certFile, cert);
          await Deno.writeTextFile(keyFile, key);
        };
        await install(one.cert, one.key);
        await using server = await startServer([
          ...[`--cert=${certFile}`, `--key=${keyFile}`, "--reload-cert"],
          ...["--marker=;", `--parallel=${threads}`],
        ], FILE_PERMISSIONS);
        assertEquals(await shownBy(server, ca), "one");
        // Half of a key, as a copy that is not complete.
        await install(two.cert, two.key.slice(0, 100));
        server.kill("SIGHUP");
        await server.says(
          /certificates stay as they were: .* private key: .*\n/,
          "stderr",
        );
        assertEquals(await shownBy(server, ca), "one");
        await install(two.cert, two.key);
        server.kill("SIGHUP");
        await server.says(/certificates were read again\n/, "stderr");
        for (let i = 0; i < 2 * threads; i++) {
          assertEquals(await shownBy(server, ca), "two");
        }
        await Deno.remove(keyFile);
        server.kill("SIGHUP");
        await server.says(/as they were: --key cannot be read: /, "stderr");
        assertEquals(await shownBy(server, ca), "two");
        assertEquals((await server.stop()).code, 0);
      });
    }
  },
);

Deno.test(
  needsPrograms(
    ["openssl"],
    "server.ts: certificates are replaced when their files change",
    PATIENT,
  ),
  async () => {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    const ca = await Authority.make(path);
    const [one, two] = [await ca.issue("one"), await ca.issue("two")];
    // As certbot and Kubernetes have it: a link to a directory, replaced at once.
    for (const { certFile, keyFile } of [one, two]) {
      const name = certFile.replace(/\.pem$/, ".d");
      await Deno.mkdir(name);
      await Deno.copyFile(certFile, `${name}/cert.pem`);
      await Deno.copyFile(keyFile, `${name}/key.pem`);
    }
    const live = `${path}/live`;
    await Deno.symlink(`${path}/one.d`, live);
    await using server = await startServer([
      ...[`--cert=${live}/cert.pem`, `--key=${live}/key.pem`, "--reload-cert"],
      "--marker=;",
    ], FILE_PERMISSIONS);
    assertEquals(await shownBy(server, ca), "one");
    await Deno.symlink(`${path}/two.d`, `${path}/next`);
    await Deno.rename(`${path}/next`, live);
    await server.says(/certificates were read again\n/, "stderr");
    assertEquals(await shownBy(server, ca), "two");
  },
);

Deno.test(
  needsPrograms(
    ["openssl"],
    "server.ts: 1,000 clients and many SIGHUPs while certificates change",
    PATIENT,
  ),
  async () => {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    const ca = await Authority.make(path);
    const one = await ca.issue("a", {
      extensions: "subjectAltName=DNS:localhost",
    });
    const two = await ca.issue("b", {
      extensions: "subjectAltName=DNS:localhost",
    });
    const [certFile, keyFile] = [`${path}/c.pem`, `${path}/k.pem`];
    await Deno.copyFile(one.certFile, certFile);
    await Deno.copyFile(one.keyFile, keyFile);
    await using server = await startServer([
      ...[`--cert=${certFile}`, `--key=${keyFile}`, "--reload-cert"],
      "--marker=;",
    ], FILE_PERMISSIONS);
    const options = {
      ...{ hostname: "localhost", port: server.port, end: ";" },
      ...{ tls: true, caCerts: [ca.cert] },
    };
    let isOver = false;
    const storm = (async () => {
      for (let round = 0; !isOver; round++) {
        const { cert, key } = round % 2 === 0 ? two : one;
        // Now and then a signal meets a pair of which one part is new.
        await Deno.writeTextFile(certFile, cert);
        server.kill("SIGHUP");
        if (round === 0) await server.says(/stay as they were/, "stderr");
        await pause(5);
        await Deno.writeTextFile(keyFile, key);
        server.kill("SIGHUP");
        if (round === 0) await server.says(/were read again/, "stderr");
        await pause(5);
      }
    })();
    // A client in the middle of its handshake hinders nobody.
    using silent = await connectTo(server.port);
    let left = 1000;
    await Promise.all(Array.from({ length: 20 }, async () => {
      while (left-- > 0) {
        assertEquals((await sendData("a", options)).text(), "aa");
      }
    }));
    isOver = true;
    await storm;
    silent.close();
    const { code, stderr } = await server.stop();
    assertEquals(code, 0);
    assertMatch(stderr, /1001 conversations \(.*ok 1000/);
  },
);

Deno.test(
  needsPrograms(["openssl"], "server.ts: wrong flags about TLS are one line"),
  async (t) => {
    await using directory = await temporaryDirectory();
    const ca = await Authority.make(directory.path);
    const one = await ca.issue("one");
    const two = await ca.issue("two");
    const pair = [`--cert=${one.certFile}`, `--key=${one.keyFile}`];
    const refused: [string[], RegExp][] = [
      [["--client-ca", ca.certFile], /^--client-ca needs --cert;/],
      [[...pair, "--client-cert=required"], /^--client-cert needs --client-ca/],
      [["--alpn=a"], /^--alpn needs --cert;/],
      [["--reload-cert"], /^--reload-cert needs --cert;/],
      [
        [...pair, "--cert", two.certFile],
        /^each --cert needs its --key, .* 2 and 1;/,
      ],
      [["--cert=/none", pair[1]!], /^--cert cannot be read: /],
      [[...pair, "--client-ca=/none"], /^--client-ca cannot be read: /],
      [
        [...pair, "--client-ca", one.keyFile],
        /^Cannot use clientCa: it has no /,
      ],
      [
        [pair[0]!, `--key=${two.keyFile}`, "--reload-cert"],
        /^Cannot use the certificate and the private key: they do not belong /,
      ],
      [
        [...pair, "--client-cert=maybe"],
        /^--client-cert is required or requested/,
      ],
      [[...pair, "--alpn="], /^--alpn must not be empty/],
      [[...pair, "--unix=/tmp/x"], /^--unix and --cert exclude each other/],
    ];
    for (const [args, line] of refused) {
      await t.step(`${line}`, async () => {
        const { code, stdout, stderr } = await runServer(
          ["--port=0", ...args].slice(
            args.some((arg) => arg.startsWith("--unix")) ? 1 : 0,
          ),
        );
        assertMatch(stderr, line);
        assertMatch(stderr, /^[^\n]*; see --help\n$/);
        assertEquals({ code, stdout }, { code: 2, stdout: "" });
      });
    }
  },
);

Deno.test(
  needsPrograms(
    ["openssl", "haproxy"],
    "server.ts: a proxy's header before TLS names the client",
    PATIENT,
  ),
  async () => {
    await using directory = await temporaryDirectory();
    const ca = await Authority.make(directory.path);
    const own = await ca.issue("localhost");
    const certificate = await ca.issue("lab");
    await using server = await startServer([
      ...[`--cert=${own.certFile}`, `--key=${own.keyFile}`, "--marker=;"],
      ...[`--client-ca=${ca.certFile}`, "--proxy-from=127.0.0.1"],
    ], FILE_PERMISSIONS);
    const port = freePort();
    const config = `${directory.path}/haproxy.cfg`;
    await Deno.writeTextFile(
      config,
      `defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen tls
  bind 127.0.0.1:${port}
  source 127.0.0.1
  server one 127.0.0.1:${server.port} send-proxy-v2
`,
    );
    await using haproxy = new Program("haproxy", ["-W", "-db", "-f", config]);
    await haproxy.says(/Loading success/, "stderr");
    const { stdout } = await opensslClient("hi;", {
      port,
      caFile: ca.certFile,
      certificate,
      args: ["-bind", "127.0.0.9"],
    });
    assertEquals(stdout, "hihi");
    // Without the header, what comes is no TLS for the server.
    await opensslClient("hi;", { port: server.port, caFile: ca.certFile });
    const { stderr } = await server.stop();
    assertMatch(stderr, / 127\.0\.0\.9:\d+ ok, .* CN=lab\n/);
    assertMatch(stderr, / bad proxy header, /);
  },
);
