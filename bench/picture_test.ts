import { assert, assertEquals } from "@std/assert";
import { needsRead, needsRun } from "../tests/options.ts";
import { runProgram } from "../tests/programs.ts";
import { parseOptions } from "./options.ts";
import { draw, type Panel, type PictureContent } from "./picture.ts";
import {
  formatSize,
  idlePanel,
  idleTable,
  type Sample,
  sizePanel,
  sizeTable,
} from "./report.ts";
import { OURS, PEERS } from "./servers.ts";
import { type Element, elementsOf } from "../tests/xml.ts";

const SERVERS = [OURS, ...PEERS.map(({ name }) => name)];
const SIZES = [5, 1e5, 1e6, 16e6, 256 * 1024 ** 2];

/** Three rounds of all servers, with no number twice. */
function samples(size: number, servers = SERVERS): Sample[] {
  return [0, 1, 2].flatMap((round) =>
    servers.map((server, index) => ({
      ...{ server, size, inFlight: 1, round, messages: 10, seconds: 1 },
      ...{ serverSeconds: size / 1e9 * (1.3 + (index * 7 + round) % 5) },
      ...{ loadSeconds: 1, rate: 0, p50: 1, p99: 2, p999: 3 },
      ...{ delay999: 0, peakBytes: size },
      ...{ idleBytes: 5000 + 3333 * index + round },
    }))
  );
}

/** The texts of the panels: heading, note, then each server and its number. */
function textsIn(picture: string): string[] {
  const [_title, _relative, _work, ...panels] = elementsOf(picture)
    .filter(({ name }) => name === "text").map(({ text }) => text);
  return panels;
}

/** The texts of a panel, as {@linkcode textsIn} returns them. */
function textsOf({ heading, note, bars }: Panel): string[] {
  return [heading, note, ...bars.flatMap((bar) => [bar.server, bar.label])];
}

/** A picture whose panels have these numbers. */
function contentOf(
  panels: Record<string, number>[],
  memory?: number[],
): PictureContent {
  const bar = (server: string, value: number, digits: number) => ({
    server,
    value,
    label: Number.isNaN(value) ? "-" : value.toFixed(digits),
  });
  const sizes = panels.map((numbers, index) => {
    const bars = Object.entries(numbers)
      .map(([server, value]) => bar(server, value, 2));
    const note = `${OURS} 1,234,567 µs`;
    return { heading: formatSize(SIZES[index]!), note, bars };
  });
  const bars = memory?.map((value, index) => bar(SERVERS[index]!, value, 1));
  const heading = "kB per idle connection";
  const idle = bars && { heading, note: "19,000 connections", bars };
  return { sizes, idle, machine: "a machine" };
}

const NUMBERS = { [OURS]: 0.58, go: 1, node: 1.1, asyncio: 3.89, sockets: 2.1 };

const PICTURES: [string, PictureContent][] = [
  ["one size", contentOf([NUMBERS])],
  ["two sizes", contentOf([NUMBERS, { ...NUMBERS, asyncio: 6.26 }])],
  [
    "all sizes and memory",
    contentOf(SIZES.map(() => NUMBERS), [13.7, 7.7, 5.4, 5.3, 120.9]),
  ],
  ["bars of one length", contentOf([{ [OURS]: 1, go: 1.01 }], [1, 1])],
  ["one far ahead", contentOf([{ [OURS]: 0.01, go: 1, asyncio: 1234.56 }])],
  ["no number for one", contentOf([{ [OURS]: NaN, go: 1 }], [NaN, 0])],
  // The runtime may give back more memory than the connections take.
  ["less than nothing", contentOf([NUMBERS], [-1.2, 3.4])],
  ["markup in a name", contentOf([{ [OURS]: 1, '<a & "b">': 1 }])],
];

Deno.test("draw() shows the numbers of the tables", () => {
  const idle = samples(1);
  const tables = [
    ...SIZES.map((size) => ({
      heading: formatSize(size),
      rows: sizeTable(samples(size)),
    })),
    { heading: "kB per idle connection", rows: idleTable(idle, 9000) },
  ];
  const expected = tables.flatMap(({ heading, rows }, index) => {
    const [_what, _space, _headings, ...lines] = rows.split("\n");
    const cells = lines.map((line) => line.split(/ {2,}/));
    const isIdle = index === SIZES.length;
    const note = isIdle ? "9,000 connections" : `${OURS} ${cells[0]![1]} µs`;
    const column = isIdle ? 1 : 3;
    assertEquals(cells.map(([server]) => server), SERVERS);
    return [heading, note, ...cells.flatMap((row) => [row[0], row[column]])];
  });
  const picture = draw({
    sizes: SIZES.map((size) => sizePanel(samples(size))!),
    idle: idlePanel(idle, 9000),
    machine: "a machine",
  });
  assertEquals(textsIn(picture), expected);
});

Deno.test("sizePanel() and idlePanel() are undefined without numbers", () => {
  assertEquals(sizePanel([]), undefined);
  assertEquals(sizePanel(samples(5, [OURS])), undefined);
  assertEquals(idlePanel([], 9000), undefined);
});

