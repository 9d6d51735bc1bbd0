/**
 * How a client gets a connection: by TCP, with TLS or without, or by a Unix
 * socket.
 *
 * @module
 */

/** Where a server is. */
export interface Where {
  /** A host name or an address. */
  readonly hostname: string;
  /** Its port. */
  readonly port: number;
  /** The path of a Unix socket, instead. */
  readonly path?: string | undefined;
  /** Whether to speak TLS. */
  readonly tls: boolean;
  /** Certificate authorities to trust beside the known ones, in PEM. */
  readonly caCerts: readonly string[];
}

/** The same for people. */
export function nameOf({ hostname, port, path }: Where): string {
  if (path !== undefined) return path;
  return hostname.includes(":")
    ? `[${hostname}]:${port}`
    : `${hostname}:${port}`;
}

/** Connects. Throws what Deno throws; for TLS, after the handshake. */
export async function dial(
  { hostname, port, path, tls, caCerts }: Where,
  signal: AbortSignal,
): Promise<Deno.Conn> {
  if (path !== undefined) {
    // This connect knows of no signal, and is too quick to need one.
    const conn = await Deno.connect({ transport: "unix", path });
    return unlessAborted(conn, signal);
  }
  const conn = await Deno.connect({ hostname, port, signal });
  if (!tls) return conn;
  const secured = await Deno.startTls(conn, {
    hostname,
    caCerts: [...caCerts],
  });
  const close = () => secured.close();
  signal.addEventListener("abort", close);
  try {
    unlessAborted(secured, signal);
    await secured.handshake();
    return secured;
  } catch (error) {
    if (!signal.aborted) secured.close();
    throw error;
  } finally {
    signal.removeEventListener("abort", close);
  }
}

/** The connection; closed, if the signal came while it was made. */
function unlessAborted<Conn extends Deno.Conn>(
  conn: Conn,
  signal: AbortSignal,
): Conn {
  if (!signal.aborted) return conn;
  conn.close();
  throw signal.reason;
}
