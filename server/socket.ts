/**
 * What the server needs of a socket, and of a listener: Deno's own have it, and
 * so have the adapters for what Deno's own cannot do.
 *
 * @module
 */

/** A certificate that a client has shown, and that the server has verified. */
export interface ClientCertificate {
  /**
   * The distinguished name, such as `O=Example,CN=Lab One`. As in RFC 4514, what
   * could end an attribute inside a value has a backslash before it.
   */
  readonly subject: string;
  /** The common name of the subject; undefined if it has none, or several. */
  readonly commonName: string | undefined;
  /** The distinguished name of the authority that issued the certificate. */
  readonly issuer: string;
  /** The serial number, in hexadecimal digits. */
  readonly serialNumber: string;
  /** The SHA-256 digest of the certificate, as `AB:CD:…`. */
  readonly fingerprint256: string;
  /** The end of the certificate's validity. */
  readonly validTo: Date;
  /** The certificate in DER, for everything else. */
  readonly raw: Uint8Array;
}

/** Who a client is. */
export interface ClientIdentity {
  /** The address of the client. */
  readonly remoteAddr: Deno.Addr;
  /** The certificate of the client, once the handshake has ended. */
  readonly clientCertificate?: ClientCertificate | undefined;
}

/**
 * A connected socket. Errors are those of `Deno.Conn`: `ConnectionReset`,
 * `BrokenPipe`; with TLS, `UnexpectedEof` after an end of TCP without
 * close_notify, and `InvalidData` if the client does not speak TLS.
 */
export interface ServerSocket extends ClientIdentity {
  /** Reads some bytes into the buffer, and resolves to their number, or null. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of the bytes, and resolves to their number. */
  write(bytes: Uint8Array): Promise<number>;
  /** Half-closes. */
  closeWrite(): Promise<void>;
  /** Closes. A pending read rejects. */
  close(): void;
  /** Resolves when the handshake has ended: with TLS alone. */
  handshake?(): Promise<unknown>;
  /** Has the kernel send each write at once: with TCP alone. */
  setNoDelay?(noDelay?: boolean): void;
  /** Has the kernel probe a silent peer: with TCP alone. */
  setKeepAlive?(keepAlive?: boolean): void;
}
