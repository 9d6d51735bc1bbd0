import { assert, assertEquals, assertMatch } from "@std/assert";
import { CLIENT_SCRIPT, DEMO_SCRIPT, helpText, SERVER_SCRIPT } from "./help.ts";

Deno.test.each([SERVER_SCRIPT, CLIENT_SCRIPT, DEMO_SCRIPT])(
  "helpText() describes each flag of $file in 80 columns",
  (script) => {
    const lines = helpText(script).split("\n");
    assertMatch(
      lines[2]!,
      /^Usage: deno run -A \w+\.ts \[OPTIONS\]( \[MODULE\])?$/,
    );
    assert(lines.every((line) => line.length <= 80 && !/\s$/.test(line)));
    const described = lines.flatMap((line) =>
      /^ {2}--([a-z-]+)/.exec(line)?.[1] ?? []
    );
    assertEquals(described, Object.keys(script.flags));
  },
);
