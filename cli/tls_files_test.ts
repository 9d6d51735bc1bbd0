import { assertEquals, assertMatch } from "@std/assert";
import type { TlsConfigOptions } from "../server/tls.ts";
import { Authority } from "../tests/certificates.ts";
import { needsPrograms } from "../tests/options.ts";
import { temporaryDirectory } from "../tests/temporary.ts";
import { Log } from "./log.ts";
import { CertificateWatch } from "./tls_files.ts";
import { readFileAt } from "./values.ts";

/** A log whose lines can be waited for. */
function listeningLog() {
  let lines = "";
  let wake = () => {};
  const log = new Log("text", {
    write(bytes) {
      lines += new TextDecoder().decode(bytes);
      wake();
      return Promise.resolve(bytes.length);
    },
  });
  const next = async () => {
    while (!lines.includes("\n")) {
      await new Promise<void>((resolve) => wake = resolve);
    }
    const [line = "", ...rest] = lines.split("\n");
    lines = rest.join("\n");
    return line;
  };
  return { log, next };
}

Deno.test(
  needsPrograms(
    ["openssl"],
    "CertificateWatch: a change that lasts, once, and what is broken, once",
  ),
  async () => {
    await using directory = await temporaryDirectory();
    const ca = await Authority.make(directory.path);
    const [one, two] = [await ca.issue("one"), await ca.issue("two")];
    const [certFile, keyFile] = [`${directory.path}/c`, `${directory.path}/k`];
    await Deno.writeTextFile(certFile, one.cert);
    await Deno.writeTextFile(keyFile, one.key);
    const { log, next } = listeningLog();
    const applied: TlsConfigOptions[] = [];
    const flags = {
      cert: [readFileAt("cert", certFile)],
      key: [readFileAt("key", keyFile)],
      "reload-cert": true,
    };
    using _watch = new CertificateWatch(
      flags,
      (options) => applied.push(options),
      log,
      10,
    );
    // The new certificate, and still the old key.
    await Deno.writeTextFile(certFile, two.cert);
    assertMatch(await next(), /certificates stay as they were: .* belong /);
    await Deno.remove(keyFile);
    assertMatch(await next(), /stay as they were: --key cannot be read: /);
    await Deno.writeTextFile(keyFile, two.key);
    assertMatch(await next(), /certificates were read again$/);
    assertEquals(applied.map(({ certificates }) => certificates), [[
      { cert: two.cert, key: two.key },
    ]]);
    // Twice the same is no change.
    await Deno.writeTextFile(keyFile, two.key);
    await new Promise((resolve) => setTimeout(resolve, 60));
    assertEquals(applied.length, 1);
    await log.close();
  },
);

Deno.test(
  needsPrograms(["openssl"], "CertificateWatch looks only if it is asked to"),
  async () => {
    await using directory = await temporaryDirectory();
    const ca = await Authority.make(directory.path);
    const { certFile, keyFile } = await ca.issue("one");
    const { log } = listeningLog();
    const flags = {
      cert: [readFileAt("cert", certFile)],
      key: [readFileAt("key", keyFile)],
    };
    let count = 0;
    using _watch = new CertificateWatch(flags, () => count++, log, 1);
    await Deno.remove(keyFile);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assertEquals(count, 0);
    await log.close();
  },
);

Deno.test(
  needsPrograms(
    ["openssl"],
    "CertificateWatch waits for files that are being written",
  ),
  async () => {
    await using directory = await temporaryDirectory();
    const ca = await Authority.make(directory.path);
    const [one, two] = [await ca.issue("one"), await ca.issue("two")];
    const { log, next } = listeningLog();
    let count = 0;
    let look = () => {};
    const { setInterval } = globalThis;
    globalThis.setInterval = ((callback: () => void) => {
      look = callback;
      return setInterval(() => {}, 60_000);
    }) as typeof setInterval;
    try {
      const flags = {
        cert: [readFileAt("cert", one.certFile)],
        key: [readFileAt("key", one.keyFile)],
        "reload-cert": true,
      };
      using _watch = new CertificateWatch(flags, () => count++, log);
      await Deno.writeTextFile(one.certFile, two.cert.slice(0, 100));
      look();
      await Deno.writeTextFile(one.certFile, two.cert);
      await Deno.writeTextFile(one.keyFile, two.key);
      look();
      assertEquals(count, 0);
      look();
      assertMatch(await next(), /certificates were read again$/);
      assertEquals(count, 1);
    } finally {
      globalThis.setInterval = setInterval;
    }
    await log.close();
  },
);
