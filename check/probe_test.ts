import { assertEquals } from "@std/assert";
import { EndMarkerFraming } from "../framing/end_marker.ts";
import { endOfFileFraming } from "../framing/end_of_file.ts";
import { toMarkerSet } from "../framing/marker.ts";
import { needsNet } from "../tests/options.ts";
import { pause, readAll, serveOne, writeAll } from "../tests/sockets.ts";
import { probe, type ProbePlan } from "./probe.ts";

function planFor(port: number, plan: Partial<ProbePlan>): ProbePlan {
  return {
    address: { hostname: "127.0.0.1", port, tls: false, caCerts: [] },
    data: "a",
    messageFraming: new EndMarkerFraming(toMarkerSet(";")),
    halfClose: "before",
    replyFraming: endOfFileFraming,
    timeout: 10_000,
    pause: 0,
    ...plan,
  };
}

Deno.test(
  needsNet("probe() goes on while bytes come, however long"),
  async () => {
    const timeout = 2000;
    await using server = serveOne(async (conn) => {
      for (let ms = 0; ms < 1.5 * timeout; ms += 50) {
        await writeAll(conn, "b");
        await pause(50);
      }
    });
    const { ending, data } = await probe(planFor(server.port, { timeout }));
    assertEquals([ending, data.length], ["end of file", 60]);
  },
);

Deno.test(
  needsNet("probe() does not count the pause of a slow reader as silence"),
  async () => {
    await using server = serveOne(async (conn) => {
      await writeAll(conn, "bb");
    });
    const plan = planFor(server.port, { timeout: 1000, pause: 1500 });
    const { ending } = await probe(plan);
    assertEquals(ending, "end of file");
  },
);

Deno.test(needsNet("probe() pauses once, after the first chunk"), async () => {
  const pauseMs = 123;
  const { setTimeout: realTimeout } = globalThis;
  let pauses = 0;
  globalThis.setTimeout = ((callback: () => void, ms?: number) => {
    if (ms === pauseMs) pauses++;
    return realTimeout(callback, ms);
  }) as typeof setTimeout;
  try {
    await using server = serveOne(async (conn) => {
      // A close with unread bytes is a reset, which loses what is on its way.
      await readAll(conn);
      // More than one read takes: there are many chunks.
      await writeAll(conn, new Uint8Array(4 * 1024 * 1024));
    });
    const plan = planFor(server.port, { pause: pauseMs });
    const { data } = await probe(plan);
    assertEquals([data.length, pauses], [4 * 1024 * 1024, 1]);
  } finally {
    globalThis.setTimeout = realTimeout;
  }
});
