// server.ts with a module of a user's own.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { needsRun } from "./options.ts";
import { startOnSomePort } from "./programs.ts";
import { pathOf, runServer, startScript, startServer } from "./scripts.ts";
import { ordinaryClient, pause } from "./sockets.ts";
import { temporaryDirectory } from "./temporary.ts";

/** Writes modules into a new directory. */
async function withModules(
  modules: Record<string, string>,
): Promise<AsyncDisposable & { path: string }> {
  const directory = await temporaryDirectory();
  for (const [name, source] of Object.entries(modules)) {
    await Deno.writeTextFile(`${directory.path}/${name}`, source);
  }
  return directory;
}

/** Answers with the number of the thread's messages; refuses those with `!`. */
const COUNTING = `
import { ErrorReply, type ServerModule } from "@recv-end/recv-end";
let count = 0;
setInterval(() => {}, 1000);
export default {
  end: ";",
  port: 1,
  onListen: () => console.error("onListen"),
  onConversation: ({ outcome }) => console.error("onConversation", outcome),
  onError: async (error) => {
    console.error("onError", String(error));
    await Promise.resolve();
    throw new Error("rejected");
  },
  handler: (message) => {
    if (message.text() === "!") throw new ErrorReply("refused");
    if (message.text() === "?") throw new Error("broken");
    return "reply " + ++count;
  },
} satisfies ServerModule;
`;

for (const threads of [1, 2]) {
  Deno.test(
    needsRun(`server.ts serves a module in ${threads} threads`),
    async () => {
      await using directory = await withModules({ "counting.ts": COUNTING });
      await using server = await startServer(
        [
          `--parallel=${threads}`,
          "--log=json",
          `${directory.path}/counting.ts`,
        ],
        ["-A"],
      );
      const { port } = server;
      const numbers = [];
      for (let count = 0; count < 20; count++) {
        const [, number] = /^reply (\d+)$/.exec(
          await ordinaryClient(port, "a;"),
        ) ?? [];
        numbers.push(Number(number));
      }
      // Each thread has the state of its own copy of the module.
      const ones = numbers.filter((number) => number === 1).length;
      assert(ones >= 1 && ones <= threads, `${numbers}`);
      assertEquals(await ordinaryClient(port, "?;"), "ERROR:failed!");
      assertEquals(await ordinaryClient(port, "!;"), "ERROR:refused!");
      const { code, stderr } = await server.stop();
      // The module's interval does not keep the process alive.
      assertEquals(code, 0);
      const lines = stderr.trimEnd().split("\n");
      const times = (line: string) =>
        lines.filter((each) => each === line).length;
      assertEquals(times("onListen"), threads);
      assertEquals(times("onConversation ok"), 20);
      assertEquals(times("onConversation refused"), 1);
      assertEquals(times("onError Error: broken"), 1);
      assertEquals(JSON.parse(lines.at(-1)!).conversations, {
        ok: 20,
        refused: 1,
        failed: 1,
      });
    },
  );
}

Deno.test(
  needsRun(
    "server.ts serves a module at a URL, a path with a %, and a handler",
  ),
  async () => {
    await using directory = await withModules({
      "50% #1.ts": `export default () => "from a file";`,
    });
    const url = `data:text/javascript,export default () => "from a URL"`;
    const modules = [
      [`${directory.path}/50% #1.ts`, "from a file"],
      [url, "from a URL"],
    ] as const;
    for (const [module, reply] of modules) {
      await using server = await startServer([module, "--marker=;"], ["-A"]);
      assertEquals(await ordinaryClient(server.port, "a;"), reply);
    }
  },
);

Deno.test(
  needsRun("server.ts serves a module that converses"),
  async () => {
    await using directory = await withModules({
      "converse.ts": `
import type { ServerModule } from "@recv-end/recv-end";
export default {
  end: "\\n",
  async converse(conversation) {
    const name = await conversation.message();
    const place = await conversation.message();
    await conversation.reply(\`\${name?.text()} of \${place?.text()}\`);
  },
} satisfies ServerModule;
`,
    });
    for (const threads of [1, 2]) {
      await using server = await startServer(
        [`--parallel=${threads}`, `${directory.path}/converse.ts`],
        ["-A"],
      );
      const reply = await ordinaryClient(server.port, "Jane\nEyre\n");
      assertEquals(reply, "Jane of Eyre\n");
    }
  },
);

Deno.test(
  needsRun("server.ts needs no more permissions for a module"),
  async () => {
    // In the project's directory, which a script has to read anyway.
    await using server = await startServer([pathOf("examples/line_server.ts")]);
    assertEquals(await ordinaryClient(server.port, "echo a\n"), "a\n");
  },
);

