/**
 * A browser for tests of the page.
 *
 * @module
 */
import type { Browser, Page } from "playwright-core";
import { BROWSER } from "./options.ts";

/** What a page is opened with. */
export interface View {
  /** @default {1100} */
  width?: number;
  /** A tall page has all scenes in view, so that all run. @default {20000} */
  height?: number;
  colorScheme?: "light" | "dark";
  /** @default {"reduce"} */
  reducedMotion?: "reduce" | "no-preference";
}

/** A page in a browser, with what went wrong in it. */
export interface OpenPage {
  readonly page: Page;
  /** Errors of the console, and exceptions. */
  readonly problems: string[];
  /** The addresses that were requested. */
  readonly requests: string[];
}

/** A browser. Disposing of it closes it. */
export class TestBrowser implements AsyncDisposable {
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  /** Starts the browser. */
  static async start(): Promise<TestBrowser> {
    // It asks for permissions as soon as it is loaded.
    const { chromium } = await import("playwright-core");
    const { stdout } = await new Deno.Command("which", { args: [BROWSER] })
      .output();
    return new TestBrowser(
      await chromium.launch({
        executablePath: new TextDecoder().decode(stdout).trim(),
        // The sandbox does not work for root, as whom CI may run.
        args: Deno.uid() === 0 ? ["--no-sandbox"] : [],
      }),
    );
  }

  /** Opens an address. */
  async open(url: string, view: View = {}): Promise<OpenPage> {
    const { width = 1100, height = 20_000, colorScheme = "light" } = view;
    const { reducedMotion = "reduce" } = view;
    const page = await this.#browser.newPage({
      viewport: { width, height },
      colorScheme,
      reducedMotion,
    });
    const problems: string[] = [];
    const requests: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error") problems.push(message.text());
    });
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("request", (request) => requests.push(request.url()));
    await page.goto(url);
    return { page, problems, requests };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}
