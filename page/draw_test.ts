import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { needsRead } from "../tests/options.ts";
import { type Element, elementsOf } from "../tests/xml.ts";
import { documentOf } from "./document.js";
import { drawTrace } from "./draw.js";
import { RECORDED, recordingIn } from "./recording.ts";
import type { Trace } from "./trace.js";

/** Where a text is, in a font as wide as DejaVu Sans, which is a wide one. */
function boxOf({ attributes, text }: Element) {
  const { x = "0", y = "0", class: names = "" } = attributes;
  const isData = names === "data";
  const width = text.length * (isData ? 6.63 : 6.5);
  const anchor = attributes["text-anchor"] ?? "start";
  const left = Number(x) -
    (anchor === "end" ? width : anchor === "middle" ? width / 2 : 0);
  return {
    text,
    left,
    right: left + width,
    top: Number(y) - 9,
    bottom: Number(y) + 1,
  };
}

/** Pairs of texts that lie on each other, and texts that are not inside. */
function faultsOf(svg: string): string[] {
  const elements = elementsOf(svg);
  const [, , width, height] = elements[0]!.attributes.viewBox!.split(" ")
    .map(Number);
  const boxes = elements.filter(({ name }) => name === "text").map(boxOf);
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
  const svg = `<svg viewBox="0 0 100 100"><text x="10" y="20">one</text>` +
    `<text x="20" y="25">two</text><text x="90" y="90">three</text></svg>`;
  assertEquals(faultsOf(svg), [`"three" is not inside`, `"one" lies on "two"`]);
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
