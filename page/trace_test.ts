import { assert, assertEquals, assertMatch } from "@std/assert";
import { outcomeOf, storyOf, type TraceEvent, verdictOf } from "./trace.js";

type Part = Partial<TraceEvent>;

/** A trace of one connection between a client and a server. */
function traceOf(
  client: readonly Part[],
  server: readonly Part[] = [],
  more = {},
) {
  const complete = (at: "client" | "server") => (part: Part): TraceEvent => ({
    ...{ ms: 0, link: 0, what: "note" },
    ...{ at, to: at === "client" ? "server" : "client" },
    ...part,
  });
  const events = [
    ...client.map(complete("client")),
    ...server.map(complete("server")),
  ].toSorted((a, b) => a.ms - b.ms);
  return {
    title: "",
    sides: ["client" as const, "server" as const],
    events,
    ...more,
  };
}

const send = (ms: number, text: string): Part => ({
  ms,
  what: "send",
  text,
  byteLength: text.length,
});
const receive = (ms: number, text: string): Part => ({
  ...send(ms, text),
  what: "receive",
});

/** Flights of bytes, as "sent at → read at". */
function bytesOf(trace: ReturnType<typeof traceOf>): string[] {
  return storyOf(trace).flights.filter(({ kind }) => kind === "bytes")
    .map(({ sent, received, isLost }) =>
      `${sent?.ms} ${isLost ? "lost" : received?.ms}`
    );
}

Deno.test("storyOf() follows bytes by their position: a write read in parts", () => {
  const trace = traceOf([send(1, "abcdef")], [
    receive(2, "ab"),
    receive(3, "cdef"),
  ]);
  assertEquals(bytesOf(trace), ["1 2", "1 3"]);
});

Deno.test("storyOf() follows bytes by their position: writes read as one", () => {
  const trace = traceOf([send(1, "ab"), send(2, "cd")], [receive(3, "abcd")]);
  assertEquals(bytesOf(trace), ["1 3", "2 3"]);
});

Deno.test("storyOf() follows bytes in both directions, and on each link", () => {
  const trace = traceOf(
    [send(1, "a"), receive(4, "AA"), { ...send(5, "b"), link: 1 }],
    [receive(2, "a"), send(3, "AA"), { ...receive(6, "b"), link: 1 }],
  );
  assertEquals(bytesOf(trace).toSorted(), ["1 2", "3 4", "5 6"]);
});

Deno.test("storyOf() reports bytes for a closed socket, and infers a reset", () => {
  const trace = traceOf(
    [send(1, "a"), { ms: 2, what: "close" }],
    [receive(3, "a"), send(4, "no end"), {
      ms: 6,
      what: "send",
      byteLength: 0,
      error: "BrokenPipe",
    }],
  );
  const { steps, flights } = storyOf(trace);
  assertEquals(bytesOf(trace), ["1 3", "4 lost"]);
  const inferred = steps.filter(({ isInferred }) => isInferred);
  assertEquals(inferred.map(({ what, at, ms }) => [what, at, ms]), [
    ["unread", "client", 4],
    ["reset", "client", 4],
  ]);
  const reset = flights.find(({ kind }) => kind === "reset");
  assertEquals(reset?.received?.ms, 6);
  assertMatch(inferred[1]!.long, /inferred/);
});

Deno.test("storyOf() tells a question from a write that fails", () => {
  const error = "BrokenPipe";
  const wordsOf = (part: Part) =>
    storyOf(traceOf([], [{ what: "send", error, ...part }])).steps[0];
  const asked = wordsOf({ byteLength: 0 });
  assertEquals(asked?.short, "learns that the client is gone (BrokenPipe)");
  assertMatch(asked!.long, /a write of no bytes/);
  assertEquals(
    wordsOf({})?.short,
    "cannot write: the client is gone (BrokenPipe)",
  );
});

