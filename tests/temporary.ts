/**
 * Files of a test, which are removed after it.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { runProgram } from "./programs.ts";

/** A new directory. Disposing of it removes it with all of its files. */
export async function temporaryDirectory(): Promise<
  AsyncDisposable & { path: string }
> {
  const path = await Deno.makeTempDir({ prefix: "recv_end_test_" });
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** A certificate with its key, in PEM. */
export interface Certificate {
  /** The certificate. */
  readonly cert: string;
  /** The private key. */
  readonly key: string;
  /** The file of the certificate. */
  readonly certFile: string;
  /** The file of the private key. */
  readonly keyFile: string;
}

/** Makes a self-signed certificate for localhost. Takes openssl. */
export async function certificate(directory: string): Promise<Certificate> {
  const [certFile, keyFile] = [`${directory}/cert.pem`, `${directory}/key.pem`];
  const { code, stderr } = await runProgram("openssl", [
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"],
    ...["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
    ...["-addext", "basicConstraints=critical,CA:FALSE"],
    ...["-keyout", keyFile, "-out", certFile],
  ]);
  assertEquals(code, 0, stderr);
  const cert = await Deno.readTextFile(certFile);
  const key = await Deno.readTextFile(keyFile);
  return { cert, key, certFile, keyFile };
}
