/**
 * Files of Unix sockets: removing only those that are one's own or dead.
 *
 * @module
 */

/** The file of the socket that a server listens on. */
export class SocketFile {
  readonly #path: string;
  readonly #id: string | undefined;
  #keptPath: string | undefined;

  /** @param path The path of a socket that was bound just now. */
  constructor(path: string) {
    this.#path = path;
    this.#id = idOf(path);
  }

  /** Whether the path still leads to the socket of this server. */
  get isOurs(): boolean {
    return this.#id !== undefined && idOf(this.#path) === this.#id;
  }

  /** Removes the file, if it is still ours. */
  remove(): void {
    if (this.isOurs) Deno.removeSync(this.#path);
  }

  /**
   * Call this before the listener is closed. Deno removes whatever is at the
   * path when it closes, which may be the socket of another server by then. A
   * hard link keeps that one. It takes the permission to write to the directory.
   */
  beforeClose(): void {
    if (!exists(this.#path) || this.isOurs) return;
    this.#keptPath = `${this.#path}.${crypto.randomUUID()}`;
    Deno.linkSync(this.#path, this.#keptPath);
  }

  /** Call this when no `accept()` is pending any more: only then Deno removes. */
  afterClose(): void {
    if (this.#keptPath === undefined) return;
    if (exists(this.#path)) Deno.removeSync(this.#keptPath);
    else Deno.renameSync(this.#keptPath, this.#path);
  }
}

/**
 * Removes the file of a Unix socket that was left by a crashed server. With that
 * file the next server cannot listen. A socket that a server listens on is left
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
  const id = idOf(path);
  if (id === undefined) return;
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionRefused)) return;
    // A file that is not a socket refuses connections, too. Another server may
    // have replaced the file since it was tried.
    if (idOf(path) === id) Deno.removeSync(path);
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** What tells one socket file from another; undefined if there is no socket. */
function idOf(path: string): string | undefined {
  try {
    const { isSocket, dev, ino, birthtime } = Deno.lstatSync(path);
    // An inode may be used again at once, when its file is gone.
    return isSocket ? `${dev} ${ino} ${birthtime?.getTime()}` : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
