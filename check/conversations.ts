/**
 * The conversations of a path check, and what each shows.
 *
 * @module
 */
import type { Address } from "../client/address.ts";
import { toReply } from "../client/reply.ts";
import { EndMarkerFraming } from "../framing/end_marker.ts";
import { endOfFileFraming } from "../framing/end_of_file.ts";
import type { Framing } from "../framing/framing.ts";
import { MarkerSet } from "../framing/marker_set.ts";
import {
  type Finding,
  isComplete,
  type Observation,
  observe,
  type Remark,
} from "./finding.ts";
import { obstacleOf } from "./obstacle.ts";
import { probe, type ProbePlan, type ProbeResult } from "./probe.ts";
import { Upload } from "./upload.ts";

/** The size of a small message. */
const SMALL_BYTES = 12;

/**
 * The sizes of the message whose reply is read slowly: the next one is tried
 * while the path is quick. A slow reader has to leave more unread than all
 * sockets on the path buffer, and on a quick path they buffer more.
 */
const LARGE_SIZES = [1, 4, 16].map((MiB) => MiB * 1024 ** 2);

/** A path is quick if a large message and its reply take less. */
const QUICK_MS = 500;

/** The size from which a reply can be read slowly. */
const MIN_SLOW_BYTES = 256 * 1024;

/**
 * How often a small conversation is run; the worst counts. A quick reply may
 * be faster on its way than the half-close that makes a path drop it.
 */
const REPETITIONS = 10;

/** A small conversation that takes longer is run once: the reply is slow. */
const SLOW_REPLY_MS = 100;

const NOTHING = new Uint8Array(0);

/** What all conversations of a check have in common. */
export interface ConversationOptions {
  /** The address to connect to. */
  readonly address: Address;
  /** The server's end marker. */
  readonly end: Uint8Array;
  /** The end marker of its replies; without one, the end of file ends them. */
  readonly replyEnd: Uint8Array | undefined;
  /** The longest time without a byte, in ms. */
  readonly timeout: number;
  /** How long the slow reader pauses, in ms. */
  readonly pause: number;
}

/**
 * Runs the conversations. Each method rejects with a `ConversationError` where
 * there is no connection.
 */
export class Conversations {
  readonly #options: ConversationOptions;
  readonly #messageFraming: Framing;
  readonly #replyFraming: Framing;
  /** The byte that messages are made of. */
  readonly #filler: number;

  /** Conversations with one server. */
  constructor(options: ConversationOptions) {
    const { end, replyEnd } = options;
    this.#options = options;
    this.#filler = byteOutside(end, replyEnd);
    this.#messageFraming = new EndMarkerFraming(new MarkerSet([end]));
    this.#replyFraming = replyEnd === undefined
      ? endOfFileFraming
      : new EndMarkerFraming(new MarkerSet([replyEnd]));
  }

  /** A small message that no path is in the way of: the others' measure. */
  async halfCloseAfter(): Promise<Observation> {
    const result = await this.#probe({ halfClose: "after" });
    const isKept = isComplete(result) && obstacleOf(result) === undefined;
    return { finding: isKept ? "kept" : "unknown", result };
  }

  /**
   * A small message, and the half-close before its reply.
   *
   * @param expected The reply without a half-close.
   */
  async halfCloseBefore(expected: Uint8Array): Promise<Observation> {
    return await worstOf(async () => {
      const result = await this.#probe({ halfClose: "before" });
      return observe(result, expected);
    });
  }

