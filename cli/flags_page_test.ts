import { assertEquals } from "@std/assert";
import { needsRead } from "../tests/options.ts";
import { FLAGS_PAGE, withFlagTables } from "./flags_page.ts";

// After a flag has changed, write the tables anew:
// deno run --allow-read --allow-write cli/flags_page.ts
Deno.test(needsRead("withFlagTables() leaves docs/cli.md unchanged"), () => {
  const page = Deno.readTextFileSync(FLAGS_PAGE);
  assertEquals(page, withFlagTables(page));
});
