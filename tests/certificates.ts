/**
 * Certificates of a test, by openssl: an authority, and what it issues.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { runProgram } from "./programs.ts";
import type { Certificate } from "./temporary.ts";

/** What a certificate is issued for. */
export interface IssueOptions {
  /** The subject, as openssl has it. @default {"/CN=" and the name} */
  readonly subject?: string;
  /** The extensions. @default {the name as a DNS name} */
  readonly extensions?: string;
  /** Its validity in days; may be negative. @default {2} */
  readonly days?: number;
}

/** An authority that issues certificates, in a directory. */
export class Authority {
  /** The certificate of the authority, in PEM. */
  readonly cert: string;
  /** The file of the certificate. */
  readonly certFile: string;
  readonly #directory: string;
  readonly #name: string;

  private constructor(
    directory: string,
    name: string,
    certificate: Certificate,
  ) {
    this.#directory = directory;
    this.#name = name;
    this.cert = certificate.cert;
    this.certFile = certificate.certFile;
  }

  /** Makes an authority. */
  static async make(directory: string, name = "ca"): Promise<Authority> {
    const files = filesOf(directory, name);
    await openssl([
      ...["req", "-x509", ...NEW_KEY, "-days", "2", "-subj", `/CN=${name}`],
      ...["-keyout", files.keyFile, "-out", files.certFile],
    ]);
    return new Authority(directory, name, await readFiles(files));
  }

  /** Issues a certificate; `name` is also that of its files. */
  async issue(
    name: string,
    { subject = `/CN=${name}`, extensions, days = 2 }: IssueOptions = {},
  ): Promise<Certificate> {
    const files = filesOf(this.#directory, name);
    const own = filesOf(this.#directory, this.#name);
    const request = `${this.#directory}/${name}.csr`;
    await openssl([
      ...["req", ...NEW_KEY, "-utf8", "-subj", subject],
      ...["-keyout", files.keyFile, "-out", request],
    ]);
    const extFile = `${this.#directory}/${name}.ext`;
    await Deno.writeTextFile(
      extFile,
      extensions ?? `subjectAltName=DNS:${name}`,
    );
    await openssl([
      ...["x509", "-req", "-in", request, "-days", `${days}`],
      ...["-CA", own.certFile, "-CAkey", own.keyFile, "-CAcreateserial"],
      ...["-extfile", extFile, "-out", files.certFile],
    ]);
    return await readFiles(files);
  }
}

/** Smaller and faster than RSA. */
const NEW_KEY = [
  ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
];

interface Files {
  readonly certFile: string;
  readonly keyFile: string;
}

function filesOf(directory: string, name: string): Files {
  return {
    certFile: `${directory}/${name}.pem`,
    keyFile: `${directory}/${name}.key`,
  };
}

async function readFiles(files: Files): Promise<Certificate> {
  const cert = await Deno.readTextFile(files.certFile);
  const key = await Deno.readTextFile(files.keyFile);
  return { cert, key, ...files };
}

async function openssl(args: readonly string[]): Promise<void> {
  const { code, stderr } = await runProgram("openssl", args);
  assertEquals(code, 0, stderr);
}
