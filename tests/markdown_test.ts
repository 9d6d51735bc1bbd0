import { assertEquals, assertThrows } from "@std/assert";
import {
  anchorsOf,
  blocksOf,
  commandNamesOf,
  linksOf,
  namesOf,
  rowsOf,
  sectionOf,
} from "./markdown.ts";

const FENCE = "```";

const TEXT = `# A title: with (words)

A [link](docs/a.md#part), an ![image](a.svg), a \`span\` and \`deno task ok\`.

${FENCE}sh
deno run -A missing.ts --data [a](b.md)
npx -y deno@2.9.6 task demo
${FENCE}

1. A list:

   ${FENCE}text
   indented
   ${FENCE}

## Part

| name         | text   |
| ------------ | ------ |
| \`one\` \`two\` | a \\| b |
| three        | c      |

## End
`;

Deno.test("blocksOf() returns blocks of code without their indent", () => {
  assertEquals(blocksOf(TEXT), [
    {
      info: "sh",
      lines: [
        "deno run -A missing.ts --data [a](b.md)",
        "npx -y deno@2.9.6 task demo",
      ],
    },
    { info: "text", lines: ["indented"] },
  ]);
});

Deno.test("linksOf() returns links outside of code", () => {
  assertEquals(linksOf(TEXT), ["docs/a.md#part", "a.svg"]);
});

Deno.test("anchorsOf() returns the anchors of headings", () => {
  assertEquals(anchorsOf(TEXT), ["a-title-with-words", "part", "end"]);
});

Deno.test("commandNamesOf() returns tasks and files of commands", () => {
  assertEquals(commandNamesOf(TEXT), {
    tasks: ["demo", "ok"],
    files: ["missing.ts"],
  });
});

Deno.test("rowsOf() returns the cells of a table", () => {
  assertEquals(rowsOf(TEXT, "name"), [["`one` `two`", "a \\| b"], [
    "three",
    "c",
  ]]);
  assertEquals(namesOf(TEXT, "name"), ["one", ""]);
  assertThrows(() => rowsOf(TEXT, "text"), Error, "no table of: text");
});

Deno.test("sectionOf() returns the text up to the next heading", () => {
  assertEquals(sectionOf(TEXT, "## End"), "");
  assertEquals(rowsOf(sectionOf(TEXT, "## Part"), "name").length, 2);
});