Deno.test("storyOf() infers a reset when a socket is closed with unread bytes", () => {
  const trace = traceOf(
    [send(1, "abcd"), { ms: 5, what: "send", error: "ConnectionReset" }],
    [receive(2, "ab"), { ms: 3, what: "close" }],
  );
  const { steps } = storyOf(trace);
  const [unread, reset] = steps.filter(({ isInferred }) => isInferred);
  assertEquals(unread?.short, "never reads 2 bytes");
  assertEquals([reset?.at, reset?.ms], ["server", 3]);
  assertMatch(reset!.long, /for a close with unread bytes/);
});

Deno.test("storyOf() infers no reset without a close", () => {
  const { steps } = storyOf(traceOf([], [send(1, "a")]));
  assertEquals(steps.map(({ what }) => what), ["send", "unread"]);
});

Deno.test("storyOf() infers no reset for a sender that has closed", () => {
  const { steps } = storyOf(traceOf(
    [{ ms: 3, what: "close" }],
    [send(1, "a"), { ms: 2, what: "close" }],
  ));
  assert(steps.every(({ what }) => what !== "reset"));
});

Deno.test("storyOf() leads from a half-close, or a close, to the end of file", () => {
  for (const what of ["half-close", "close"] as const) {
    const trace = traceOf([{ ms: 1, what }], [{ ms: 2, what: "end of file" }]);
    const [flight] = storyOf(trace).flights;
    assertEquals(flight?.kind, "end");
    assertEquals([flight?.sent?.ms, flight?.received?.ms], [1, 2]);
  }
});

Deno.test("storyOf() says what the server knows at the end of file", () => {
  const wordsAt = (server: Part[]) =>
    storyOf(traceOf([], [...server, { ms: 9, what: "end of file" }])).steps
      .find(({ ms }) => ms === 9)!;
  assertMatch(wordsAt([]).short, /no end marker/);
  assertMatch(wordsAt([]).long, /cannot know whether the client still listens/);
  const complete = wordsAt([{ ms: 1, what: "message", text: "a" }]);
  assertEquals(complete.short, "reads end of file: nothing more comes");
});

Deno.test("storyOf() says what a close means at that moment", () => {
  const close: Part = { ms: 2, what: "close" };
  const [deaf] = storyOf(traceOf([close])).steps;
  assertEquals(deaf?.short, "closes: no longer listening");
  const end: Part = { ms: 1, what: "end of file" };
  assertEquals(storyOf(traceOf([end, close])).steps[1]?.short, "closes");
});

Deno.test("storyOf() does not guess what an unseen side does", () => {
  const trace = traceOf(
    [send(1, "ab"), { ms: 2, what: "half-close" }, receive(3, "x"), {
      ms: 4,
      what: "end of file",
    }],
    [],
    { unseen: ["server"] },
  );
  const { steps, flights } = storyOf(trace);
  assert(steps.every(({ at, isInferred }) => at === "client" && !isInferred));
  assert(flights.every(({ isLost }) => !isLost));
  assertEquals(flights.map(({ kind, from }) => [kind, from]), [
    ["bytes", "client"],
    ["bytes", "server"],
    ["end", "client"],
    ["end", "server"],
  ]);
});

Deno.test.each([
  ["arrived", [receive(2, "ab")], [send(1, "ab")], {}],
  ["lost", [receive(2, "a")], [send(1, "ab")], {}],
  ["lost", [], [send(1, "ab")], {}],
  ["none", [], [], {}],
  ["wrong", [receive(2, "no")], [send(1, "no")], { expected: "yes" }],
  ["arrived", [receive(2, "yes")], [send(1, "yes")], { expected: "yes" }],
  ["lost", [], [send(1, "no")], { expected: "yes" }],
])("outcomeOf() reports a reply as %s", (kind, client, server, more) => {
  assertEquals(outcomeOf(traceOf(client, server, more)).kind, kind);
});

