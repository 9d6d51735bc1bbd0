// What --check finds of paths that are made of real programs, next to what an
// ordinary Python client finds, and to what docs/paths.md says.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { KINDS } from "./paths/all.ts";
import {
  END,
  found,
  foundAll,
  type Measured,
  NAMES,
  Paths,
  PAUSE,
  settle,
  type Speed,
  TIMEOUT,
} from "./paths/measure.ts";
import { cellsOf, titleOf } from "./paths/page.ts";
import { missingPackages, type Name, type Path } from "./paths/path.ts";
import { nginxPaths } from "./paths/nginx.ts";
import { fileOf, killAll } from "./paths/running.ts";
import {
  foreignTest,
  freePort,
  type Outcome,
  runClient,
  runProgram,
  type TestBody,
} from "./testing.ts";

const TEST_TIMEOUT = 45_000;

/** Whether it may be found out what is installed. */
const MAY_LOOK = (["read", "env"] as const).every((name) =>
  Deno.permissions.querySync({ name }).state === "granted"
);

/** The conversations of the oracle: time is the point of two of them only. */
const SHARED: Record<Speed, readonly Name[]> = {
  quick: NAMES,
  slow: ["half-close after", "half-close before"],
};

/** What the check cannot tell of a path that loses all the same, and why. */
const UNTOLD: Record<string, readonly Name[]> = {
  ncat: [
    // The reply is whole, but only its server could say so.
    "half-close after",
    // No large reply comes at all that one read slowly could be held against.
    "slow reader",
  ],
};

/** What the oracle says of a conversation. */
interface Heard {
  received: number;
  expected: number;
  ending: string;
  kept: boolean;
}

type Oracle = Record<Speed, Map<Name, Heard>>;

for (const [kind, paths] of Object.entries(KINDS)) agreementTest(paths, kind);

const [losing, keeping] = nginxPaths;
assert(losing !== undefined && keeping !== undefined);

pathTest([losing, keeping], "client.ts --check: exit status", async (t) => {
  const [kept, lost, refused] = await settle([
    runCheck(keeping),
    runCheck(losing),
    runCheck(null),
  ]);

  await t.step("0: the path keeps the last word", () => {
    assertStringIncludes(kept.stdout, "this path keeps the last word");
    assertEquals(kept.stderr, "");
    assertEquals(kept.code, 0);
  });

  await t.step("1: the path loses it", () => {
    assertStringIncludes(lost.stdout, "this path loses the last word");
    assertEquals(lost.stderr, "");
    assertEquals(lost.code, 1);
  });

  await t.step("3: nobody listens", () => {
    assertStringIncludes(refused.stdout, "could not tell");
    assertEquals(refused.stderr, "");
    assertEquals(refused.code, 3);
  });
});

/** `client.ts --check` on a path to the slow server, or where nobody listens. */
async function runCheck(path: Path | null): Promise<Outcome> {
  await using paths = path === null ? null : await Paths.open(path);
  return await runClient([
    "--check",
    `--port=${paths?.port("slow") ?? freePort()}`,
    `--marker=${END}`,
    `--timeout=${TIMEOUT / 1000}`,
    `--pause=${PAUSE / 1000}`,
  ]);
}

/** One test for those that are installed, and one for each that is not. */
function agreementTest(paths: readonly Path[], kind: string): void {
  const name = (what: string) => `--check and a Python client: ${what}`;
  const isInstalled = (path: Path) => missingPackages(path).length === 0;
  const there = MAY_LOOK ? paths.filter(isInstalled) : paths;
  if (there.length > 0) {
    pathTest(there, name(kind), (t) => assertAgreement(there, t));
  }
  for (const path of paths) {
    if (there.includes(path)) continue;
    pathTest([path], name(titleOf(path)), (t) => assertAgreement([path], t));
  }
}

