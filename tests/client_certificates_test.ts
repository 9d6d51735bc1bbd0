// TlsConfig with clients of others: certificates of clients, names, protocols,
// and certificates that are replaced.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Handler, sendData } from "../mod.ts";
import { TlsConfig } from "../server/tls.ts";
import { Authority } from "./certificates.ts";
import { LocalServer } from "./local_server.ts";
import { needsPrograms } from "./options.ts";
import { runProgram } from "./programs.ts";
import { temporaryDirectory } from "./temporary.ts";
import { gnutlsClient, opensslClient } from "./tls_clients.ts";

/** Replies with the subject of the client. */
const whoAmI: Handler = (_message, { clientCertificate: certificate }) =>
  `you are ${certificate?.subject ?? "nobody"}\n`;

/** Certificates of one test. */
async function makeCertificates(directory: string) {
  const ca = await Authority.make(directory);
  const server = await ca.issue("localhost");
  const lab = await ca.issue("lab", { subject: "/O=Example/CN=Lab One" });
  const other = await Authority.make(directory, "other");
  // The authority has the same name, and another key.
  const namesake = await Authority.make(
    await Deno.makeTempDir({ dir: directory }),
  );
  const expired = await ca.issue("expired", { days: -1 });
  const stranger = await other.issue("stranger");
  const forged = await namesake.issue("forged");
  return { ca, server, lab, expired, stranger, forged };
}