  /**
   * A message without an end marker: the half-close is all that ends it.
   *
   * @param before What the half-close before the reply has shown.
   */
  async noEndMarker(before: Finding): Promise<Observation> {
    // In place of the marker, other bytes of the same length.
    const data = this.#bytes(SMALL_BYTES + this.#options.end.length);
    const messageFraming = endOfFileFraming;
    return await worstOf(async () => {
      const result = await this.#probe({
        data,
        messageFraming,
        halfClose: "before",
      });
      // Some servers send no error replies, though other replies come through.
      const isMute = result.data.length === 0 && before === "kept";
      return isMute ? { finding: "unknown", result } : observe(result, NOTHING);
    });
  }

  /**
   * A large reply, read slowly after the half-close.
   *
   * @param control When to half-close to get the complete reply.
   */
  async slowReader(control: "before" | "after"): Promise<Observation> {
    const { size, complete } = await this.#largestReply(control);
    if (size === 0) {
      const remark = "no large reply";
      return { finding: "unknown", result: complete, remark };
    }
    const { pause } = this.#options;
    const slowly = { data: this.#bytes(size), pause };
    const observation = await unlessSilentOnce(async () => {
      const result = await this.#probe({ ...slowly, halfClose: "before" });
      return observe(result, complete.data);
    });
    if (observation.finding !== "lost" || control === "before") {
      return observation;
    }
    // The server, too, has a time limit for a client that does not read.
    const without = await this.#probe({ ...slowly, halfClose: "after" });
    const isSame = observe(without, complete.data).finding === "lost";
    return isSame
      ? {
        finding: "unknown",
        result: observation.result,
        remark: "lost either way",
      }
      : observation;
  }

  /** The largest message with a complete reply, and that reply; 0 if none. */
  async #largestReply(
    halfClose: "before" | "after",
  ): Promise<{ size: number; complete: ProbeResult }> {
    let size = 0;
    let complete: ProbeResult | undefined;
    for (const larger of LARGE_SIZES) {
      const data = this.#bytes(larger);
      const result = await this.#probe({ data, halfClose });
      complete ??= result;
      if (!isComplete(result) || result.data.length < MIN_SLOW_BYTES) break;
      size = larger;
      complete = result;
      if (result.durationMs > QUICK_MS) break;
    }
    return { size, complete: complete! };
  }

  /**
   * A message above the server's limit, refused while it is sent.
   *
   * @param noMarker What the message without an end marker has shown.
   */
  async earlyRefusal(noMarker: Finding): Promise<Observation> {
    const upload = new Upload(this.#bytes(64 * 1024));
    const result = await this.#probe({
      data: upload.stream,
      // No marker: a server that accepts the upload must not answer it.
      messageFraming: endOfFileFraming,
      halfClose: "before",
    });
    const { error } = toReply(result.data);
    if (error === "no end" || (upload.isComplete && error === null)) {
      return { finding: "unknown", result, remark: "not refused" };
    }
    // The refusal came through; how the upload ended makes no difference.
    if (result.data.length > 0) return { finding: "kept", result };
    // Some servers refuse without a reply; and on a slow path the server may
    // not have had anything to refuse yet.
    if (noMarker === "unknown" || result.ending === "silence") {
      return { finding: "unknown", result };
    }
    return { finding: "lost", loss: "upload", result };
  }

  #probe(
    plan: Pick<ProbePlan, "halfClose"> & Partial<ProbePlan>,
  ): Promise<ProbeResult> {
    const { address, timeout } = this.#options;
    return probe({
      address,
      data: this.#bytes(SMALL_BYTES),
      messageFraming: this.#messageFraming,
      replyFraming: this.#replyFraming,
      timeout,
      pause: 0,
      ...plan,
    });
  }

  #bytes(length: number): Uint8Array {
    return new Uint8Array(length).fill(this.#filler);
  }
}

/** The first observation that is not `kept`, or the last. */
async function worstOf(
  conversation: () => Promise<Observation>,
): Promise<Observation> {
  let remark: Remark | undefined;
  for (let repetition = 1;; repetition++) {
    const observation = await unlessSilentOnce(conversation);
    remark ??= observation.remark;
    const { finding, result } = observation;
    const isSlow = result.durationMs > SLOW_REPLY_MS;
    if (finding !== "kept" || isSlow || repetition === REPETITIONS) {
      return remark === undefined ? observation : { ...observation, remark };
    }
  }
}

/**
 * The observation of a conversation; of another one, where a reply was lost in
 * silence. The path, or the line, may only have been interrupted.
 */
async function unlessSilentOnce(
  conversation: () => Promise<Observation>,
): Promise<Observation> {
  const first = await conversation();
  const isSilent = first.finding === "lost" &&
    first.result.ending === "silence";
  if (!isSilent) return first;
  const second = await conversation();
  return second.finding === "lost"
    ? second
    : { remark: "silent at first", ...second };
}

/** A byte that makes none of these markers, however often it is repeated. */
function byteOutside(...markers: (Uint8Array | undefined)[]): number {
  const isHarmless = (byte: number) =>
    markers.every((marker) => marker?.some((other) => other !== byte) ?? true);
  // Two markers rule out two bytes at most.
  return [..."abc"].map((letter) => letter.charCodeAt(0)).find(isHarmless)!;
}
