// Paths with one fault each. Real programs are in paths_test.ts.

import { assertEquals, assertMatch } from "@std/assert";
import type { CheckOptions, PathReport } from "../check/check.ts";
import { verdictOf } from "../cli/check_text.ts";
import { serve } from "../mod.ts";
import {
  ALL_KEPT,
  checkPort,
  findingsOf,
  type Join,
  openPath,
} from "./faulty_path.ts";
import { needsNet } from "./options.ts";

/** How long a path waits for what it ends after a while, in ms. */
const WHILE_MS = 700;

interface FaultyPath {
  readonly join: Join;
  readonly options?: Partial<CheckOptions>;
  /** Its check mostly waits, so it is run at the same time as others. */
  readonly waits?: boolean;
  readonly expected: readonly string[];
}

const PATHS: Record<string, FaultyPath> = {
  "that passes everything on": {
    join(client, server) {
      client.pipe(server).pipe(client);
    },
    expected: ALL_KEPT,
  },
  "that takes a half-close for a close": {
    join(client, server) {
      client.pipe(server);
      server.pipe(client);
      client.on("end", () => client.end());
    },
    expected: ["kept", "half-close", "half-close", "half-close", "kept"],
  },
  "that resets at a half-close": {
    join(client, server) {
      client.pipe(server);
      server.pipe(client);
      client.on("end", () => client.resetAndDestroy());
    },
    expected: ["kept", "half-close", "half-close", "half-close", "kept"],
  },
  "with a time limit for half-closed connections": {
    join(client, server) {
      client.pipe(server);
      server.pipe(client);
      client.on("end", () => {
        const timer = setTimeout(() => client.destroy(), WHILE_MS);
        client.on("close", () => clearTimeout(timer));
      });
    },
    options: { pause: 2 * WHILE_MS },
    waits: true,
    expected: ["kept", "kept", "kept", "time limit", "kept"],
  },
  "that keeps the server's end of file back": {
    join(client, server) {
      client.pipe(server);
      server.pipe(client, { end: false });
    },
    options: { timeout: WHILE_MS }, // five conversations wait for it
    waits: true,
    // Without an end of file, no reply is complete, so none is large.
    expected: ["unknown", "end of file", "end of file", "unknown", "kept"],
  },
  "that resets after the reply": {
    join(client, server) {
      client.pipe(server);
      server.pipe(client, { end: false });
      server.on(
        "end",
        () => setTimeout(() => client.resetAndDestroy(), WHILE_MS / 2),
      );
    },
    waits: true,
    expected: ["unknown", "reset", "reset", "unknown", "kept"],
  },
  "that drops a reply in the middle of an upload": {
    join(client, server) {
      client.pipe(server);
      server.on("data", (data) => {
        if (data.toString() === "ERROR:too large!") client.resetAndDestroy();
        else client.write(data);
      });
      server.on("end", () => client.end());
    },
    expected: ["kept", "kept", "kept", "kept", "upload"],
  },
};

async function check({ join, options }: FaultyPath): Promise<PathReport> {
  const maxBytes = 16 * 1024 * 1024; // enough for what a reader reads slowly
  await using server = serve({ port: 0, end: "\n", maxBytes });
  await using path = await openPath(server.addr.port, join);
  return await checkPort(path.port, options);
}

function assertDetected(report: PathReport, { expected }: FaultyPath): void {
  assertEquals(findingsOf(report), expected);
  const isKept = expected === ALL_KEPT;
  assertEquals(report.finding, isKept ? "kept" : "lost");
  const verdict = isKept ? /keeps/ : /loses the last word: it /;
  assertMatch(verdictOf(report), verdict);
}

for (const [name, path] of Object.entries(PATHS)) {
  if (path.waits) continue;
  Deno.test(needsNet(`checkPath() detects a path ${name}`), async () => {
    assertDetected(await check(path), path);
  });
}

Deno.test(
  needsNet("checkPath() detects a path that loses one reply of several"),
  async () => {
    // A quick reply may overtake the half-close that makes a path drop it. Here
    // that is so but for the fourth conversation with an early half-close.
    let conversations = 0;
    const join: Join = (client, server) => {
      if (++conversations !== 5) return void client.pipe(server).pipe(client);
      client.pipe(server, { end: false });
      client.on("end", () => client.end());
    };
    const { conversations: [, before] } = await check({ join, expected: [] });
    assertEquals(before?.finding, "lost");
  },
);

Deno.test(needsNet("checkPath() detects paths that need time"), async (t) => {
  const paths = Object.entries(PATHS).filter(([, { waits }]) => waits);
  const reports = await Promise.all(paths.map(([, path]) => check(path)));
  for (const [i, [name, path]] of paths.entries()) {
    await t.step(`a path ${name}`, () => assertDetected(reports[i]!, path));
  }
});
