/**
 * TLS clients of others: openssl's s_client, gnutls-cli and curl.
 *
 * @module
 */
import type { Certificate } from "./temporary.ts";
import { type Outcome, Program } from "./programs.ts";

/** What a client shows, and whom it trusts. */
export interface TlsClientOptions {
  readonly port: number;
  /** The file of the authority of the server. */
  readonly caFile: string;
  /** The name of the server; empty to ask for none. @default {"localhost"} */
  readonly name?: string;
  /** The certificate of the client. */
  readonly certificate?: Certificate | undefined;
  /** Further arguments. */
  readonly args?: readonly string[];
}

/**
 * Sends a text with openssl's s_client, and reads the reply until the server
 * closes.
 *
 * @param waitMs With `-no_ign_eof`, how long to wait for the reply instead.
 */
export async function opensslClient(
  text: string,
  { port, caFile, name = "localhost", certificate, args = [] }:
    TlsClientOptions,
  waitMs?: number,
): Promise<Outcome> {
  const script = `(cat; sleep ${(waitMs ?? 0) / 1000}) | "$@"`;
  await using client = new Program("sh", [
    ...["-c", script, "sh", "openssl"],
    ...["s_client", "-connect", `127.0.0.1:${port}`],
    ...(name === "" ? ["-noservername"] : ["-servername", name]),
    ...["-verify_return_error", "-CAfile", caFile],
    ...(certificate === undefined ? [] : [
      ...["-cert", certificate.certFile, "-key", certificate.keyFile],
    ]),
    // Without -quiet it takes a line that starts with Q for a command.
    ...["-quiet", ...args],
  ], { stdin: text });
  return await client.finished;
}

/** Sends a text with gnutls-cli. */
export async function gnutlsClient(
  text: string,
  { port, caFile, name = "localhost", certificate, args = [] }:
    TlsClientOptions,
): Promise<Outcome> {
  await using client = new Program("gnutls-cli", [
    ...["--logfile=/dev/null", `--x509cafile=${caFile}`, `--port=${port}`],
    ...(certificate === undefined ? [] : [
      `--x509certfile=${certificate.certFile}`,
      `--x509keyfile=${certificate.keyFile}`,
    ]),
    ...[`--sni-hostname=${name}`, `--verify-hostname=${name}`],
    ...[...args, "127.0.0.1"],
  ], { stdin: text });
  return await client.finished;
}
