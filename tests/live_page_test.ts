/// <reference lib="dom" />

// The page in a real browser: what it shows, by mouse and keyboard, to eyes and
// to screen readers.

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Page } from "playwright-core";
import { servePage } from "../page/page_server.ts";
import { LEGEND } from "../page/legend.js";
import { RECORDED } from "../page/recording.ts";
import { SCENES } from "../page/scenes.js";
import { type OpenPage, TestBrowser } from "./browser.ts";
import { needsBrowser } from "./options.ts";

const RECORDING = new URL("index.html", RECORDED).href;

/** What becomes of the reply at first, and with the last choice. */
const SHOWN: Record<string, readonly [first: string, last: string]> = {
  "last-word": ["lost", "arrived"],
  "markers": ["arrived", "arrived"],
  "cuts": ["arrived wrong", "arrived arrived"],
  "unread": ["lost", "arrived"],
  "refused": ["arrived", "arrived"],
  "proxy": ["lost arrived", "arrived arrived"],
  "nat": ["lost arrived", "arrived arrived"],
  "keep-alive": ["lost", "arrived"],
};

/** What became of the replies of each scene, when all have run. */
async function outcomes(page: Page): Promise<Record<string, string>> {
  await page.waitForFunction((count) => {
    const scenes = [...document.querySelectorAll(".scene")];
    return scenes.length === count &&
      scenes.every((scene) =>
        !scene.hasAttribute("aria-busy") &&
        scene.querySelector(".verdict strong") !== null
      );
  }, SCENES.length);
  return await page.evaluate(() =>
    Object.fromEntries(
      [...document.querySelectorAll(".scene")].map((scene) => [
        scene.id,
        [...scene.querySelectorAll(".verdict")].map((verdict) =>
          verdict.className.replace("verdict ", "")
        ).join(" "),
      ]),
    )
  );
}

function shown(index: 0 | 1): Record<string, string> {
  return Object.fromEntries(
    Object.entries(SHOWN).map(([id, each]) => [id, each[index]]),
  );
}

/** What axe-core finds in the page as it is. */
async function accessibilityFaults(page: Page): Promise<string[]> {
  const { default: axe } = await import("axe-core");
  if (await page.evaluate(() => !("axe" in globalThis))) {
    await page.evaluate(axe.source);
  }
  return await page.evaluate(async () => {
    // deno-lint-ignore no-explicit-any
    const { violations } = await (globalThis as any).axe.run();
    // deno-lint-ignore no-explicit-any
    return violations.flatMap(({ id, nodes }: any) =>
      // deno-lint-ignore no-explicit-any
      nodes.map(({ html }: any) => `${id}: ${html}`)
    );
  });
}

/** How far the page can be scrolled to the side, in pixels. */
function sideways(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
}

function assertNoProblems({ problems }: OpenPage): void {
  assertEquals(problems, []);
}

Deno.test(
  needsBrowser("page: each scene runs, and shows what it claims", {
    timeout: 50_000,
  }),
  async () => {
    await using server = servePage(0);
    await using browser = await TestBrowser.start();
    const open = await browser.open(server.url);
    const { page } = open;
    assertEquals(await outcomes(page), shown(0));
    assertMatch(await page.innerText("#origin"), /^Live/);
    for (const { id, choices, hasCuts } of SCENES) {
      if (hasCuts) {
        for (const slider of await page.$$(`#${id} input`)) {
          await slider.fill("5");
        }
      } else {
        await page.check(`#${id} input[value="${choices.at(-1)!.id}"]`);
      }
    }
    assertEquals(await outcomes(page), shown(1));
    // The pictures and the lists are of the same trace.
    for (const scene of await page.$$("figure")) {
      const steps = await scene.$$("li");
      const times = await scene.$$("text.ms");
      assertEquals(times.length, steps.length);
    }
    assertNoProblems(open);
    assert(open.requests.every((url) => url.startsWith(server.url)));
  },
);

Deno.test(
  needsBrowser("page: works by keyboard alone", { timeout: 50_000 }),
  async () => {
    await using server = servePage(0);
    await using browser = await TestBrowser.start();
    const open = await browser.open(server.url);
    const { page } = open;
    await outcomes(page);
    const { keyboard } = page;
    await keyboard.press("Tab");
    await keyboard.press("ArrowDown");
    const chosen = () =>
      page.evaluate(() => (document.activeElement as HTMLInputElement).value);
    assertEquals(await chosen(), "before");
    assertEquals((await outcomes(page))["last-word"], "arrived");
    const command = await page.innerText("#last-word .command");
    assertMatch(command, /--scene last-word:before$/);
    // The button, and the list.
    await keyboard.press("Tab");
    await keyboard.press("Enter");
    assertEquals((await outcomes(page))["last-word"], "arrived");
    await keyboard.press("Tab");
    await keyboard.press("Enter");
    assertMatch(
      await page.innerText("#last-word li >> nth=0"),
      /^0\.0 ms: The client connects/,
    );
    // A cut is dragged with the arrow keys.
    const [first] = await page.$$("#cuts input");
    await first!.focus();
    for (let step = 0; step < 2; step++) await keyboard.press("ArrowLeft");
    await page.waitForFunction(() =>
      document.querySelector("#cuts .command")?.textContent
        ?.endsWith("cuts:5,12")
    );
    assertMatch(await page.innerText("#cuts .cuts"), /\[a1234\] \[SERVER \]/);
    assertEquals((await outcomes(page)).cuts, "arrived wrong");
    assertNoProblems(open);
  },
);

