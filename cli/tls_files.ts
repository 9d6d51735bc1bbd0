/**
 * TLS as a part of the script: its flags, and certificates that are replaced
 * when their files change.
 *
 * @module
 */
import type { AnyServeOptions } from "../server/serve_options.ts";
import type { TlsConfig, TlsConfigOptions } from "../server/tls.ts";
import type { Configuration } from "./configuration.ts";
import { UsageError } from "./flags.ts";
import type { Log } from "./log.ts";
import { readFileAt, type TextFile } from "./values.ts";

/** The flags about TLS. */
export interface TlsFlags {
  readonly cert?: readonly TextFile[];
  readonly key?: readonly TextFile[];
  readonly "client-ca"?: TextFile;
  readonly "client-cert"?: "required" | "requested";
  readonly "alpn"?: readonly string[];
  readonly "reload-cert"?: boolean;
  /** A proxy's header comes before TLS, which Deno's own TLS cannot. */
  readonly "proxy-from"?: readonly string[];
}

/** Between two looks at the files, in ms. */
const POLL_MS = 2000;

/** Whether the flags ask for what Deno's own TLS cannot do. */
function needsTlsConfig(flags: TlsFlags): boolean {
  return flags["client-ca"] !== undefined || flags.alpn !== undefined ||
    flags["reload-cert"] === true || flags["proxy-from"] !== undefined ||
    (flags.cert ?? []).length > 1;
}

/** What the flags say, for a `TlsConfig`. */
function toConfigOptions(flags: TlsFlags): TlsConfigOptions {
  const { cert = [], key = [] } = flags;
  return {
    certificates: cert.map(({ text }, index) => ({
      cert: text,
      key: key[index]!.text,
    })),
    clientCa: flags["client-ca"]?.text,
    clientCertificate: flags["client-cert"],
    alpnProtocols: flags.alpn,
  };
}

/**
 * The options of `serve()` that the flags about TLS set; undefined if there are
 * none of these flags.
 *
 * @throws {UsageError} If a certificate or a key is not valid.
 */
export async function tlsOptionsOf(
  flags: TlsFlags,
): Promise<Pick<AnyServeOptions, "cert" | "key" | "tls"> | undefined> {
  const { cert = [], key = [] } = flags;
  if (cert.length !== key.length) {
    throw new UsageError(
      "each --cert needs its --key, in the same order: " +
        `there are ${cert.length} and ${key.length}`,
    );
  }
  if (cert.length === 0) return undefined;
  if (!needsTlsConfig(flags)) {
    return { cert: cert[0]!.text, key: key[0]!.text };
  }
  const options = toConfigOptions(flags);
  // Nobody else loads `node:tls`.
  const { TlsConfig } = await import("../server/tls.ts");
  try {
    return { tls: new TlsConfig(options) };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Takes certificates that have been replaced. They are valid. */
export type ReplaceTls = (options: TlsConfigOptions) => void;

/** Returns how the certificates of a server in this thread are replaced. */
export function replaceTlsOf({ options }: Configuration): ReplaceTls {
  // Its own flags ask for this, so the server has the TLS that they made.
  return (tls) => (options.tls as TlsConfig | undefined)?.replace(tls);
}

/**
 * Reads the files of the certificates again at SIGHUP, and when they change. A
 * certificate or a key that is not valid is logged, and what was there stays.
 */
export class CertificateWatch implements Disposable {
  readonly #flags: TlsFlags;
  readonly #apply: ReplaceTls;
  readonly #log: Log;
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  /** What was applied or refused last. */
  #current: string;
  /** What the look before has seen, which may not be complete yet. */
  #seen: string;
  readonly #onHangUp = () => this.#reload(this.#read());

  /**
   * Starts to watch, if the flags ask for it.
   *
   * @param pollMs The time between two looks at the files, in ms.
   */
  constructor(flags: TlsFlags, apply: ReplaceTls, log: Log, pollMs = POLL_MS) {
    this.#flags = flags;
    this.#apply = apply;
    this.#log = log;
    this.#current = this.#seen = JSON.stringify(flags);
    if (flags.cert === undefined || !needsTlsConfig(flags)) return;
    Deno.addSignalListener("SIGHUP", this.#onHangUp);
    this.#timer = setInterval(() => this.#look(), pollMs);
  }

  [Symbol.dispose](): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    Deno.removeSignalListener("SIGHUP", this.#onHangUp);
  }

  /** The flags with what their files have now; an error if one has nothing. */
  #read(): TlsFlags | UsageError {
    const again = (name: string) => (file: TextFile) =>
      readFileAt(name, file.path);
    const { cert = [], key = [], "client-ca": ca, ...others } = this.#flags;
    try {
      return {
        ...others,
        cert: cert.map(again("cert")),
        key: key.map(again("key")),
        ...(ca !== undefined && { "client-ca": again("client-ca")(ca) }),
      };
    } catch (error) {
      return error as UsageError;
    }
  }

  #look(): void {
    const now = this.#read();
    const text = now instanceof UsageError ? now.message : JSON.stringify(now);
    const isStable = text === this.#seen;
    this.#seen = text;
    if (text === this.#current || !isStable) return;
    this.#current = text;
    this.#reload(now);
  }

  async #reload(flags: TlsFlags | UsageError): Promise<void> {
    try {
      if (flags instanceof UsageError) throw flags;
      await tlsOptionsOf(flags);
      this.#apply(toConfigOptions(flags));
      this.#current = this.#seen = JSON.stringify(flags);
      this.#log.note("certificates were read again");
    } catch (error) {
      const { message } = error as Error;
      this.#log.note(`certificates stay as they were: ${message}`);
    }
  }
}
