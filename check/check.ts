/**
 * What a path does to a half-close: a few conversations with a server at its
 * other end.
 *
 * @module
 */
import { bytesOf } from "./amounts.ts";
import {
  ConversationError,
  type ReplyReader,
  replyToEndOfFile,
  replyToMarker,
  toReply,
} from "./answer.ts";
import { printable } from "./cli.ts";
import {
  type Finding,
  isWhole,
  type Loss,
  type Shown,
  toShown,
  whyUnfit,
} from "./finding.ts";
import type { Where } from "./dial.ts";
import { type Heard, type Plan, probe } from "./probe.ts";
import { type Checked, type PathReport, toVerdict } from "./verdict.ts";

export type { Checked, Finding, Loss, PathReport };

/** What to check, and how patiently. */
export interface CheckOptions {
  /** Where the path begins: the server itself, or what stands before it. */
  readonly where: Where;
  /** The server's end marker. */
  readonly end: Uint8Array;
  /** The end marker of its replies, if they have one. */
  readonly replyEnd?: Uint8Array | undefined;
  /** How long to wait without a byte, in ms. @default {10000} */
  readonly timeout?: number | undefined;
  /** How long the slow reader pauses, in ms. @default {3000} */
  readonly pause?: number | undefined;
  /** Called before each conversation. */
  readonly onStart?: (name: Checked["name"]) => void;
  /** Called behind each conversation. */
  readonly onChecked?: (checked: Checked) => void;
}

/** A small message has so many bytes. */
const SMALL = 12;

/**
 * The message whose reply is read slowly grows from the first of these to the
 * last, while the path is quick. A slow reader has to leave more unread than
 * all sockets on the path hold, and on a quick path they hold more.
 */
const LARGE = [1, 4, 16].map((MiB) => MiB * 1024 ** 2);

/** A path is quick if a large message and its reply take less, in ms. */
const QUICK = 500;

/** A reply must have so many bytes to be read slowly. */
const SLOWLY_READ = 256 * 1024;

/** A server has refused by then: its limit is 64 MiB, unless it has another. */
const UPLOAD = 72 * 1024 ** 2;

/** No upload lasts longer, in ms. */
const UPLOAD_TIME = 20_000;

/**
 * A small conversation is held so many times, and the worst counts: on its way
 * through a path, a quick reply may be faster than the half-close that cuts it.
 */
const TIMES = 10;

/** But only once, if it takes longer than this, in ms: such a reply is slow. */
const SLOW_REPLY = 100;

const NOTHING = new Uint8Array(0);

/** Holds the conversations, one after the other. Never rejects for a path. */
export async function checkPath(options: CheckOptions): Promise<PathReport> {
  return await new Check(options).run();
}

class Check {
  readonly #options: CheckOptions;
  readonly #timeout: number;
  readonly #pause: number;
  readonly #readReply: ReplyReader;
  /** What messages are made of. */
  readonly #filler: number;
  readonly #checked: Checked[] = [];

  constructor(options: CheckOptions) {
    const { end, replyEnd, timeout = 10_000, pause = 3000 } = options;
    this.#options = options;
    this.#timeout = timeout;
    this.#pause = pause;
    this.#filler = byteOutside(end, replyEnd);
    this.#readReply = replyEnd === undefined
      ? replyToEndOfFile
      : replyToMarker(replyEnd);
  }

