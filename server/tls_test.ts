import { assertEquals, assertThrows } from "@std/assert";
import { serve } from "../server.ts";
import { Authority } from "../tests/certificates.ts";
import { needsPrograms } from "../tests/options.ts";
import { runProgram } from "../tests/programs.ts";
import { temporaryDirectory } from "../tests/temporary.ts";
import { TlsConfig, type TlsConfigOptions } from "./tls.ts";

Deno.test(
  needsPrograms(["openssl"], "TlsConfig refuses what is not valid"),
  async (t) => {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    const ca = await Authority.make(path);
    const one = await ca.issue("one");
    const two = await ca.issue("two");
    // A curve that browsers and TLS libraries have given up, or never had.
    const rare = `${path}/rare.key`;
    await runProgram("openssl", [
      ...["ecparam", "-name", "secp256k1", "-genkey", "-noout", "-out", rare],
    ]);
    const certificates = [one];
    const half = (text: string) => text.slice(0, text.length / 2);
    const noText = "it is not in PEM, or not complete";
    const noKey = "it is not in PEM, not complete, or encrypted";
    const refused: Record<string, [TlsConfigOptions, string]> = {
      "no certificate": [
        { certificates: [] },
        "Cannot speak TLS without a certificate",
      ],
      "half a certificate": [
        { certificates: [{ ...one, cert: half(one.cert) }] },
        `Cannot use the certificate: ${noText}`,
      ],
      "half a key": [
        { certificates: [{ ...one, key: half(one.key) }] },
        `Cannot use the private key: ${noKey}`,
      ],
      "an empty key": [
        { certificates: [{ ...one, key: "" }] },
        `Cannot use the private key: ${noKey}`,
      ],
      "the key of another": [
        { certificates: [one, { ...one, key: two.key }] },
        "Cannot use the certificate and the private key: " +
        "they do not belong together",
      ],
      "no authority": [
        { certificates, clientCa: "none" },
        "Cannot use clientCa: it has no certificate in PEM",
      ],
      "a broken authority": [
        { certificates, clientCa: ca.cert.replace("M", "!") },
        "Cannot use clientCa: a certificate in it is not valid",
      ],
      "a wish for certificates": [
        { certificates, clientCertificate: "optional" as "requested" },
        "Cannot use optional as clientCertificate: " +
        'it must be "required" or "requested"',
      ],
      "a protocol without a name": [
        { certificates, alpnProtocols: [""] },
        "Cannot use a protocol name of 0 bytes: it has 1 to 255",
      ],
      "a long protocol": [
        { certificates, alpnProtocols: ["ä".repeat(128)] },
        "Cannot use a protocol name of 256 bytes: it has 1 to 255",
      ],
    };
    for (const [name, [options, message]] of Object.entries(refused)) {
      await t.step(name, () => {
        const error = assertThrows(() => new TlsConfig(options), TypeError);
        assertEquals(error.message, message);
        const config = new TlsConfig({ certificates });
        assertThrows(() => config.replace(options), TypeError, message);
      });
    }
    await t.step("a key that is not supported", async () => {
      const certFile = `${path}/rare.pem`;
      await runProgram("openssl", [
        ...["req", "-x509", "-key", rare, "-subj", "/CN=rare"],
        ...["-out", certFile],
      ]);
      const cert = await Deno.readTextFile(certFile);
      const key = await Deno.readTextFile(rare);
      const error = assertThrows(
        () => new TlsConfig({ certificates: [{ cert, key }] }),
        TypeError,
      );
      assertEquals(
        error.message,
        "Cannot use the private key: its kind or its size is not supported",
      );
    });
    await t.step("tls beside a certificate", () => {
      const tls = new TlsConfig({ certificates });
      const { cert, key } = one;
      assertThrows(() => serve({ port: 0, tls, cert, key }), TypeError, "both");
    });
  },
);
