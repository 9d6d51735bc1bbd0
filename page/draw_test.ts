import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { needsRead } from "../tests/options.ts";
import { type Element, elementsOf } from "../tests/xml.ts";
import { documentOf } from "./document.js";
import { drawTrace } from "./draw.js";
import { LEGEND } from "./legend.js";
import { RECORDED, recordingIn } from "./recording.ts";
import type { Trace } from "./trace.js";

/** Where a text is, in a font as wide as DejaVu Sans, which is a wide one. */
function boxOf({ attributes, text }: Element, isColumn: boolean) {
  const { x = "0", y = "0", class: names = "" } = attributes;
  const size = sizeOf(names, isColumn);
  const character = names === "data"
    ? 0.603
    : /name/.test(names)
    ? 0.62
    : 0.542;
  const width = text.length * size * character;
  const anchor = attributes["text-anchor"] ?? "start";
  const left = Number(x) -
    (anchor === "end" ? width : anchor === "middle" ? width / 2 : 0);
  return {
    text,
    left,
    right: left + width,
    top: Number(y) - 0.75 * size,
    bottom: Number(y) + 0.1 * size,
  };
}

/** The size of a font: as in picture_style.js. */
function sizeOf(names: string, isColumn: boolean): number {
  if (names === "data") return isColumn ? 11 : 12;
  if (/^(ms|unit|wait)/.test(names)) return 12;
  return isColumn ? 13 : 14;
}

/** The texts of a picture. */
function boxesOf(elements: readonly Element[]) {
  const isColumn = elements[0]!.attributes.class === "trace column";
  return elements.filter(({ name }) => name === "text")
    .map((element) => boxOf(element, isColumn));
}

/** The texts that a line passes through. */
function crossingsOf(svg: string): string[] {
  const elements = elementsOf(svg);
  const lines = elements.filter(({ attributes }) =>
    /^(flight|life) /.test(attributes.class ?? "")
  ).map(({ attributes }) => {
    const [x1 = 0, y1 = 0, ...end] = attributes.d!.match(/[\d.]+/g)!.map(
      Number,
    );
    const [x2 = 0, y2 = 0] = end.length === 1 ? [x1, ...end] : end;
    return { x1, y1, x2, y2 };
  });
  return boxesOf(elements).filter(({ left, right, top, bottom }) =>
    lines.some(({ x1, y1, x2, y2 }) => {
      const steps = Math.ceil(Math.hypot(x2 - x1, y2 - y1));
      return Array.from({ length: steps + 1 }, (_, step) => ({
        x: x1 + (x2 - x1) * step / steps,
        y: y1 + (y2 - y1) * step / steps,
      })).some(({ x, y }) => x > left && x < right && y > top && y < bottom);
    })
  ).map(({ text }) => text);
}

/** Pairs of texts that lie on each other, and texts that are not inside. */
function faultsOf(svg: string): string[] {
  const elements = elementsOf(svg);
  const [, , width, height] = elements[0]!.attributes.viewBox!.split(" ")
    .map(Number);
  const boxes = boxesOf(elements);
  const faults = boxes
    .filter(({ left, right, top, bottom }) =>
      left < 0 || right > width! || top < 0 || bottom > height!
    ).map(({ text }) => `"${text}" is not inside`);
  for (const [index, one] of boxes.entries()) {
    for (const other of boxes.slice(index + 1)) {
      const isApart = one.right <= other.left || other.right <= one.left ||
        one.bottom <= other.top || other.bottom <= one.top;
      if (!isApart) faults.push(`"${one.text}" lies on "${other.text}"`);
    }
  }
  return faults;
}

/** The traces of the recorded page: real ones, of each scene and choice. */
function recordedTraces(): [string, Trace][] {
  const page = Deno.readTextFileSync(new URL("index.html", RECORDED));
  return Object.entries(recordingIn(page).scenes)
    .flatMap(([name, traces]) =>
      traces.map((trace): [string, Trace] => [name, trace])
    );
}

const TRACE: Trace = {
  title: `<"&`,
  sides: ["client", "server"],
  events: [
    { ms: 0, at: "client", to: "server", link: 0, what: "connect" },
    {
      ...{ ms: 1, at: "client", to: "server", link: 0, what: "send" },
      ...{ byteLength: 3, text: `<&"\u0000\ud800\uffff` },
    },
  ],
};

Deno.test(
  needsRead("drawTrace() puts no text on another, and none outside"),
  () => {
    const traces = recordedTraces();
    assert(traces.length > 30);
    for (const [name, trace] of traces) {
      for (const isNarrow of [false, true]) {
        const faults = faultsOf(drawTrace(trace, { isNarrow }));
        assertEquals(faults, [], `${name}${isNarrow ? ", narrow" : ""}`);
      }
    }
  },
);

