// What `--check` finds about paths made of real programs, next to what an
// ordinary Python client finds, and to what docs/paths.md states.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { ConversationName } from "../check/check.ts";
import { PATHS } from "../paths/all.ts";
import {
  CONVERSATIONS,
  END,
  found,
  foundAll,
  type Measured,
  PathPair,
  PAUSE_MS,
  settle,
  type Speed,
  TIMEOUT_MS,
} from "../paths/measure.ts";
import { cellsOf, titleOf } from "../paths/page.ts";
import { missingPackages, type Path } from "../paths/path.ts";
import { nginxPaths } from "../paths/nginx.ts";
import { fileOf, killAll } from "../paths/running.ts";
import { needsPrograms, type TestOptions } from "./options.ts";
import { type Outcome, runProgram } from "./programs.ts";
import { pathOf, runClient } from "./scripts.ts";
import { refusingPort } from "./sockets.ts";

// The runner does not end what a test started: not after a timeout, either.
Deno.test.afterEach(killAll);

/** Whether this run may look for installed programs. */
const MAY_LOOK = (["read", "env"] as const).every((name) =>
  Deno.permissions.querySync({ name }).state === "granted"
);

/** The conversations of the Python client. The slow ones need only two. */
const SHARED: Record<Speed, readonly ConversationName[]> = {
  quick: CONVERSATIONS,
  slow: ["half-close after", "half-close before"],
};

/** What the check cannot find out about a path that loses replies, and why. */
const UNKNOWN: Record<string, readonly ConversationName[]> = {
  ncat: [
    // The reply is complete, but only its server could know that.
    "half-close after",
    // No large reply comes that one read slowly could be compared with.
    "slow reader",
  ],
};

/** A conversation of the Python client, which oracle.py prints. */
interface Heard {
  received: number;
  expected: number;
  ending: string;
  kept: boolean;
}

type Oracle = Record<Speed, Map<ConversationName, Heard>>;

/** Options of a test of these paths. */
function needsPaths(paths: readonly Path[], name: string): TestOptions {
  const needs = MAY_LOOK
    ? paths.flatMap(missingPackages)
    : paths.flatMap(({ needs }) => needs.map(({ file }) => file));
  return needsPrograms(["python3", ...new Set(needs)], name, {
    timeout: 45_000,
  });
}

// One after another: the large replies of many paths at once keep this process
// so busy that it half-closes late, and a reply is there before a path ends.
for (const path of PATHS) {
  const name = `--check and a Python client agree: ${titleOf(path)}`;
  Deno.test(needsPaths([path], name), (t) => assertAgreement(path, t));
}

const [losing, keeping] = nginxPaths;
assert(losing !== undefined && keeping !== undefined);

Deno.test(
  needsPaths([losing, keeping], "client.ts --check exits 0, 1 and 3"),
  async (t) => {
    using refusing = await refusingPort();
    const [kept, lost, refused] = await settle([
      checkThrough(keeping),
      checkThrough(losing),
      runCheck(refusing.port),
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
    await t.step("3: connections are refused", () => {
      assertStringIncludes(refused.stdout, "could not tell");
      assertEquals(refused.stderr, "");
      assertEquals(refused.code, 3);
    });
  },
);

/** `client.ts --check` through a path to the slow server. */
async function checkThrough(path: Path): Promise<Outcome> {
  await using pair = await PathPair.open(path);
  return await runCheck(pair.port("slow"));
}

async function runCheck(port: number): Promise<Outcome> {
  return await runClient([
    "--check",
    `--port=${port}`,
    `--marker=${END}`,
    `--timeout=${TIMEOUT_MS / 1000}`,
    `--pause=${PAUSE_MS / 1000}`,
  ]);
}

/** Measures a path, and then compares. */
async function assertAgreement(path: Path, t: Deno.TestContext): Promise<void> {
  const { measured, oracle } = await measureBoth(path);
  await t.step("the check and the client", () => {
    assertAgree(measured, oracle, "quick");
    assertAgree(measured, oracle, "slow");
  });
  await t.step("the check and the page", async () => {
    const isKnown = (_cell: string, index: number) =>
      index !== cellIndex("no end marker") || !isMuteByChance(measured);
    assertEquals(
      cellsOf(measured).filter(isKnown),
      (await rowOf(path)).filter(isKnown),
      `the check: ${JSON.stringify(measured)}`,
    );
  });
}

/** The findings of the check and of the Python client. */
async function measureBoth(
  path: Path,
): Promise<{ measured: Measured; oracle: Oracle }> {
  await using pair = await PathPair.open(path);
  const quick = await pair.check("quick");
  const [slow, oracle] = await settle([pair.check("slow"), askOracle(pair)]);
  return { measured: { path, quick, slow }, oracle };
}

async function askOracle(pair: PathPair): Promise<Oracle> {
  const conversations = (["quick", "slow"] as const).flatMap((speed) =>
    SHARED[speed].map((name) => ({ speed, name }))
  );
  const { stdout, stderr } = await runProgram("python3", [
    fileOf("oracle.py"),
    ...[END, `${PAUSE_MS / 1000}`, `${TIMEOUT_MS / 1000}`],
    ...conversations.map(({ speed, name }) => `${name}:${pair.port(speed)}`),
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

/**
 * Whether the quick server seems to send no error replies, because all other
 * replies happened to come through: the check then does not know more.
 */
function isMuteByChance(measured: Measured): boolean {
  const { path, quick } = measured;
  if (!path.chance?.quick?.includes("half-close before")) return false;
  const before = quick.conversations.find(({ name }) =>
    name === "half-close before"
  );
  return before?.finding === "kept" &&
    found(measured, "quick", "no end marker") === "unknown";
}

/** Where the cell of a conversation is in a row, after the two of all. */
function cellIndex(name: ConversationName): number {
  return 2 + CONVERSATIONS.indexOf(name);
}

function assertAgree(
  measured: Measured,
  oracle: Oracle,
  speed: Speed,
): void {
  const unknown = UNKNOWN[measured.path.id] ?? [];
  let isLost = false;
  for (const [name, heard] of oracle[speed]) {
    const finding = found(measured, speed, name);
    // It may be kept once, and lost another time.
    if (finding === "by chance") continue;
    const mayBeMute = speed === "quick" && name === "no end marker";
    if (mayBeMute && isMuteByChance(measured)) continue;
    const [yes, no] = unknown.includes(name)
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
  const page = await Deno.readTextFile(pathOf("docs/paths.md"));
  const rows = page.split("\n").map((line) =>
    line.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, "").trim())
  );
  const row = rows.find(([title]) => title === titleOf(path));
  assert(row !== undefined, `docs/paths.md names ${titleOf(path)}`);
  return row.slice(1);
}