Deno.test(
  needsRun("server.ts exits 2 in one line for a module that it cannot serve"),
  async (t) => {
    await using directory = await withModules({
      "throws.ts": `throw new Error("broken\\nin two lines");`,
      "throws_null.ts": `setInterval(() => {}, 1000);\nthrow null;`,
      "syntax.ts": `export default 1 +;`,
      "imports.ts": `import "./none.ts";\nexport default () => "a";`,
      "no_default.ts": `setInterval(() => {}, 1000);`,
      "number.ts": `export default 1;`,
      "option.ts": `export default { handler: () => "a", maxBites: 1 };`,
      "type.ts": `export default { handler: () => "a", maxBytes: "1" };`,
      "limit.ts": `setInterval(() => {}, 1000);
export default { handler: () => "a", grace: -1, maxConnections: -1 };`,
    });
    const { path } = directory;
    const inFile = (name: string, place: string) =>
      `at file://${path}/${name}:${place}\n`;
    const cases: [name: string, message: string][] = [
      ["none.ts", `load NAME: Module not found "file://NAME"\n`],
      [
        "throws.ts",
        `load NAME: it threw Error: broken, ${inFile("throws.ts", "1:7")}`,
      ],
      ["throws_null.ts", "load NAME: it threw null\n"],
      [
        "syntax.ts",
        `load NAME: SyntaxError: Expression expected, ${
          inFile("syntax.ts", "1:19")
        }`,
      ],
      [
        "imports.ts",
        `load NAME: Module not found "file://${path}/none.ts", ${
          inFile("imports.ts", "1:8")
        }`,
      ],
      ["no_default.ts", "serve NAME: it has no default export\n"],
      [
        "number.ts",
        "serve NAME: its default export is number, neither a handler nor " +
        "an object with one\n",
      ],
      ["option.ts", "serve NAME: maxBites is not an option of serve()\n"],
      [
        "type.ts",
        "serve NAME: the option maxBytes must be of type number, and is " +
        "string\n",
      ],
      [
        "limit.ts",
        "serve NAME: Cannot use maxConnections as a limit: it must be a " +
        "number from 0, and is -1\n",
      ],
    ];
    for (const [name, message] of cases) {
      for (const threads of [1, 2]) {
        await t.step(`${name}, ${threads} threads`, async () => {
          const module = `${path}/${name}`;
          const outcome = await runServer(
            ["--port=0", `--parallel=${threads}`, module],
          );
          const stderr = `Cannot ${message.replaceAll("NAME", module)}`;
          assertEquals(outcome, { ...outcome, code: 2, stdout: "", stderr });
        });
      }
    }
  },
);

Deno.test(
  needsRun("server.ts exits 1 where the address of a module is in use"),
  async () => {
    await using server = await startServer();
    const module = `data:text/javascript,setInterval(() => {}, 1000);
export default { handler() {}, port: ${server.port} }`;
    for (const threads of [1, 2]) {
      const { code, stderr } = await runServer(
        [`--parallel=${threads}`, module],
      );
      const message =
        `^Cannot serve on 127.0.0.1:${server.port}: .*in use.*\n$`;
      assertMatch(stderr, RegExp(message));
      assertEquals(code, 1);
    }
  },
);

Deno.test(
  needsRun("deno run --watch serves what a module has become", {
    timeout: 50_000,
  }),
  async (t) => {
    for (const threads of [1, 2]) {
      await t.step(`${threads} threads`, async () => {
        await using directory = await temporaryDirectory();
        const module = `${directory.path}/module.ts`;
        const write = (text: string) =>
          Deno.writeTextFile(module, `export default () => "${text}";`);
        await write("one");
        // The port has to stay the same from run to run.
        await using server = await startOnSomePort(
          (port) =>
            startScript("server.ts", ["-A", "--watch", "--no-clear-screen"], [
              ...[`--port=${port}`, "--marker=;", `--parallel=${threads}`],
              module,
            ]),
          /^/,
        );
        /** Writes again now and then: Deno watches a file soon after it loads. */
        const change = async (
          text: string,
          isNoticed: () => boolean | Promise<boolean>,
        ) => {
          for (let count = 0; !await isNoticed(); count++) {
            if (count % 10 === 0) await write(text);
            await pause(300);
          }
        };
        const replies = async (text: string) =>
          await ordinaryClient(server.port, "a;").catch(() => "") === text;
        await server.says(/started on /);
        assert(await replies("one"));
        await change("two", () => replies("two"));
        const isRefused = () => /Cannot load .*: Syntax/.test(server.stderr);
        await change(`" +`, isRefused);
        await change("three", () => replies("three"));
        // Each run has ended in order.
        assertMatch(server.stderr, / \d+ conversations \(ok \d+\), /);
      });
    }
  },
);
