/**
 * A server that converses, for a test that plays its client.
 *
 * @module
 */
import {
  type ConversationReport,
  type Converse,
  serve,
  type ServeOptions,
} from "../mod.ts";
import { connectTo, readAll, writeAll } from "./sockets.ts";

export const utf8 = (text: string) => new TextEncoder().encode(text);

/** Serves a function, talks to it as `client` does, and shuts down. */
export async function withServer(
  converse: Converse,
  client: (conn: Deno.TcpConn) => Promise<void>,
  options: ServeOptions = {},
): Promise<ConversationReport> {
  const reported = Promise.withResolvers<ConversationReport>();
  const server = serve({
    port: 0,
    end: "\n",
    onConversation: reported.resolve,
    onError: () => {},
    ...options,
    converse,
  });
  const conn = await connectTo(server.addr.port);
  try {
    await client(conn);
  } finally {
    try {
      conn.close();
    } catch {
      // The client has closed it.
    }
  }
  const report = await reported.promise;
  await server.shutdown();
  return report;
}

/** Sends text, half-closes, and reads all that the server says. */
export async function tell(conn: Deno.TcpConn, text: string): Promise<string> {
  await writeAll(conn, utf8(text));
  await conn.closeWrite();
  return new TextDecoder().decode(await readAll(conn));
}