Deno.test("faultsOf() finds texts that overlap, and a text outside", () => {
  const svg = `<svg class="trace" viewBox="0 0 100 100">` +
    `<text x="10" y="20">one</text><text x="20" y="25">two</text>` +
    `<text x="90" y="90">three</text></svg>`;
  assertEquals(faultsOf(svg), [`"three" is not inside`, `"one" lies on "two"`]);
});

Deno.test(needsRead("drawTrace() lets no line pass through a text"), () => {
  for (const [name, trace] of recordedTraces()) {
    for (const isNarrow of [false, true]) {
      const crossed = crossingsOf(drawTrace(trace, { isNarrow }));
      assertEquals(crossed, [], `${name}${isNarrow ? ", narrow" : ""}`);
    }
  }
});

Deno.test("crossingsOf() finds a text that a line passes through", () => {
  const svg = `<svg class="trace" viewBox="0 0 100 100">` +
    `<path class="flight bytes" d="M0 0L60 60"/>` +
    `<path class="life open" d="M90 10V95"/><text x="30" y="40">one</text>` +
    `<text x="10" y="70">two</text><text x="80" y="50">three</text></svg>`;
  assertEquals(crossingsOf(svg), ["one", "three"]);
});

Deno.test("drawTrace() moves bytes off their line, if another one crosses them", () => {
  const client = { at: "client", to: "server", link: 0 } as const;
  const server = { at: "server", to: "client", link: 0 } as const;
  const bytes = { byteLength: 30, text: "ERROR:".repeat(5) };
  const dataOf = (readMs: number) =>
    elementsOf(drawTrace({
      ...TRACE,
      events: [
        { ...client, ms: 1, what: "send", ...bytes, text: "a" },
        { ...server, ms: 2, what: "send", ...bytes },
        { ...server, ms: readMs, what: "receive", ...bytes, text: "a" },
        { ...client, ms: 4, what: "receive", ...bytes },
      ].toSorted((a, b) => a.ms - b.ms) as Trace["events"],
    })).filter(({ attributes }) => attributes.class === "data")
      .map(({ attributes }) => Number(attributes.x) < 580);
  // Before the reply, the message has arrived; or it has not.
  assertEquals(dataOf(1.5), [true, true]);
  assertEquals(dataOf(3), [true, false]);
});

Deno.test(
  needsRead("drawTrace() puts bytes beside a proxy's lines, in full"),
  () => {
    const traces = recordedTraces().filter(([, { sides }]) =>
      sides.includes("path")
    );
    assert(traces.length > 10);
    for (const [name, trace] of traces) {
      const data = elementsOf(drawTrace(trace))
        .filter(({ attributes }) => attributes.class === "data");
      assert(data.length > 0, name);
      for (const { attributes, text } of data) {
        assert(Number(attributes.x) < 300 || Number(attributes.x) > 580, name);
        assert(!text.endsWith("…"), `${name}: ${text}`);
      }
    }
  },
);

Deno.test(needsRead("drawTrace() leaves space between the times"), () => {
  for (const [name, trace] of recordedTraces()) {
    for (const isNarrow of [false, true]) {
      const times = elementsOf(drawTrace(trace, { isNarrow }))
        .filter(({ attributes }) => /^ms/.test(attributes.class ?? ""));
      const rows = times.map(({ attributes, text }) =>
        Number(attributes.y) - (text === "″" ? 3 : 0)
      );
      assert(rows.every((y, row) => y - (rows[row - 1] ?? 0) >= 18), name);
      // A time is written once.
      const written = times.map(({ text }) => text);
      assert(
        written.every((time, row) => time !== written[row - 1] || time === "″"),
      );
    }
  }
});

/** What the marks of a picture look like, whoever made them. */
function marksOf(svg: string): string[] {
  return elementsOf(svg).map(({ attributes }) => attributes.class ?? "")
    .filter((names) => /^(life|flight|mark|cross|tip|ms same)\b/.test(names))
    .map((names) => names.replace(/ (client|server|path)$/, ""));
}

Deno.test(
  needsRead("LEGEND has each mark that a picture of the page has"),
  () => {
    const meanings = LEGEND.flatMap(([, meanings]) => meanings);
    const known = meanings.flatMap(({ drawing }) => marksOf(drawing));
    const used = recordedTraces().flatMap(([, trace]) =>
      marksOf(drawTrace(trace))
    );
    const missing = new Set(used).difference(new Set(known));
    assertEquals([...missing], []);
    for (const side of ["client", "server", "path"]) {
      assert(
        meanings.some(({ drawing }) => drawing.includes(` ${side}"`)),
        side,
      );
    }
  },
);

