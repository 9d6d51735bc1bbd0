// The conversation of server.ts with serve() alone: no log, and no callback.
import { serve } from "../../mod.ts";

serve({
  port: Number(Deno.args[0]),
  maxBytes: 1024 ** 3,
  maxBufferedBytes: 4 * 1024 ** 3,
  onListen: (addr) => {
    console.log(`started on ${(addr as Deno.NetAddr).port}`);
  },
});
