/**
 * Files of Unix sockets that a dead server left.
 *
 * @module
 */

/**
 * Removes the file of a Unix socket that a dead server left: it would keep the
 * next server from listening there. A socket that a server listens on is left
 * alone, and so is a file that is not a socket.
 *
 * @param path The path of the socket. It need not exist.
 *
 * @example Before a server starts
 * ```ts
 * import { removeStaleSocket } from "@recv-end/recv-end";
 *
 * await removeStaleSocket("/tmp/recv_end_no_such.sock");
 * ```
 */
export async function removeStaleSocket(path: string): Promise<void> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionRefused)) return;
    // A file that is not a socket refuses connections, too.
    if (Deno.lstatSync(path).isSocket) Deno.removeSync(path);
  }
}
