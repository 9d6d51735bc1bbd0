/**
 * A line on a terminal that shows how far a long upload or reply is.
 *
 * @module
 */
import cliProgress from "cli-progress";
import { bytesOf, timeOf } from "./amounts.ts";
import type { SendEvent } from "./answer.ts";
import type { Watcher } from "./timeline.ts";

/** What takes no longer than this, in ms, shows nothing. */
const PATIENCE = 1000;

/** How often the line is drawn anew, in ms. */
const PERIOD = 200;

/** What is under way. */
interface Stage {
  readonly name: "connecting" | "sending" | "waiting" | "receiving";
  readonly since: number;
  /** How many bytes it is about, where that is known. */
  readonly size: number | undefined;
  byteLength: number;
}

/** Draws on standard error, if that is a terminal; else nothing. */
export class Progress implements Watcher {
  readonly #bar = new cliProgress.SingleBar({
    format: (options, { progress }, stage) =>
      toLine(stage as Stage, cliProgress.Format.BarFormat(progress, options)),
    barsize: 20,
    clearOnComplete: true,
    // A hidden cursor would need a handler of Ctrl-C to come back, and with one
    // the first Ctrl-C would end nothing.
    hideCursor: false,
    gracefulExit: false,
    // Nor are long lines cut by the terminal, which would have to be told to
    // break them again.
    linewrap: true,
  });
  #stage: Stage | undefined;
  #size: number | undefined;
  #isShown = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  begin(_to: string, size?: number): void {
    this.#enter("connecting");
    // Of what has no bytes nobody waits to see a part; nor has a pipe a size.
    this.#size = size || undefined;
    this.#timer = setInterval(() => this.#draw(), PERIOD);
  }

  event(event: SendEvent): void {
    const stage = this.#stage;
    if (stage === undefined) return;
    switch (event.type) {
      case "connected":
        return this.#enter("sending", this.#size);
      case "wrote":
        if (stage.name !== "sending") this.#enter("sending", this.#size);
        this.#stage!.byteLength += event.byteLength;
        return;
      case "sent":
        return this.#enter("waiting");
      case "read":
        if (stage.name !== "receiving") this.#enter("receiving");
        this.#stage!.byteLength += event.byteLength;
        return;
      case "end of file":
      case "closed":
        return this.#leave();
    }
  }

  end(): void {
    this.#leave();
    clearInterval(this.#timer);
  }

  makeRoom(): void {
    if (this.#isShown) this.#bar.stop();
    this.#isShown = false;
  }

  #enter(name: Stage["name"], size?: number): void {
    this.#leave();
    this.#stage = { name, since: performance.now(), size, byteLength: 0 };
  }

  #leave(): void {
    this.makeRoom();
    this.#stage = undefined;
  }

  #draw(): void {
    const stage = this.#stage;
    if (stage === undefined) return;
    if (performance.now() - stage.since < PATIENCE) return;
    const { byteLength, size = Infinity } = stage;
    // The marker behind the message is no part of its size.
    const value = Math.min(byteLength, size);
    if (this.#isShown) this.#bar.update(value, stage);
    else this.#bar.start(size, value, stage);
    this.#isShown = true;
  }
}

/** The line: no longer than 70 columns. */
function toLine(stage: Stage, bar: string): string {
  const { name, since, size, byteLength } = stage;
  const elapsed = performance.now() - since;
  if (name === "connecting") return `connecting  ${timeOf(elapsed)}`;
  if (name === "waiting") return `waiting for the reply  ${timeOf(elapsed)}`;
  const rate = `${bytesOf(byteLength * 1000 / elapsed)}/s`;
  if (size === undefined) return `${name}  ${bytesOf(byteLength)}  ${rate}`;
  const sent = Math.min(byteLength, size);
  const percent = Math.floor(100 * sent / size);
  return `${name}  [${bar}]  ${percent} %  ${bytesOf(sent)} of ` +
    `${bytesOf(size)}  ${rate}`;
}
