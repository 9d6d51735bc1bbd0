/**
 * Ports that tell whether new connections are welcome, and the time between
 * their notice and the shutdown.
 *
 * @module
 */
import { LONGEST_TIMER_MS } from "../framing/defaults.ts";
import type { Stoppable } from "./signals.ts";

/** A port that tells whether new connections are welcome. */
export interface StatusPort {
  /**
   * Opens the port, unless it was closed already.
   *
   * @param hostname Address to listen on.
   * @throws {Error} If the port cannot be opened; `cause` is the reason.
   */
  open(hostname: string): void;
  /** Tells from now on that the server will shut down. */
  announce(): void;
  /** Closes the port. May be called again. */
  close(): void;
}

/**
 * Returns the server with a shutdown that its ports announce first, so that a
 * load balancer has stopped sending by then, and no connection is reset in the
 * backlog.
 *
 * @param noticeMs Time from the announcement to the shutdown, in ms.
 */
export function withNotice(
  server: Stoppable,
  ports: readonly StatusPort[],
  noticeMs: number,
): Stoppable {
  if (ports.length === 0) return server;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const announce = () => {
    for (const port of ports) port.announce();
  };
  return {
    finished: server.finished.finally(() => {
      clearTimeout(timer);
      for (const port of ports) port.close();
    }),
    shutdown: () => {
      announce();
      timer ??= setTimeout(
        () => server.shutdown(),
        Math.min(noticeMs, LONGEST_TIMER_MS),
      );
    },
    abort: () => {
      announce();
      server.abort();
    },
  };
}
