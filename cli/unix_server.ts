/**
 * A server on a Unix socket as a part of the script: whether the file of its
 * socket is still its own when it has started.
 *
 * @module
 */
import { SocketFile } from "../server/socket_file.ts";

/**
 * After this time no server that started at the same moment replaces the file
 * any more: it has found the socket alive, or taken its place already.
 */
const SETTLE_MS = 100;

/** How long the file may be missing while another server puts it back. */
const RESTORE_MS = 20;

/** The file of the socket of a server that has just begun to listen. */
export class FreshSocketFile {
  readonly #file: SocketFile;

  /** Call this when the server listens on `path`. */
  constructor(path: string) {
    this.#file = new SocketFile(path);
  }

  /**
   * Two servers that find the socket of a dead one at the same time may both
   * remove the file and listen. Clients then reach only one of them.
   *
   * @param settleMs How long to wait before the file is looked at, in ms.
   * @returns Whether the file is still that of this server, after a moment.
   */
  async isSettled(settleMs: number = SETTLE_MS): Promise<boolean> {
    await pause(settleMs);
    if (this.#file.isOurs) return true;
    await pause(RESTORE_MS);
    return this.#file.isOurs;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