Deno.test("drawTrace() marks what a NAT has forgotten, and drops, as a loss", () => {
  const path = { at: "path", to: "server", link: 0, byteLength: 9 } as const;
  const elements = elementsOf(drawTrace({
    title: "",
    sides: ["client", "path", "server"],
    names: { path: "NAT" },
    events: [
      { ...path, ms: 0, what: "accept" },
      { ...path, ms: 1, what: "forget" },
      { ...path, ms: 2, at: "server", to: "path", what: "send" },
      { ...path, ms: 3, what: "receive" },
      { ...path, ms: 3, to: "client", what: "drop" },
    ],
  }));
  const ofClass = (end: string) =>
    elements.filter(({ attributes }) => attributes.class?.endsWith(end))
      .map(({ attributes, text }) => text || attributes.class);
  assertEquals(ofClass("lost"), [
    ...["flight bytes lost", "tip lost", "cross lost", "NAT drops 9 bytes"],
  ]);
  // No line of what it can still do, once it has forgotten.
  assertEquals(ofClass("path").slice(0, 3), [
    ...["life gone path", "life open path", "life gone path"],
  ]);
});

Deno.test(needsRead("drawTrace() lets no line run back in time"), () => {
  for (const [name, trace] of recordedTraces()) {
    const flights = elementsOf(drawTrace(trace)).filter(({ attributes }) =>
      attributes.class?.startsWith("flight ")
    );
    assert(flights.length > 0);
    for (const { attributes } of flights) {
      const [, from, to] = /^M\S+ (\S+)L\S+ (\S+)$/.exec(attributes.d!)!;
      assert(Number(to) >= Number(from), `${name}: ${attributes.d}`);
    }
  }
});

/** Where the marks of a picture are, from the top. */
function markHeights(elements: readonly Element[]): Set<number> {
  return new Set(elements.flatMap(({ attributes }) => {
    const { class: names = "", cy, d = "" } = attributes;
    if (/^mark/.test(names) && cy !== undefined) return [Number(cy)];
    // A cross is drawn from its upper left corner.
    return /^cross/.test(names) ? [Number(/ (\S+)l/.exec(d)![1]) + 5] : [];
  }));
}

/** A client that writes much; the server reads it in two parts. */
const UPLOAD: Trace = {
  ...TRACE,
  events: [
    { ms: 1, untilMs: 4, at: "client", to: "server", link: 0, what: "send" },
    { ms: 2, untilMs: 5, at: "server", to: "client", link: 0, what: "receive" },
    { ms: 6, at: "server", to: "client", link: 0, what: "message" },
    { ms: 7, at: "server", to: "client", link: 0, what: "receive" },
  ].map((event) => ({
    ...event,
    byteLength: event.ms === 1 ? 9000 : 4500,
  })) as Trace["events"],
};

Deno.test(
  needsRead("drawTrace() lets each line lead from mark to mark"),
  () => {
    for (
      const [name, trace] of [["upload", UPLOAD], ...recordedTraces()] as const
    ) {
      const elements = elementsOf(drawTrace(trace));
      const marks = markHeights(elements);
      for (const { attributes } of elements) {
        if (!attributes.class?.startsWith("flight ")) continue;
        const ends = /^M\S+ (\S+)L\S+ (\S+)$/.exec(attributes.d!)!.slice(1);
        const isMarked = ends.every((end) => marks.has(Number(end)));
        assert(isMarked, `${name}: ${attributes.d}`);
      }
    }
  },
);

Deno.test("drawTrace() escapes all text, and leaves out what XML cannot hold", () => {
  const texts = elementsOf(drawTrace(TRACE, { isFile: true }))
    .filter(({ name }) => name === "text" || name === "title")
    .map(({ text }) => text);
  assertEquals(texts[0], `<"&`);
  assert(texts.includes(`<&"\ufffd\ufffd\ufffd`), texts.join());
});

Deno.test("drawTrace() has a name for screen readers", () => {
  const [svg] = elementsOf(drawTrace(TRACE));
  assertEquals(svg?.attributes.role, "img");
  assertEquals(svg?.attributes["aria-label"], `<"&. The server sent no reply.`);
});

Deno.test("drawTrace() draws a cross for bytes that are never read", () => {
  const count = (trace: Trace) =>
    elementsOf(drawTrace(trace)).filter(({ attributes }) =>
      attributes.class === "cross lost"
    ).length;
  assertEquals(count(TRACE), 1);
  assertEquals(count({ ...TRACE, unseen: ["server"] }), 0);
});

Deno.test("drawTrace() names what was not observed", () => {
  const svg = drawTrace({ ...TRACE, unseen: ["server"] });
  assertStringIncludes(svg, "server (not observed)");
});

Deno.test("documentOf() holds both pictures and the list, and no script", () => {
  const page = documentOf(TRACE);
  assertEquals(page.match(/<svg /g)?.length, 2);
  assertStringIncludes(page, "<li>0.0 ms: The client connects");
  assert(!/<script|<"&/.test(page));
});
