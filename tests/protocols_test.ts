// The examples that speak a protocol, with real programs.
//
// The programs that were run, and their versions, are in docs/protocols.md:
// `deno task test tests/protocols_test.ts -- --update` writes its table.

import { assertEquals } from "@std/assert";
import { needsPrograms, needsRead, type TestOptions } from "./options.ts";
import { PROTOCOLS } from "./protocols/all.ts";
import {
  protocolRows,
  PROTOCOLS_PAGE,
  rowsOnPage,
  versionsOf,
  withProtocols,
} from "./protocols/page.ts";
import { type Client, type Protocol, run } from "./protocols/protocol.ts";
import { pathOf } from "./scripts.ts";

const CLIENTS = PROTOCOLS.flatMap(({ clients }) => clients);

/** The clients whose test has passed. */
const passed = new Set<Client>();

/** Options of a test with a real program. */
function needsClient(protocol: Protocol, client: Client): TestOptions {
  const name = `${protocol.name}: ${client.name}`;
  const options = needsPrograms(client.programs, name, { timeout: 50_000 });
  if (options.ignore) return options;
  const { obstacle } = client;
  if (obstacle === undefined) return options;
  return { ...options, name: `${name} [ignored: ${obstacle}]`, ignore: true };
}

for (const protocol of PROTOCOLS) {
  for (const client of protocol.clients) {
    Deno.test(needsClient(protocol, client), async () => {
      await client.run();
      passed.add(client);
    });
  }
}

Deno.test(
  needsRead("docs/protocols.md: has the protocols that are tested"),
  async () => {
    const page = await Deno.readTextFile(PROTOCOLS_PAGE);
    if (Deno.args.includes("--update")) {
      const missing = CLIENTS.filter((client) => !passed.has(client));
      assertEquals(missing.map(({ name }) => name), [], "not run");
      const written = await withProtocols(page, await versionsOf(CLIENTS));
      await Deno.writeTextFile(PROTOCOLS_PAGE, written);
      await run(Deno.execPath(), [
        "fmt",
        "--quiet",
        pathOf("docs/protocols.md"),
      ]);
    } else {
      assertEquals(rowsOnPage(page), await protocolRows());
    }
  },
);
