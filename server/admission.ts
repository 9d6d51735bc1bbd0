/**
 * Which connections are served, by the address of their client.
 *
 * @module
 */
import { Networks } from "./networks.ts";
import type { AnyServeOptions } from "./serve_options.ts";

/** The outcome of a connection whose client is not allowed. */
export const NOT_ALLOWED = "not allowed";

/** The outcome of a connection whose header is missing, or not valid. */
export const BAD_HEADER = "bad proxy header";

/** The networks of a server: the proxies that it believes, its clients. */
export class Admission {
  readonly #proxies: Networks | undefined;
  readonly #allowed: Networks | undefined;

  private constructor(
    proxies: Networks | undefined,
    allowed: Networks | undefined,
  ) {
    this.#proxies = proxies;
    this.#allowed = allowed;
  }

  /**
   * Returns what the options say; undefined if they exclude nobody.
   *
   * @throws {TypeError} If an option is not valid.
   */
  static of({ proxyFrom, allow, cert, key }: AnyServeOptions) {
    if (proxyFrom === undefined && allow === undefined) return undefined;
    if (proxyFrom !== undefined && (cert !== undefined || key !== undefined)) {
      throw new TypeError(
        "Cannot use proxyFrom with a cert: a header comes before TLS; use tls",
      );
    }
    return new Admission(
      proxyFrom && new Networks(proxyFrom, "proxyFrom"),
      allow && new Networks(allow, "allow"),
    );
  }

  /** Whether a connection from this address begins with a header. */
  isProxy(addr: Deno.Addr): boolean {
    return this.#proxies?.has(addr) ?? false;
  }

  /** Whether a client with this address is served. */
  isAllowed(addr: Deno.Addr): boolean {
    return this.#allowed?.has(addr) ?? true;
  }
}
