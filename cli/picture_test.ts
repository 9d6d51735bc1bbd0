import { assert, assertEquals, assertMatch } from "@std/assert";
import { needsRun } from "../tests/options.ts";
import { listenLocally, refusingPort } from "../tests/sockets.ts";
import {
  FILE_PERMISSIONS,
  runClient,
  startScript,
  startServer,
} from "../tests/scripts.ts";
import { temporaryDirectory } from "../tests/temporary.ts";

/** The short texts of a picture. */
function textsOf(svg: string): string[] {
  return [...svg.matchAll(/<text [^>]*>([^<]*)<\/text>/g)]
    .map(([, text = ""]) => text);
}

Deno.test(
  needsRun("client.ts --trace FILE.svg writes a picture of the conversation"),
  async () => {
    await using directory = await temporaryDirectory();
    await using server = await startServer(["--quiet"]);
    const file = `${directory.path}/a.svg`;
    const { code, stdout, stderr } = await runClient(
      ["--data=a1234", `--port=${server.port}`, `--trace=${file}`],
    );
    assertEquals({ code, stdout }, { code: 1, stdout: "ERROR:no end!\n" });
    assertMatch(stderr, /^the picture is in \S+a\.svg\n/);
    const svg = await Deno.readTextFile(file);
    const texts = textsOf(svg);
    for (
      const text of [
        ...["connects", "sends 24 bytes", "a1234CLIENT WRONG MARKER"],
        ...["reads 13 bytes", "ERROR:no end!", "server (not observed)"],
      ]
    ) {
      assert(texts.includes(text), text);
    }
    assertMatch(svg, /<title>A conversation with 127\.0\.0\.1:\d+<\/title>/);
  },
);

Deno.test(
  needsRun("client.ts --trace FILE.html has all conversations, and --quiet"),
  async () => {
    await using directory = await temporaryDirectory();
    await using server = await startServer(["--quiet"]);
    const file = `${directory.path}/a.html`;
    const { stdout, stderr } = await runClient(
      [
        "--data=a",
        "--data=b",
        `--port=${server.port}`,
        `--trace=${file}`,
        "--quiet",
      ],
    );
    assertEquals(stdout, "ERROR:no end!ERROR:no end!");
    assert(!stderr.includes("picture"), stderr);
    const page = await Deno.readTextFile(file);
    const connects = page.match(/<li>.* connects to the server\.<\/li>/g);
    assertEquals(connects?.length, 2);
  },
);

Deno.test(
  needsRun("client.ts --trace FILE.svg --keep-alive records one connection"),
  async () => {
    await using directory = await temporaryDirectory();
    const ends = ["--marker=;", "--keep-alive"];
    await using server = await startServer(["--quiet", ...ends]);
    const file = `${directory.path}/a.svg`;
    const { code, stdout } = await runClient(
      [
        "--data=a",
        "--data=b",
        `--port=${server.port}`,
        `--trace=${file}`,
        ...ends,
      ],
    );
    assertEquals({ code, stdout }, { code: 0, stdout: "aa\nbb\n" });
    const texts = textsOf(await Deno.readTextFile(file));
    assertEquals(texts.filter((text) => text === "connects").length, 1);
    assert(texts.includes("aa;") && texts.includes("bb;"));
  },
);

Deno.test(
  needsRun("client.ts --trace FILE.svg shows why a conversation fails"),
  async () => {
    await using directory = await temporaryDirectory();
    using refusing = await refusingPort();
    const file = `${directory.path}/a.svg`;
    const { code } = await runClient(
      ["--data=a", `--port=${refusing.port}`, `--trace=${file}`],
    );
    assertEquals(code, 3);
    const texts = textsOf(await Deno.readTextFile(file)).join(" ");
    assertMatch(texts, /cannot connect: ConnectionRefused/);
    assertMatch(texts, /reports an error: refused/);
  },
);

Deno.test(
  needsRun("client.ts --trace FILE.svg fails before it connects"),
  async () => {
    await using directory = await temporaryDirectory();
    const file = `${directory.path}/missing/a.svg`;
    const { code, stdout, stderr } = await runClient(
      ["--data=a", "--port=1", `--trace=${file}`],
    );
    assertEquals({ code, stdout }, { code: 2, stdout: "" });
    assertMatch(stderr, /^--trace cannot write .*; see --help\n$/);
  },
);

Deno.test(
  needsRun("client.ts --trace FILE.svg draws what has happened until Ctrl+C"),
  async () => {
    await using directory = await temporaryDirectory();
    using listener = listenLocally();
    const file = `${directory.path}/a.svg`;
    const args = [
      "--data=a",
      `--port=${listener.addr.port}`,
      `--trace=${file}`,
    ];
    await using client = startScript("client.ts", FILE_PERMISSIONS, args);
    using conn = await listener.accept();
    // The message, and the end of file.
    while (await conn.read(new Uint8Array(100)) !== null);
    client.kill("SIGINT");
    assertEquals((await client.finished).code, 130);
    const texts = textsOf(await Deno.readTextFile(file));
    assert(texts.includes("sends 20 bytes"), texts.join());
  },
);