/** A test of paths; ignored where what they are made of is not installed. */
function pathTest(
  paths: readonly Path[],
  name: string,
  body: TestBody,
): void {
  const needs = MAY_LOOK
    ? paths.flatMap(missingPackages)
    : paths.flatMap(({ needs }) => needs.map(({ file }) => file));
  foreignTest(["python3", ...needs], name, async (t) => {
    // The runner lets go of a test that takes too long, and of what it started.
    const lastMoments = setTimeout(killAll, TEST_TIMEOUT - 5_000);
    try {
      await body(t);
    } finally {
      clearTimeout(lastMoments);
    }
  }, { timeout: TEST_TIMEOUT });
}

/** Most of the time is waited: so all at once, and the steps behind it. */
async function assertAgreement(
  paths: readonly Path[],
  t: Deno.TestContext,
): Promise<void> {
  const all = await settle(paths.map(measureBoth));
  for (const { measured, oracle } of all) {
    const title = titleOf(measured.path);
    await t.step(`they agree: ${title}`, () => {
      assertAgree(measured, oracle, "quick");
      assertAgree(measured, oracle, "slow");
    });
    await t.step(`the page says the same: ${title}`, async () => {
      assertEquals(
        cellsOf(measured),
        await rowOf(measured.path),
        `the check: ${JSON.stringify(measured)}`,
      );
    });
  }
}

/** What the check and the oracle say of a path. */
async function measureBoth(
  path: Path,
): Promise<{ measured: Measured; oracle: Oracle }> {
  await using paths = await Paths.open(path);
  const quick = await paths.check("quick");
  const [slow, oracle] = await settle([paths.check("slow"), ask(paths)]);
  return { measured: { path, quick, slow }, oracle };
}

async function ask(paths: Paths): Promise<Oracle> {
  const conversations = (["quick", "slow"] as const).flatMap((speed) =>
    SHARED[speed].map((name) => ({ speed, name }))
  );
  const { stdout, stderr } = await runProgram("python3", [
    fileOf("oracle.py"),
    ...[END, `${PAUSE / 1000}`, `${TIMEOUT / 1000}`],
    ...conversations.map(({ speed, name }) => `${name}:${paths.port(speed)}`),
  ]);
  assertEquals(stderr, "");
  const all: Heard[] = JSON.parse(stdout);
  assertEquals(all.length, conversations.length);
  const oracle: Oracle = { quick: new Map(), slow: new Map() };
  for (const [i, { speed, name }] of conversations.entries()) {
    oracle[speed].set(name, all[i]!);
  }
  return oracle;
}

function assertAgree(
  measured: Measured,
  oracle: Oracle,
  speed: Speed,
): void {
  const untold = UNTOLD[measured.path.id] ?? [];
  let isLost = false;
  for (const [name, heard] of oracle[speed]) {
    const finding = found(measured, speed, name);
    // It may have been kept in one of them, and lost in the other.
    if (finding === "by chance") continue;
    const [yes, no] = untold.includes(name)
      ? ["never", "unknown"]
      : ["kept", "lost"];
    assertEquals(
      finding,
      heard.kept ? yes : no,
      `${name}, ${speed} server: the oracle got ${JSON.stringify(heard)}, ` +
        `the check ${JSON.stringify(measured[speed])}`,
    );
    isLost ||= !heard.kept;
  }
  if (!isLost && foundAll(measured, speed) === "by chance") return;
  // The slow server has no oracle for all that may be lost.
  const isLostWhenQuick = speed === "slow" &&
    measured.quick.finding === "lost";
  assertEquals(
    measured[speed].finding,
    isLost || isLostWhenQuick ? "lost" : "kept",
  );
}

/** The cells of a path on the page, without its title. */
async function rowOf(path: Path): Promise<string[]> {
  const page = await Deno.readTextFile(
    new URL("docs/paths.md", import.meta.url),
  );
  const rows = page.split("\n").map((line) =>
    line.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, "").trim())
  );
  const row = rows.find(([title]) => title === titleOf(path));
  assert(row !== undefined, `docs/paths.md names ${titleOf(path)}`);
  return row.slice(1);
}