for (const [name, content] of PICTURES) {
  const panels = [...content.sizes, ...(content.idle ? [content.idle] : [])];

  Deno.test(`draw() writes well-formed XML with all numbers: ${name}`, () => {
    const picture = draw(content);
    assertEquals(textsIn(picture), panels.flatMap(textsOf));
    const elements = elementsOf(picture);
    const [root, title, description] = elements;
    assertEquals(root?.name, "svg");
    assertEquals([title?.name, description?.name], ["title", "desc"]);
    for (const { server, label } of panels.flatMap(({ bars }) => bars)) {
      assert(description!.text.includes(`${server} ${label}`));
    }
    assert(!/script|href|@import|url\(/.test(picture));
  });

  Deno.test(`draw() has bars as long as their numbers: ${name}`, () => {
    const bars = elementsOf(draw(content)).filter(({ attributes }) =>
      ["ours", "peer"].includes(attributes.class ?? "")
    ).map(({ attributes }) => attributes);
    const lengthOfOne = (group: readonly Panel[]) => {
      const all = group.flatMap(({ bars }) => bars);
      const drawn = bars.splice(0, all.length);
      assertEquals(
        drawn.map((bar) => bar.class),
        all.map(({ server }) => server === OURS ? "ours" : "peer"),
      );
      const longest = Math.max(...all.map(({ value }) => length(value)));
      const widest = Math.max(...drawn.map(({ width }) => Number(width)));
      for (const [index, { value }] of all.entries()) {
        const exact = longest === 0 ? 0 : length(value) / longest * widest;
        const error = Math.abs(Number(drawn[index]!.width) - exact);
        assert(error < 0.2, `${value}: off by ${error}`);
      }
    };
    lengthOfOne(content.sizes);
    lengthOfOne(content.idle ? [content.idle] : []);
    assertEquals(bars, []);
  });

  Deno.test(`draw() leaves every text its space: ${name}`, () => {
    const elements = elementsOf(draw(content));
    const { width, height } = elements[0]!.attributes;
    assert(Number(width) <= 860);
    const texts = elements.filter(({ name }) => name === "text").map(box);
    const others = elements.filter(({ name, attributes }) =>
      name === "path" || name === "rect" && attributes.class !== "page"
    ).map(box);
    for (const [index, text] of texts.entries()) {
      assert(text.left >= 0 && text.right <= Number(width), text.what);
      assert(text.top >= 0 && text.bottom <= Number(height), text.what);
      for (const other of [...texts.slice(index + 1), ...others]) {
        const overlap = text.left < other.right && other.left < text.right &&
          text.top < other.bottom && other.top < text.bottom;
        assert(!overlap, `${text.what} overlaps ${other.what}`);
      }
    }
  });

  // The picture is a file of the repository, which `deno fmt --check` reads.
  Deno.test(
    needsRun(`draw() writes what deno fmt would: ${name}`),
    async () => {
      const picture = draw(content);
      const args = ["fmt", "--ext=svg", "-"];
      const formatted = await runProgram(Deno.execPath(), args, {
        stdin: picture,
      });
      assertEquals(formatted.stdout, picture);
    },
  );
}

/** The length of a bar for a number. */
function length(value: number): number {
  return value > 0 ? value : 0;
}

/** The box that an element covers at most: the width is that of bold digits. */
function box({ name, attributes, text }: Element) {
  const number = (key: string) => Number(attributes[key]);
  if (name === "path") {
    const [, x, top, bottom] = /^M (\S+) (\S+) V (\S+)$/.exec(attributes.d!)!;
    const [left, right] = [Number(x) - 0.5, Number(x) + 0.5];
    const what = "the line";
    return { what, left, right, top: Number(top), bottom: Number(bottom) };
  }
  const [x, y] = [number("x"), number("y")];
  if (name === "rect") {
    const [right, bottom] = [x + number("width"), y + number("height")];
    return { what: "a bar", left: x, right, top: y, bottom };
  }
  const size = number("font-size");
  assert(size >= 12, text);
  const width = text.length * size * 0.7;
  const left = attributes["text-anchor"] === "end" ? x - width : x;
  const [top, bottom] = [y - size * 0.75, y + size * 0.2];
  return { what: text, left, right: left + width, top, bottom };
}

const HERE = new URL("..", import.meta.url);

Deno.test(
  needsRead("docs/bench.svg has the numbers of docs/performance.md"),
  () => {
    const page = Deno.readTextFileSync(new URL("docs/performance.md", HERE));
    const rows = page.split("\n")
      .filter((line) => /^\| \d+ (B|kB|MB|MiB) /.test(line))
      .map((line) => line.split("|").map((cell) => cell.trim()));
    const sizes = Map.groupBy(rows, ([, size]) => size!);
    const memory =
      /Memory for each of (\S+) connections that[^:]+: ([^]+? kB)\.\n/
        .exec(page);
    assert(memory !== null, "docs/performance.md has no line on the memory");
    const [, count, kilobytes] = memory;
    const expected = [
      ...[...sizes].flatMap(([size, rows]) => [
        ...[size, `${OURS} ${rows[0]![3]} µs`],
        ...rows.flatMap(([, , server, , ratio]) => [server, ratio]),
      ]),
      ...["kB per idle connection", `${count} connections`],
      ...kilobytes!.split(/,\s/).flatMap((each) =>
        each.split(/\s/).slice(0, 2)
      ),
    ];
    const picture = Deno.readTextFileSync(new URL("docs/bench.svg", HERE));
    assertEquals(textsIn(picture), expected);
  },
);

Deno.test("parseOptions() isUsual: nothing less is measured", () => {
  const cases: [string[], boolean][] = [
    [[], true],
    [["--idle", "9000", "--json", "a.json", "--picture", "a.svg"], true],
    [["--idle", "0"], false],
    [["--quick"], false],
    [["--rounds", "1"], false],
    [["--sizes", "5"], false],
    [["--peers", "go"], false],
    [["--memory", "0"], false],
    [["--against", "."], false],
    [["--all-cores"], false],
    [["--clients"], false],
    [["--server-args=--parallel 2"], false],
  ];
  for (const [args, isUsual] of cases) {
    assertEquals(parseOptions(args)?.isUsual, isUsual, args.join(" "));
  }
});