  async run(): Promise<PathReport> {
    try {
      return await this.#run();
    } catch (error) {
      if (!(error instanceof ConversationError)) throw error;
      return toVerdict(this.#checked, error.message);
    }
  }

  async #run(): Promise<PathReport> {
    const after = await this.#hold("half-close after", () => this.#after());
    const { data: reply } = after.heard;
    const unfit = whyUnfit(after.heard);
    if (unfit !== undefined) return toVerdict(this.#checked, unfit);
    const before = await this.#hold(
      "half-close before",
      () => this.#before(reply),
    );
    const noMarker = await this.#hold(
      "no end marker",
      () => this.#noMarker(before.finding),
    );
    // Where no end of file comes before ours, waiting for one is no use.
    const control = after.finding === "kept" ? "after" : "before";
    await this.#hold("slow reader", () => this.#slowReader(control));
    await this.#hold(
      "early refusal",
      () => this.#earlyRefusal(noMarker.finding),
    );
    return toVerdict(this.#checked);
  }

  async #hold(
    name: Checked["name"],
    hold: () => Promise<Shown>,
  ): Promise<Shown> {
    this.#options.onStart?.(name);
    const shown = await hold();
    const { finding, loss, heard, remark } = shown;
    const checked: Checked = {
      name,
      finding,
      loss,
      sent: bytesOf(heard.sent),
      cameBack: said(heard.data),
      ending: remark ?? heard.ending,
      milliseconds: heard.milliseconds,
    };
    this.#checked.push(checked);
    this.#options.onChecked?.(checked);
    return shown;
  }

  /** A small message, when nothing is in the way: what the others should be. */
  async #after(): Promise<Shown> {
    const heard = await this.#probe({ halfClose: "after" });
    const isKept = isWhole(heard) && whyUnfit(heard) === undefined;
    return { finding: isKept ? "kept" : "unknown", heard };
  }

  async #before(expected: Uint8Array): Promise<Shown> {
    return await worstOf(async () => {
      const heard = await this.#probe({ halfClose: "before" });
      return toShown(heard, expected);
    });
  }

  async #noMarker(before: Finding): Promise<Shown> {
    const { end } = this.#options;
    // In place of the marker, something of the same length that is none.
    const wrong = this.#bytes(end.length);
    return await worstOf(async () => {
      const heard = await this.#probe({ halfClose: "before", end: wrong });
      // There are servers without last words, and only them to be heard.
      const isMute = heard.data.length === 0 && before === "kept";
      return isMute ? { finding: "unknown", heard } : toShown(heard, NOTHING);
    });
  }

  /** With the half-close before; `control` is how to get the whole reply. */
  async #slowReader(control: "before" | "after"): Promise<Shown> {
    let size = 0;
    let whole: Heard | undefined;
    for (const larger of LARGE) {
      const heard = await this.#probe({
        data: this.#bytes(larger),
        halfClose: control,
      });
      whole ??= heard;
      if (!isWhole(heard) || heard.data.length < SLOWLY_READ) break;
      size = larger;
      whole = heard;
      if (heard.milliseconds > QUICK) break;
    }
    if (size === 0) {
      return { finding: "unknown", heard: whole!, remark: "no large reply" };
    }
    const heard = await this.#probe({
      data: this.#bytes(size),
      halfClose: "before",
      pause: this.#pause,
    });
    const shown = toShown(heard, whole!.data);
    if (shown.finding !== "lost" || control === "before") return shown;
    // The server, too, has a limit for those who do not read.
    const without = await this.#probe({
      data: this.#bytes(size),
      halfClose: "after",
      pause: this.#pause,
    });
    const isSame = toShown(without, whole!.data).finding === "lost";
    return isSame
      ? { finding: "unknown", heard, remark: "cut in any case" }
      : shown;
  }

  async #earlyRefusal(noMarker: Finding): Promise<Shown> {
    const upload = new Upload(this.#bytes(64 * 1024));
    const heard = await this.#probe({
      data: upload.stream,
      end: this.#bytes(1), // a server that takes all of it is not to answer it
      halfClose: "before",
    });
    const { lastWord } = toReply(heard.data);
    if (lastWord === "no end" || (upload.isOver && lastWord === null)) {
      return { finding: "unknown", heard, remark: "not refused" };
    }
    // What was said came through; how the upload ended is not its affair.
    if (heard.data.length > 0) return { finding: "kept", heard };
    // There are servers that refuse without a word; and slow paths, on which
    // nothing was to be refused yet.
    if (noMarker === "unknown" || heard.ending === "silence") {
      return { finding: "unknown", heard };
    }
    return { finding: "lost", loss: "upload", heard };
  }

  #probe(plan: Pick<Plan, "halfClose"> & Partial<Plan>): Promise<Heard> {
    return probe({
      where: this.#options.where,
      data: this.#bytes(SMALL),
      end: this.#options.end,
      readReply: this.#readReply,
      timeout: this.#timeout,
      pause: 0,
      ...plan,
    });
  }

  #bytes(length: number): Uint8Array {
    return new Uint8Array(length).fill(this.#filler);
  }
}

/** The same piece again and again, until it was enough. */
class Upload {
  readonly stream: ReadableStream<Uint8Array>;
  /** Whether all of it was asked for. */
  isOver = false;

  constructor(piece: Uint8Array) {
    let given = 0;
    const begun = performance.now();
    this.stream = new ReadableStream({
      pull: (controller) => {
        const late = performance.now() - begun > UPLOAD_TIME;
        this.isOver = late || given >= UPLOAD;
        if (this.isOver) return controller.close();
        given += piece.length;
        controller.enqueue(piece);
      },
    }, { highWaterMark: 0 });
  }
}

/** The first that was not kept, or the last. */
async function worstOf(hold: () => Promise<Shown>): Promise<Shown> {
  for (let time = 1;; time++) {
    const shown = await hold();
    const { finding, heard } = shown;
    const isSlow = heard.milliseconds > SLOW_REPLY;
    if (finding !== "kept" || isSlow || time === TIMES) return shown;
  }
}

/** What came back, for people. */
function said(data: Uint8Array): string {
  const { lastWord } = toReply(data);
  if (lastWord !== null) return printable(`ERROR:${lastWord}!`);
  return data.length === 0 ? "nothing" : bytesOf(data.length);
}

/** A byte that makes no marker of these, however often it comes. */
function byteOutside(...markers: (Uint8Array | undefined)[]): number {
  const isHarmless = (byte: number) =>
    markers.every((marker) => marker?.some((other) => other !== byte) ?? true);
  // Two markers spoil two bytes at most.
  return [..."abc"].map((letter) => letter.charCodeAt(0)).find(isHarmless)!;
}
