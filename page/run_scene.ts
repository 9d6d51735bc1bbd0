/**
 * Runs the scenes of the page: real conversations over sockets of 127.0.0.1.
 *
 * @module
 */
import { connectOver } from "../client.ts";
import {
  hastyServer,
  naiveReader,
  sendChunks,
  sendUpload,
  writeThenRead,
} from "./peers.ts";
import type { PipeOptions } from "./pipe.ts";
import { DATA, MARKED, MARKER, SCENES, WRONG_MARKER } from "./scenes.js";
import { converse, type Setup, type Stage } from "./stage.ts";
import type { Trace } from "./trace.js";

/** No scene takes longer than this, in ms. */
const MAX_SCENE_MS = 10_000;

/** Thrown when there is no such scene, or no such choice in it. */
export class UnknownSceneError extends Error {
  override name = "UnknownSceneError";
}

/**
 * Runs a scene.
 *
 * @param id The scene.
 * @param choice One of its choices, or cuts: two positions in the message.
 * @returns The traces of its conversations: one, or two that are compared.
 * @throws {UnknownSceneError} If there is no such scene or choice.
 */
export async function runScene(id: string, choice: string): Promise<Trace[]> {
  const scene = SCENES.find((scene) => scene.id === id);
  if (scene === undefined) {
    throw new UnknownSceneError("There is no such scene");
  }
  const isKnown = scene.hasCuts
    ? cutsOf(choice) !== undefined
    : scene.choices.some((known) => known.id === choice);
  if (!isKnown) {
    throw new UnknownSceneError(`The scene ${id} has no such choice`);
  }
  const stop = new AbortController();
  const timer = setTimeout(
    () => stop.abort(new Error(`The scene took ${MAX_SCENE_MS} ms`)),
    MAX_SCENE_MS,
  );
  try {
    const setups = SETUPS[id]!(choice);
    return await Promise.all(
      setups.map((setup) => converse(setup, stop.signal)),
    );
  } finally {
    clearTimeout(timer);
  }
}

/** Two positions in the message, in order, or undefined. */
function cutsOf(choice: string): [number, number] | undefined {
  const [, first, second] = /^(\d{1,2}),(\d{1,2})$/.exec(choice) ?? [];
  const cuts = [Number(first), Number(second)].toSorted((a, b) => a - b);
  const isInside = cuts.every((cut) => cut >= 1 && cut < MARKED.length);
  return isInside ? cuts as [number, number] : undefined;
}

/** The settings of programs in docs/paths.md, as what they were seen to do. */
const PIPES: Record<string, PipeOptions> = {
  "nginx-off": { halfClose: "close" },
  "nginx-on": { halfClose: "pass" },
  "haproxy": { halfClose: "pass", closeAfterMs: 500 },
  "socat": { halfClose: "pass", closeAfterMs: 500 },
  "socat-10": { halfClose: "pass", closeAfterMs: 10_000 },
  "node": { halfClose: "close" },
  "deno": { halfClose: "pass" },
};

/** The conversations of each scene, by the choice. */
const SETUPS: Record<string, (choice: string) => Setup[]> = {
  "last-word": (choice) => [{
    title: "A message without the end marker",
    server: { idleTimeout: 1000 },
    client: choice === "close"
      ? sendAndClose
      : (stage) =>
        stage.send(DATA, { halfClose: choice as "before" | "after" }),
  }],

  "markers": (choice) => [{
    title: choice === "agree" ? "Markers that agree" : "Markers that differ",
    client: (stage) =>
      stage.send(DATA, { end: choice === "agree" ? MARKER : WRONG_MARKER }),
  }],

  "cuts": (choice) => {
    const [first, second] = cutsOf(choice)!;
    const chunks = [
      MARKED.slice(0, first),
      MARKED.slice(first, second),
      MARKED.slice(second),
    ].filter((chunk) => chunk !== "");
    const expected = DATA + DATA;
    const client = (stage: Stage) => sendChunks(stage, chunks);
    return [
      { title: "This project’s server", expected, client },
      { title: "A naive server", expected, client, naive: naiveReader },
    ];
  },

  "unread": (choice) => [{
    title: "Up to 1 MiB after the end of the message",
    ...(choice === "closes" && { naive: hastyServer }),
    client: (stage) =>
      writeThenRead(stage, { before: MARKED, byteLength: 1024 ** 2 }),
  }],

  "refused": (choice) => [{
    title: "512 KiB for a server that accepts 64 KiB",
    server: { maxBytes: 64 * 1024 },
    client: choice === "beside"
      ? (stage) => sendUpload(stage, { byteLength: 512 * 1024 })
      : (stage) =>
        writeThenRead(stage, { byteLength: 512 * 1024, after: MARKER }),
  }],

  "proxy": (choice) => beforeAndAfter({ pipe: PIPES[choice], replyMs: 700 }),

  "nat": (choice) =>
    beforeAndAfter({
      names: { path: "NAT" },
      pipe: { halfClose: "pass", forgetAfterMs: 500 },
      replyMs: Number(choice),
    }, 3000),

  "keep-alive": (choice) => [{
    title: choice === "count"
      ? "One connection for both messages"
      : "A connection for each message",
    pipe: { halfClose: "close" },
    replyMs: 100,
    ...(choice === "count"
      ? { server: { framing: "count", keepAlive: true }, client: askTwice }
      : { client: sendTwice }),
  }],
};

/**
 * Returns one conversation twice: with a half-close before the reply, and after.
 *
 * @param timeout The time limit of the client, in ms; 0 for none.
 */
function beforeAndAfter(
  setup: Pick<Setup, "names" | "pipe" | "replyMs">,
  timeout = 0,
): Setup[] {
  return (["before", "after"] as const).map((halfClose) => ({
    ...setup,
    title: `Half-close ${halfClose} the reply`,
    client: (stage) => stage.send(DATA, { end: MARKER, halfClose, timeout }),
  }));
}

async function sendAndClose(stage: Stage): Promise<void> {
  const conn = await stage.connect();
  await conn.write(new TextEncoder().encode(DATA + WRONG_MARKER));
  conn.close();
}

/** Sends two messages, each on a connection of its own, until one fails. */
async function sendTwice(stage: Stage): Promise<void> {
  for (const data of [DATA, "b1234"]) {
    if (!await stage.send(data, { end: MARKER })) {
      return stage.note("gives up, and sends no second message");
    }
  }
}

async function askTwice(stage: Stage): Promise<void> {
  const { port, signal, system } = stage;
  await using client = await connectOver(
    system,
    { port, signal, framing: "count" },
  );
  for (const data of [DATA, "b1234"]) {
    await stage.noteReply(client.request(data));
  }
}
