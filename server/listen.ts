/**
 * Where a server listens: a TCP port, with TLS or without, or a Unix socket.
 *
 * @module
 */
import { DEFAULT_HOSTNAME, DEFAULT_PORT } from "../framing/defaults.ts";
import type { ServeOptions } from "./options.ts";

/** What connections come from. */
export type AnyListener = Deno.Listener<Deno.Conn, Deno.Addr>;

/** Listens where the options say. Throws what Deno throws. */
export function listen(options: ServeOptions): AnyListener {
  const { path, cert, key, reusePort } = options;
  if (path !== undefined) {
    if (cert !== undefined || key !== undefined) {
      throw new TypeError("Cannot speak TLS on a Unix socket");
    }
    return Deno.listen({ transport: "unix", path });
  }
  const where = {
    hostname: options.hostname ?? DEFAULT_HOSTNAME,
    port: options.port ?? DEFAULT_PORT,
    ...(reusePort && { reusePort }),
  };
  if (cert === undefined && key === undefined) return Deno.listen(where);
  if (cert === undefined || key === undefined) {
    throw new TypeError("Cannot speak TLS: it takes both a cert and a key");
  }
  return Deno.listenTls({ ...where, cert, key });
}

/**
 * Removes the file of a Unix socket that a dead server has left: it would
 * keep the next one from listening. One that a living server listens on is
 * left alone, as is a file that is no socket.
 *
 * @param path The path of the socket. Nothing need be there.
 */
export async function removeDeadSocket(path: string): Promise<void> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionRefused)) return;
    // A file that is no socket refuses connections, too.
    if (Deno.lstatSync(path).isSocket) Deno.removeSync(path);
  }
}

/** Whether `accept()` failed only because the client was gone already. */
export function isGoneClient(error: unknown): boolean {
  return error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.ConnectionReset;
}
