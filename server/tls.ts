/**
 * TLS with what Deno's own TLS does not offer: certificates of clients,
 * certificates that are replaced while the server runs, one certificate for each
 * of several names, and application protocols. It uses `node:tls`, and is a
 * module of its own so that nobody else loads that.
 *
 * @module
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { Duplex } from "node:stream";
import {
  createSecureContext,
  createServer,
  type SecureContext,
} from "node:tls";
import type { TlsLayer } from "./listen.ts";
import type { ServerSocket } from "./socket.ts";
import { TlsSocket } from "./tls_socket.ts";

export type { TlsLayer };

/** A certificate and its private key. */
export interface CertificateAndKey {
  /** The certificate chain in PEM, the server's own certificate first. */
  readonly cert: string;
  /** The private key of the certificate, in PEM. */
  readonly key: string;
}

/** What a {@linkcode TlsConfig} holds. */
export interface TlsConfigOptions {
  /**
   * The certificates. A client that asks for a name (SNI, RFC 6066 3) gets the
   * first one that is valid for it, and the first of all if none is.
   */
  readonly certificates: readonly CertificateAndKey[];
  /**
   * Certificates of authorities, in PEM. A client's certificate has to be issued
   * by one of them. By default clients are not asked for a certificate.
   */
  readonly clientCa?: string | undefined;
  /**
   * With `clientCa`, whether a client without a certificate is refused. A
   * certificate that is not valid is refused in both cases.
   * @default {"required"}
   */
  readonly clientCertificate?: "required" | "requested" | undefined;
  /**
   * The application protocols (ALPN, RFC 7301) that a client may ask for, the
   * best first. A client that asks only for others is refused.
   */
  readonly alpnProtocols?: readonly string[] | undefined;
}

/** A certificate that is ready for use. */
interface Entry {
  /** The names that it is valid for, in small letters. */
  readonly names: ReadonlySet<string>;
  readonly context: SecureContext;
}

/** Options that have been checked. */
interface Resolved {
  readonly entries: readonly [Entry, ...Entry[]];
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
  readonly ALPNProtocols: string[] | undefined;
}

/**
 * The TLS of a server, `serve({ tls })`: certificates, and who may connect. It
 * may serve several servers.
 *
 * A handshake may take 30 s. It takes 0.7 ms of CPU time more than with Deno's
 * own TLS (`cert` and `key` of `serve()`), and 1.7 ms more with an RSA key.
 *
 * @example A server that asks clients for a certificate
 * ```ts
 * import { serve } from "@recv-end/recv-end";
 * import { TlsConfig } from "@recv-end/recv-end/tls";
 *
 * /** Takes PEM texts. *\/
 * export function greet(cert: string, key: string, clientCa: string) {
 *   const tls = new TlsConfig({ certificates: [{ cert, key }], clientCa });
 *   return serve(
 *     { tls, end: "\n" },
 *     (_message, info) => `hello ${info.clientCertificate?.commonName}`,
 *   );
 * }
 * ```
 */
export class TlsConfig implements TlsLayer {
  #current: Resolved;

  /**
   * Checks certificates and keys.
   *
   * @throws {TypeError} If one is not valid.
   */
  constructor(options: TlsConfigOptions) {
    this.#current = resolve(options);
  }

  /**
   * Replaces everything, from the next connection on. Connections that are open
   * keep what they have.
   *
   * @throws {TypeError} If a certificate or a key is not valid: then what was
   * there before stays.
   */
  replace(options: TlsConfigOptions): void {
    this.#current = resolve(options);
  }

  /** @ignore For `serve()`. */
  over(socket: ServerSocket): ServerSocket {
    const { entries, ...options } = this.#current;
    return new TlsSocket(socket, (name) => choose(entries, name), options);
  }
}

/** The certificate for a name that a client asks for. */
function choose(entries: Resolved["entries"], name: string): SecureContext {
  const [first] = entries;
  if (entries.length === 1 || name === "") return first.context;
  const exact = name.toLowerCase();
  // A wildcard stands for one label (RFC 9525 6.3).
  const wildcard = exact.replace(/^[^.]+/, "*");
  const entry = entries.find(({ names }) =>
    names.has(exact) || names.has(wildcard)
  );
  return (entry ?? first).context;
}

function resolve(options: TlsConfigOptions): Resolved {
  const { certificates, clientCa, clientCertificate = "required" } = options;
  if (!["required", "requested"].includes(clientCertificate)) {
    throw new TypeError(
      `Cannot use ${clientCertificate} as clientCertificate: ` +
        `it must be "required" or "requested"`,
    );
  }
  if (clientCa !== undefined) checkAuthorities(clientCa);
  const [first, ...more] = certificates.map((each) => toEntry(each, clientCa));
  if (first === undefined) {
    throw new TypeError("Cannot speak TLS without a certificate");
  }
  return {
    entries: [first, ...more],
    requestCert: clientCa !== undefined,
    rejectUnauthorized: clientCertificate === "required",
    ALPNProtocols: checkProtocols(options.alpnProtocols),
  };
}

function checkProtocols(
  protocols: readonly string[] | undefined,
): string[] | undefined {
  for (const protocol of protocols ?? []) {
    const { length } = new TextEncoder().encode(protocol);
    if (length === 0 || length > 255) {
      throw new TypeError(
        `Cannot use a protocol name of ${length} bytes: it has 1 to 255`,
      );
    }
  }
  return protocols === undefined ? undefined : [...protocols];
}

const PEM_CERTIFICATE =
  /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g;

function checkAuthorities(pem: string): void {
  const blocks = pem.match(PEM_CERTIFICATE) ?? [];
  if (blocks.length === 0) {
    throw new TypeError("Cannot use clientCa: it has no certificate in PEM");
  }
  for (const block of blocks) {
    attempt(
      "Cannot use clientCa: a certificate in it is not valid",
      () => new X509Certificate(block),
    );
  }
}

function toEntry(
  { cert, key }: CertificateAndKey,
  clientCa: string | undefined,
): Entry {
  const certificate = attempt(
    "Cannot use the certificate: it is not in PEM, or not complete",
    () => new X509Certificate(cert),
  );
  const privateKey = attempt(
    "Cannot use the private key: it is not in PEM, not complete, or encrypted",
    () => createPrivateKey(key),
  );
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new TypeError(
      "Cannot use the certificate and the private key: " +
        "they do not belong together",
    );
  }
  const ca = clientCa === undefined ? {} : { ca: clientCa };
  const context = attempt(
    UNSUPPORTED,
    () => createSecureContext({ cert, key, ...ca }),
  );
  checkSupport(cert, key);
  return { names: namesOf(certificate), context };
}

function namesOf({ subjectAltName = "" }: X509Certificate): Set<string> {
  const names = subjectAltName.matchAll(/\bDNS:([^,\s]+)/g);
  return new Set(names.map(([, name = ""]) => name.toLowerCase()));
}

const UNSUPPORTED =
  "Cannot use the private key: its kind or its size is not supported";

/** @throws {TypeError} If the TLS library does not support the key. */
function checkSupport(cert: string, key: string): void {
  const server = createServer({ cert, key, handshakeTimeout: -1 });
  let error: Error | undefined;
  server.on("tlsClientError", (each) => error ??= each);
  const stream = new Duplex({ read() {}, write() {} });
  // What it cannot use, it reports before it waits for the handshake.
  server.emit("connection", stream);
  stream.destroy();
  if (error !== undefined) throw new TypeError(UNSUPPORTED);
}

/** @throws {TypeError} If `make` throws. */
function attempt<T>(complaint: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    throw new TypeError(complaint, { cause });
  }
}
