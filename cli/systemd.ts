/**
 * What systemd tells a service, and what a service tells systemd: sockets that it
 * passes (sd_listen_fds), and notifications (sd_notify).
 *
 * @module
 */
import { UsageError } from "./flags.ts";
import type { Log } from "./log.ts";
import type { Stoppable } from "./signals.ts";

/** Returns the value of an environment variable; undefined without permission. */
export type ReadVariable = (name: string) => string | undefined;

/** Reads a variable of this process, without asking for the permission. */
export const readVariable: ReadVariable = (variable) => {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) : undefined;
};

/** The first descriptor that systemd passes. */
const FIRST_FD = 3;

/**
 * The descriptors of the sockets that systemd has passed to this process.
 *
 * @param name The name of the sockets (`FileDescriptorName=`); empty for all.
 * @param count The number of sockets that the server needs: one for each thread.
 * @throws {UsageError} If there are none, or not as many.
 */
export function passedSockets(
  name: string,
  count: number,
  read: ReadVariable = readVariable,
  pid: number = Deno.pid,
): number[] {
  const [forPid, fds] = [read("LISTEN_PID"), read("LISTEN_FDS")];
  if (forPid === undefined || fds === undefined) {
    throw new UsageError(
      "--systemd-socket needs a socket that systemd passes, and " +
        "--allow-env=LISTEN_PID,LISTEN_FDS,LISTEN_FDNAMES",
    );
  }
  if (forPid !== `${pid}` || !/^\d{1,4}$/.test(fds)) {
    throw new UsageError(
      `--systemd-socket: the socket is not for this process: ` +
        `LISTEN_PID is ${forPid}, LISTEN_FDS is ${fds}, and this is ${pid}`,
    );
  }
  const names = read("LISTEN_FDNAMES")?.split(":") ?? [];
  const found = Array.from({ length: Number(fds) }, (_, index) => index)
    .filter((index) => name === "" || names[index] === name);
  if (found.length !== count) {
    const which = name === "" ? "" : ` with the name ${name}`;
    throw new UsageError(
      `--systemd-socket needs one socket${which} for each of --parallel ` +
        `threads: there are ${found.length} sockets and ${count} threads`,
    );
  }
  return found.map((index) => FIRST_FD + index);
}

/**
 * Tells systemd the state of this process, if it wants to know: `READY=1`,
 * `STOPPING=1`, and `WATCHDOG=1` twice in each `WatchdogSec=`.
 */
export class Notifier {
  readonly #path: string;
  readonly #watchdogMs: number | undefined;
  readonly #log: Log;
  readonly #socket: Deno.DatagramConn;
  #timer: ReturnType<typeof setInterval> | undefined;
  #hasFailed = false;

  private constructor(
    path: string,
    watchdogMs: number | undefined,
    log: Log,
    socket: Deno.DatagramConn,
  ) {
    this.#path = path;
    this.#watchdogMs = watchdogMs;
    this.#log = log;
    this.#socket = socket;
  }

  /** Returns a notifier; undefined if systemd does not want to know. */
  static ifWanted(
    log: Log,
    read: ReadVariable = readVariable,
    pid: number = Deno.pid,
  ): Notifier | undefined {
    const path = read("NOTIFY_SOCKET");
    if (path === undefined || !/^[/@]/.test(path)) return undefined;
    const [usec, forPid] = [read("WATCHDOG_USEC"), read("WATCHDOG_PID")];
    const isForUs = forPid === undefined || forPid === `${pid}`;
    const watchdogMs = usec !== undefined && isForUs && Number(usec) > 0
      ? Number(usec) / 1000
      : undefined;
    // Without a path of its own, which it would have to remove.
    const options = { transport: "unixpacket" } as Deno.UnixListenOptions & {
      transport: "unixpacket";
    };
    return new Notifier(
      // A name without a file begins with a zero byte.
      path.replace(/^@/, "\0"),
      watchdogMs,
      log,
      Deno.listenDatagram(options),
    );
  }

  /** Returns the server, which tells that it stops. */
  watching(server: Stoppable): Stoppable {
    return {
      finished: server.finished.finally(() => this.#end()),
      shutdown: () => {
        this.#send("STOPPING=1");
        return server.shutdown();
      },
      abort: () => server.abort(),
    };
  }

  /** Tells that the server listens, and from now on that it lives. */
  ready(): void {
    this.#send("READY=1");
    if (this.#watchdogMs === undefined) return;
    this.#timer = setInterval(
      () => this.#send("WATCHDOG=1"),
      this.#watchdogMs / 2,
    );
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#socket.close();
  }

  async #send(state: string): Promise<void> {
    try {
      await this.#socket.send(new TextEncoder().encode(state), {
        transport: "unixpacket",
        path: this.#path,
      });
    } catch (error) {
      if (!this.#hasFailed) {
        const { message } = error as Error;
        this.#log.note(`systemd was not notified: ${message}`);
      }
      this.#hasFailed = true;
    }
  }
}