Deno.test(
  needsBrowser("page: axe-core finds nothing, and nothing is too wide", {
    timeout: 50_000,
  }),
  async (t) => {
    await using server = servePage(0);
    await using browser = await TestBrowser.start();
    const open = await browser.open(server.url);
    const { page } = open;
    await outcomes(page);
    // One list stands for all: they are made alike.
    await page.click("#last-word summary");
    for (const width of [1100, 320]) {
      for (const colorScheme of ["light", "dark"] as const) {
        await t.step(`${width} pixels, ${colorScheme}`, async () => {
          await page.setViewportSize({ width, height: 800 });
          await page.emulateMedia({ colorScheme });
          assertEquals(await accessibilityFaults(page), []);
          assert(await sideways(page) <= 0);
        });
      }
    }
    assertNoProblems(open);
  },
);

Deno.test(needsBrowser("page: the recording needs no server"), async () => {
  await using browser = await TestBrowser.start();
  const open = await browser.open(RECORDING);
  const { page } = open;
  assertMatch(await page.innerText("#origin"), /^A recording: .* on 2\d{3}-/);
  assertEquals(await outcomes(page), shown(0));
  for (const { id, choices } of SCENES) {
    await page.check(`#${id} input[value="${choices.at(-1)!.id}"]`);
  }
  assertEquals(await outcomes(page), shown(1));
  assertEquals(open.requests, [RECORDING]);
  assertNoProblems(open);
});

Deno.test(
  needsBrowser("page: time runs down, unless that is unwanted"),
  async () => {
    await using browser = await TestBrowser.start();
    for (const reducedMotion of ["reduce", "no-preference"] as const) {
      const { page } = await browser.open(RECORDING, {
        height: 800,
        reducedMotion,
      });
      const isMoving = reducedMotion === "no-preference";
      await page.waitForSelector(".trace");
      assertEquals((await page.$$(".curtain")).length > 0, isMoving);
      // In the end, all of the picture can be seen.
      await page.waitForSelector("#last-word .verdict strong");
      assertEquals((await page.$$("#last-word .curtain")).length, 0);
    }
  },
);

Deno.test(
  needsBrowser("page: a button shows all at once, also by keyboard"),
  async () => {
    await using browser = await TestBrowser.start();
    const open = await browser.open(RECORDING, {
      height: 800,
      reducedMotion: "no-preference",
    });
    const { page } = open;
    await page.waitForSelector("#last-word .curtain");
    // Without the button, this takes longer than the test.
    await page.evaluate(() => {
      for (const each of document.getAnimations()) each.playbackRate = 0.001;
    });
    const focused = () =>
      page.evaluate(() => document.activeElement?.textContent);
    for (let press = 0; press < 3; press++) await page.keyboard.press("Tab");
    assertEquals(await focused(), "Show all at once");
    assertEquals(await page.$("#last-word .verdict strong"), null);
    await page.keyboard.press("Enter");
    await page.waitForSelector("#last-word .verdict strong");
    assertEquals((await page.$$("#last-word .curtain")).length, 0);
    // What has the focus is still there.
    assertEquals(await focused(), "Play it again");
    assert(await page.isHidden("#last-word button >> text=Show all"));
    assertNoProblems(open);
  },
);

Deno.test(
  needsBrowser("page: commands are code, and no flag is broken in two"),
  async () => {
    await using browser = await TestBrowser.start();
    const open = await browser.open(RECORDING, { width: 320 });
    const { page } = open;
    await outcomes(page);
    assertEquals(await page.innerText("#origin code"), "deno task page");
    const flags = await page.$$eval(
      "code span",
      (parts) =>
        parts.filter((part) => part.textContent!.startsWith("-"))
          .map((part) => [part.textContent, part.getClientRects().length]),
    );
    assert(flags.length > SCENES.length);
    assertEquals(flags.filter(([, lines]) => lines !== 1), []);
    // Each asks for no more than it needs.
    assertEquals(/ -A\b/.test(await page.innerText("body")), false);
  },
);

Deno.test(needsBrowser("page: the legend is complete, and drawn"), async () => {
  await using browser = await TestBrowser.start();
  const { page } = await browser.open(RECORDING);
  const meanings = await page.$$eval(
    "#legend li",
    (items) =>
      items.map((item) => [
        item.lastElementChild?.textContent,
        item.querySelectorAll("svg > *").length > 0,
      ]),
  );
  assertEquals(
    meanings,
    LEGEND.flatMap(([, each]) => each.map(({ words }) => [words, true])),
  );
});

Deno.test(needsBrowser("page: says so when its server has gone"), async () => {
  const server = servePage(0);
  await using browser = await TestBrowser.start();
  const { page } = await browser.open(server.url, { height: 800 });
  await page.waitForSelector("#last-word .verdict strong");
  await server[Symbol.asyncDispose]();
  await page.click("#last-word button");
  await page.waitForSelector("#last-word .problem");
  assertMatch(await page.innerText("#last-word .problem"), /did not work/);
});