Deno.test(
  needsPrograms(["openssl"], "TlsConfig: a client needs a certificate"),
  async (t) => {
    await using directory = await temporaryDirectory();
    const all = await makeCertificates(directory.path);
    const tls = new TlsConfig({
      certificates: [all.server],
      clientCa: all.ca.cert,
    });
    await using server = new LocalServer({ tls, end: "\n" }, whoAmI);
    const { port } = server;
    const client = { port, caFile: all.ca.certFile };
    let count = 0;
    const report = () => server.report(count++);
    await t.step("one that is trusted", async () => {
      const certificate = all.lab;
      const { stdout } = await opensslClient("hi\n", {
        ...client,
        certificate,
      });
      assertEquals(stdout, "you are O=Example,CN=Lab One\n");
      const { outcome, clientCertificate } = await report();
      assertEquals(outcome, "ok");
      assertEquals(clientCertificate?.commonName, "Lab One");
      assertEquals(clientCertificate?.issuer, "CN=ca");
    });
    await t.step("none", async () => {
      const { stdout, stderr } = await opensslClient("hi\n", client);
      assertEquals(stdout, "");
      assertMatch(stderr, /alert certificate required/);
      const { outcome, error } = await report();
      assertEquals(outcome, "not TLS");
      assertMatch(`${error}`, /peer sent no certificates/);
    });
    for (const name of ["expired", "stranger", "forged"] as const) {
      await t.step(name, async () => {
        const certificate = all[name];
        const { stdout } = await opensslClient("hi\n", {
          ...client,
          certificate,
        });
        assertEquals(stdout, "");
        const { outcome, error, messages, clientCertificate } = await report();
        assertEquals([outcome, messages], ["not TLS", 0]);
        assertMatch(`${error}`, /The client's certificate: [A-Z_]+$/);
        assertEquals(clientCertificate, undefined);
      });
    }
  },
);

Deno.test(
  needsPrograms(["openssl"], "TlsConfig: a client is asked for a certificate"),
  async (t) => {
    await using directory = await temporaryDirectory();
    const all = await makeCertificates(directory.path);
    const tls = new TlsConfig({
      certificates: [all.server],
      clientCa: all.ca.cert,
      clientCertificate: "requested",
    });
    await using server = new LocalServer({ tls, end: "\n" }, whoAmI);
    const client = { port: server.port, caFile: all.ca.certFile };
    let count = 0;
    const replies = {
      lab: "you are O=Example,CN=Lab One\n",
      none: "you are nobody\n",
      // Whoever shows one that is not valid is no anonymous client.
      stranger: "",
      forged: "",
      expired: "",
    };
    for (const [name, reply] of Object.entries(replies)) {
      await t.step(name, async () => {
        const certificate = name === "none"
          ? undefined
          : all[name as keyof typeof all & keyof typeof replies];
        const { stdout } = await opensslClient("hi\n", {
          ...client,
          certificate,
        });
        assertEquals(stdout, reply);
        const { messages, bytesIn } = await server.report(count++);
        assertEquals([messages, bytesIn], reply === "" ? [0, 0] : [1, 3]);
      });
    }
  },
);

Deno.test(
  needsPrograms(
    ["openssl"],
    "TlsConfig: no value of a subject passes for another attribute",
  ),
  async () => {
    await using directory = await temporaryDirectory();
    const ca = await Authority.make(directory.path);
    const tls = new TlsConfig({
      certificates: [await ca.issue("localhost")],
      clientCa: ca.cert,
    });
    await using server = new LocalServer({ tls, end: "\n" }, whoAmI);
    const client = { port: server.port, caFile: ca.certFile };
    const subjects = {
      "/CN=a,CN=admin": "CN=a\\,CN\\=admin",
      "/CN=a\nCN=admin": "CN=a\\0ACN\\=admin",
      "/OU=a/OU=b/CN=Zoë": "OU=a,OU=b,CN=Zoë",
      "/CN=a\\\\b": "CN=a\\\\b",
    };
    for (const [subject, expected] of Object.entries(subjects)) {
      const certificate = await ca.issue("odd", { subject });
      const { stdout } = await opensslClient("hi\n", {
        ...client,
        certificate,
      });
      assertEquals(stdout, `you are ${expected}\n`);
    }
  },
);

Deno.test(
  needsPrograms(
    ["openssl", "gnutls-cli", "curl"],
    "TlsConfig: clients of others get their replies",
  ),
  async (t) => {
    await using directory = await temporaryDirectory();
    const { ca, server: own, lab } = await makeCertificates(directory.path);
    const tls = new TlsConfig({ certificates: [own], clientCa: ca.cert });
    const options = { tls, end: ["\n", "\r\n\r\n"] };
    const client = { caFile: ca.certFile, certificate: lab };
    await t.step("gnutls-cli", async () => {
      await using server = new LocalServer(options, whoAmI);
      const { stdout, stderr } = await gnutlsClient("hi\n", {
        ...client,
        port: server.port,
      });
      assertEquals(stdout, "you are O=Example,CN=Lab One\n", stderr);
    });
    await t.step("openssl with TLS 1.2", async () => {
      await using server = new LocalServer(options, whoAmI);
      const { stdout } = await opensslClient("hi\n", {
        ...client,
        port: server.port,
        args: ["-tls1_2"],
      });
      assertEquals(stdout, "you are O=Example,CN=Lab One\n");
    });
    await t.step("curl", async () => {
      await using server = new LocalServer(
        { ...options, end: "\r\n\r\n" },
        (message, info) => `HTTP/1.0 200 OK\r\n\r\n${whoAmI(message, info)}`,
      );
      const { stdout, stderr } = await runProgram("curl", [
        ...["--silent", "--show-error", "--cacert", ca.certFile],
        ...["--cert", lab.certFile, "--key", lab.keyFile],
        ...["--connect-to", `localhost:443:127.0.0.1:${server.port}`],
        "https://localhost/",
      ]);
      assertEquals(stdout, "you are O=Example,CN=Lab One\n", stderr);
    });
  },
);

Deno.test(
  needsPrograms(["openssl"], "TlsConfig: names choose a certificate (SNI)"),
  async (t) => {
    await using directory = await temporaryDirectory();
    const ca = await Authority.make(directory.path);
    const tls = new TlsConfig({
      certificates: [
        await ca.issue("one.example"),
        await ca.issue("two.example"),
        await ca.issue("any", {
          extensions: "subjectAltName=DNS:*.any.example",
        }),
      ],
    });
    await using server = new LocalServer({ tls, end: "\n" });
    const names = {
      "one.example": "one.example",
      "two.example": "two.example",
      "TWO.example": "two.example",
      "a.any.example": "any",
      "a.b.any.example": "one.example",
      "unknown.example": "one.example",
      "": "one.example",
    };
    for (const [name, expected] of Object.entries(names)) {
      await t.step(name || "no name", async () => {
        const { stderr } = await opensslClient("hi\n", {
          port: server.port,
          caFile: ca.certFile,
          name,
        });
        assertMatch(stderr, RegExp(`depth=0 CN = ${expected}\n`));
      });
    }
  },
);

Deno.test(
  needsPrograms(["openssl"], "TlsConfig: a protocol is chosen (ALPN)"),
  async () => {
    await using directory = await temporaryDirectory();
    const ca = await Authority.make(directory.path);
    const tls = new TlsConfig({
      certificates: [await ca.issue("localhost")],
      alpnProtocols: ["hl7", "echo"],
    });
    await using server = new LocalServer({ tls, end: "\n" });
    const ask = (protocols: string) =>
      runProgram("openssl", [
        ...["s_client", "-connect", `127.0.0.1:${server.port}`],
        ...["-alpn", protocols],
      ]);
    assertMatch((await ask("other,echo")).stdout, /ALPN protocol: echo\n/);
    assertMatch((await ask("echo,hl7")).stdout, /ALPN protocol: hl7\n/);
    const { stdout, stderr } = await ask("other");
    assert(!stdout.includes("ALPN protocol:"));
    assertMatch(stderr, /alert no application protocol/);
  },
);

Deno.test(
  needsPrograms(
    ["openssl"],
    "TlsConfig.replace() holds for the next connection",
  ),
  async () => {
    await using directory = await temporaryDirectory();
    const ca = await Authority.make(directory.path);
    const [first, second] = [await ca.issue("one"), await ca.issue("two")];
    const tls = new TlsConfig({ certificates: [first] });
    await using server = new LocalServer({ tls, end: "\n" });
    const nameOf = async () => {
      const { stderr } = await opensslClient("hi\n", {
        port: server.port,
        caFile: ca.certFile,
      });
      return stderr.match(/depth=0 CN = (.*)\n/)?.[1];
    };
    assertEquals(await nameOf(), "one");
    const broken = { cert: second.cert, key: first.key };
    assertEquals(messageOf(() => tls.replace({ certificates: [broken] })), [
      "Cannot use the certificate and the private key: " +
      "they do not belong together",
    ]);
    assertEquals(await nameOf(), "one");
    tls.replace({ certificates: [second] });
    assertEquals(await nameOf(), "two");
    const reply = await sendData("a", {
      ...{ hostname: "localhost", port: server.port, end: "\n" },
      tls: true,
      caCerts: [ca.cert],
    }).catch((error) => error);
    // It is valid for `two`, and for nothing else.
    assertEquals(reply.reason, "refused");
  },
);

/** The message of what this throws, in a list. */
function messageOf(action: () => void): string[] {
  try {
    action();
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}