Deno.test("verdictOf() counts what the client has read", () => {
  const verdict = verdictOf(traceOf([receive(2, "a")], [send(1, "abc")]));
  assertEquals(
    verdict,
    "The server replied “abc”; the client read 1 of the 3 bytes.",
  );
});

Deno.test.each([
  [[receive(2, "a,")], [send(1, "a,")], "the client read it."],
  [[], [send(1, "a,")], "the client read nothing of it."],
])("verdictOf() keeps a reply apart from what became of it", (...parts) => {
  const [client, server, end] = parts;
  const verdict = verdictOf(traceOf(client, server));
  assertEquals(verdict, `The server replied “a,”; ${end}`);
});

const toClient = { at: "path", to: "client", link: 0 } as const;
const toServer = { at: "path", to: "server", link: 1 } as const;

/** The steps of a proxy that makes these calls, one after the other. */
function pathSteps(calls: readonly Part[], more = {}) {
  const sides = ["client", "path", "server"] as const;
  const events = calls.map((call, ms) => ({ ms, ...call })) as TraceEvent[];
  return storyOf({ title: "", sides: [...sides], events, ...more }).steps;
}

Deno.test("storyOf() says on which side a proxy closes", () => {
  const step = { ...toServer, what: "receive", byteLength: 1 } as const;
  const steps = pathSteps([
    { ...toClient, what: "close" },
    step,
    { ...toServer, what: "close" },
  ]);
  assertEquals(steps.map(({ short }) => short), [
    "closes towards the client",
    "reads 1 byte",
    "closes towards the server",
  ]);
});

Deno.test.each<[readonly Part[], string, string]>([
  [
    [{ ...toClient, what: "accept" }, { ...toServer, what: "connect" }],
    "accepts, and connects to the server",
    "connect",
  ],
  [
    [
      { ...toClient, what: "receive", byteLength: 2 },
      { ...toServer, what: "send", byteLength: 2 },
    ],
    "passes 2 bytes on",
    "send",
  ],
  [
    [
      { ...toClient, what: "end of file" },
      { ...toServer, what: "half-close" },
    ],
    "half-closes towards the server, too",
    "half-close",
  ],
  [
    [
      { ...toServer, what: "end of file" },
      { ...toClient, what: "half-close" },
      { ...toClient, what: "close" },
      { ...toServer, what: "close" },
    ],
    "passes the end of file on, and closes both connections",
    "close",
  ],
  [
    [
      { ...toClient, what: "end of file" },
      { ...toClient, what: "close" },
      { ...toServer, what: "close" },
    ],
    "reads end of file, and closes both connections",
    "close",
  ],
])("storyOf() tells what a proxy does in one go as one step", (...row) => {
  const [calls, short, what] = row;
  const steps = pathSteps(calls).filter(({ isInferred }) => !isInferred);
  assertEquals(steps.map((step) => step.short), [short]);
  assertEquals(steps[0]?.what, what);
  assertEquals(steps[0]?.events.length, calls.length);
});

Deno.test("storyOf() does not join what a proxy does at different times", () => {
  const between = { at: "client", to: "path", link: 0, what: "close" } as const;
  const calls = [
    { ...toClient, what: "accept" },
    between,
    { ...toServer, what: "connect" },
  ] as const;
  assertEquals(pathSteps(calls).length, 3);
  // Nor if it passes on fewer bytes than it has read.
  const parts = pathSteps([
    { ...toClient, what: "receive", byteLength: 2 },
    { ...toServer, what: "send", byteLength: 1 },
  ]);
  assertEquals(parts.filter(({ at }) => at === "path").length, 2);
});

Deno.test("storyOf() says that a NAT passes an end of file on, and sends none of its own", () => {
  const steps = pathSteps(
    [{ at: "client", to: "path", link: 0, what: "end of file" }],
    { names: { path: "NAT" } },
  );
  assertEquals(steps[0]?.short, "reads end of file: nothing more comes");
});
