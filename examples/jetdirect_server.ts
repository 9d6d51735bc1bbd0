/**
 * A network printer (JetDirect, also called AppSocket or raw port 9100): all
 * bytes up to the end of file are a print job. It replies nothing. Each job
 * becomes a file in the directory for temporary files.
 *
 *     deno run -A server.ts examples/jetdirect_server.ts
 *     nc -N 127.0.0.1 9100 < README.md
 *
 * @module
 */
import { serve, type ServerModule } from "../mod.ts";

const server = {
  port: 9100,
  end: null,
  errorReply: () => null,
  async handler(message) {
    const path = await Deno.makeTempFile({ prefix: "job_" });
    await Deno.writeFile(path, message.bytes());
    console.log(`printed ${message.byteLength} bytes to ${path}`);
  },
} satisfies ServerModule;

export default server;
if (import.meta.main) serve(server, server.handler);
