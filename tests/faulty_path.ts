/**
 * Paths between a client and a server with one fault each, and checks of them.
 *
 * @module
 */
import { createConnection, createServer, type Socket } from "node:net";
import {
  type CheckOptions,
  checkPath,
  type PathReport,
} from "../check/check.ts";

/** What a path does with a client and its connection to the server. */
export type Join = (client: Socket, server: Socket) => void;

/** A path to a server on this port. */
export async function openPath(
  port: number,
  join: Join,
): Promise<AsyncDisposable & { port: number }> {
  const sockets = new Set<Socket>();
  const listener = createServer({ allowHalfOpen: true }, (client) => {
    const server = createConnection(
      { port, host: "127.0.0.1", allowHalfOpen: true },
    );
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on("error", () => {});
    }
    join(client, server);
  });
  await new Promise<void>((resolve) =>
    listener.listen(0, "127.0.0.1", resolve)
  );
  const address = listener.address() as { port: number };
  return {
    port: address.port,
    [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => listener.close(() => resolve()));
    },
  };
}

/** A port of 127.0.0.1 as an address. */
export function addressOfPort(port: number): CheckOptions["address"] {
  return { hostname: "127.0.0.1", port, tls: false, caCerts: [] };
}

/** Checks the path that begins at this port. The end marker is a line end. */
export async function checkPort(
  port: number,
  options: Partial<CheckOptions> = {},
): Promise<PathReport> {
  return await checkPath({
    address: addressOfPort(port),
    end: new TextEncoder().encode("\n"),
    timeout: 10_000,
    pause: 100,
    ...options,
  });
}

/** The findings in their order; where a reply was lost, how. */
export function findingsOf({ conversations }: PathReport): string[] {
  return conversations.map(({ finding, loss }) => loss ?? finding);
}

/** The findings of a path without a fault. */
export const ALL_KEPT: string[] = ["kept", "kept", "kept", "kept", "kept"];
