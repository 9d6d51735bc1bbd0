// Lines answered with +PONG by serve(), with all of its limits.
import { serve } from "../../mod.ts";

serve({
  port: Number(Deno.args[0]),
  end: ["\r\n", "\n"],
  keepAlive: true,
  onListen: (addr) => {
    console.log(`started on ${(addr as Deno.NetAddr).port}`);
  },
}, () => "+PONG");
