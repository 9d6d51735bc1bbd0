/**
 * Shows on a terminal how far a long upload or a long reply is.
 *
 * @module
 */
import cliProgress from "cli-progress";
import type { SendEvent } from "../client/events.ts";
import { bytesOf, timeOf } from "./amounts.ts";
import type { Watcher } from "./timeline.ts";

/** A stage that takes no longer than this is not shown. */
const SHOW_AFTER_MS = 1000;

/** Time from one drawing of the line to the next. */
const REDRAW_MS = 200;

/** A stage of a conversation. */
interface Stage {
  readonly name: "connecting" | "sending" | "waiting" | "receiving";
  readonly since: number;
  /** Number of bytes in the stage; undefined if unknown. */
  readonly total: number | undefined;
  /** Number of bytes sent or received so far. */
  byteLength: number;
}

/** Draws a line on standard error, if that is a terminal. */
export class Progress implements Watcher {
  readonly #bar = new cliProgress.SingleBar({
    format: (options, _params, stage) =>
      toLine(
        stage as Stage,
        // Not the progress of `_params`, which is as old as the last update.
        (progress) => cliProgress.Format.BarFormat(progress, options),
      ),
    barsize: 20,
    clearOnComplete: true,
    // To show the cursor again would need a handler of Ctrl-C, and with a
    // handler the first Ctrl-C would not end the script.
    hideCursor: false,
    gracefulExit: false,
    // To let the terminal cut long lines is a mode, which would have to be
    // ended in the same handler.
    linewrap: true,
  });
  #stage: Stage | undefined;
  /** Number of bytes in the message; undefined if unknown. */
  #messageBytes: number | undefined;
  #isShown = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  begin(_address: string, byteLength?: number): void {
    this.#enter("connecting");
    // An empty message has no percentage. Files of /proc say they are empty.
    this.#messageBytes = byteLength || undefined;
    this.#timer = setInterval(() => this.#draw(), REDRAW_MS);
  }

  event(event: SendEvent): void {
    const stage = this.#stage;
    if (stage === undefined) return;
    switch (event.type) {
      case "connected":
        return this.#enter("sending", this.#messageBytes);
      case "wrote":
        if (stage.name !== "sending") {
          this.#enter("sending", this.#messageBytes);
        }
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

  breakLine(): void {
    if (this.#isShown) this.#bar.stop();
    this.#isShown = false;
  }

  #enter(name: Stage["name"], total?: number): void {
    this.#leave();
    this.#stage = { name, since: performance.now(), total, byteLength: 0 };
  }

  #leave(): void {
    this.breakLine();
    this.#stage = undefined;
  }

  #draw(): void {
    const stage = this.#stage;
    if (stage === undefined) return;
    if (performance.now() - stage.since < SHOW_AFTER_MS) return;
    const { byteLength, total = Infinity } = stage;
    // The bytes that were sent include the marker; the total does not.
    const value = Math.min(byteLength, total);
    if (this.#isShown) this.#bar.update(value, stage);
    else this.#bar.start(total, value, stage);
    this.#isShown = true;
  }
}

/** Returns the line, of at most 70 columns. */
function toLine(stage: Stage, barOf: (progress: number) => string): string {
  const { name, since, total, byteLength } = stage;
  const elapsed = performance.now() - since;
  if (name === "connecting") return `connecting  ${timeOf(elapsed)}`;
  if (name === "waiting") return `waiting for the reply  ${timeOf(elapsed)}`;
  const rate = `${bytesOf(byteLength * 1000 / elapsed)}/s`;
  if (total === undefined) return `${name}  ${bytesOf(byteLength)}  ${rate}`;
  const sent = Math.min(byteLength, total);
  const percent = Math.floor(100 * sent / total);
  const amount = `${bytesOf(sent)} of ${bytesOf(total)}`;
  return `${name}  [${barOf(sent / total)}]  ${percent} %  ${amount}  ${rate}`;
}
