import { assert, assertEquals, assertMatch } from "@std/assert";
import { needsNet, needsRead } from "../tests/options.ts";
import { readText, writeAll } from "../tests/sockets.ts";
import { MAX_SCENES, PAGE_FILES, servePage } from "./page_server.ts";

/** The status and the text of a reply. */
interface Answer {
  readonly status: number;
  readonly head: string;
  readonly text: string;
}

/**
 * Sends a request as it is: `fetch()` sends no wrong host, and its pool keeps
 * connections open.
 */
async function ask(
  url: string,
  line: string,
  headers: Record<string, string | undefined> = {},
  body = "",
): Promise<Answer> {
  const { port, host } = new URL(url);
  const all = { host, connection: "close", ...headers };
  const lines = Object.entries(all).filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}`);
  const length = body === "" ? [] : [`content-length: ${body.length}`];
  using conn = await Deno.connect({ port: Number(port) });
  await writeAll(
    conn,
    [`${line} HTTP/1.1`, ...lines, ...length, "", body].join("\r\n"),
  );
  const reply = await readText(conn);
  const [head = "", ...rest] = reply.split("\r\n\r\n");
  const status = Number(/^HTTP\/1.1 (\d+)/.exec(head)?.[1]);
  return { status, head, text: rest.join("\r\n\r\n") };
}

/** Asks to run a scene, as the page does, except for what is given. */
function askToRun(
  url: string,
  body: unknown,
  headers: Record<string, string | undefined> = {},
): Promise<Answer> {
  return ask(url, "POST /run", {
    origin: new URL(url).origin,
    "content-type": "application/json",
    ...headers,
  }, typeof body === "string" ? body : JSON.stringify(body));
}

const SCENE = { scene: "markers", choice: "agree" };

Deno.test(
  needsNet("servePage() serves each file, under a strict policy"),
  async () => {
    await using server = servePage(0);
    for (
      const path of [
        "",
        ...PAGE_FILES.filter((name) => name !== "index.html"),
      ]
    ) {
      const { status, head } = await ask(server.url, `GET /${path}`);
      assertEquals(status, 200, path);
      assertMatch(head, /content-security-policy: default-src 'none'; /);
      assert(!/unsafe|https?:|\*/.test(/security-policy: .*/.exec(head)![0]));
      assertMatch(head, /x-content-type-options: nosniff/);
    }
  },
);

Deno.test(needsNet("servePage() listens on loopback alone"), async () => {
  await using server = servePage(0);
  assertEquals(new URL(server.url).hostname, "127.0.0.1");
});

Deno.test(needsNet("servePage() runs a scene for its page"), async () => {
  await using server = servePage(0);
  const { status, text } = await askToRun(server.url, SCENE);
  assertEquals(status, 200);
  const [trace] = JSON.parse(text);
  assertEquals(trace.title, "Markers that agree");
  const { port } = new URL(server.url);
  const local = `localhost:${port}`;
  const headers = { host: local, origin: `http://${local}` };
  assertEquals((await askToRun(server.url, SCENE, headers)).status, 200);
});

const wrong: [string, number, Record<string, string | undefined>][] = [
  ["another host", 403, { host: "example.com" }],
  ["an empty host", 403, { host: "" }],
  ["another port of the host", 403, { host: "127.0.0.1:1" }],
  ["another origin", 403, { origin: "http://example.com" }],
  ["an opaque origin", 403, { origin: "null" }],
  ["TLS of the same host", 403, { origin: "https://127.0.0.1" }],
  ["no origin", 403, { origin: undefined }],
  ["a form's type", 415, { "content-type": "text/plain" }],
];
for (const [name, status, headers] of wrong) {
  Deno.test(needsNet(`servePage() runs no scene for ${name}`), async () => {
    await using server = servePage(0);
    assertEquals((await askToRun(server.url, SCENE, headers)).status, status);
  });
}

const bad: [string, number, unknown][] = [
  ["an unknown scene", 400, { scene: "no", choice: "close" }],
  ["an unknown choice", 400, { scene: "nat", choice: "9999999" }],
  ["a scene without a choice", 400, { scene: "nat" }],
  ["a choice of another type", 400, { scene: "nat", choice: 1000 }],
  ["what is not JSON", 400, "{"],
  ["null", 400, "null"],
  ["too many bytes", 413, { ...SCENE, more: "x".repeat(1000) }],
];
for (const [name, status, body] of bad) {
  Deno.test(needsNet(`servePage() refuses ${name}`), async () => {
    await using server = servePage(0);
    assertEquals((await askToRun(server.url, body)).status, status);
  });
}

Deno.test(
  needsNet("servePage() serves no other file, and no other method"),
  async () => {
    await using server = servePage(0);
    for (
      const path of [
        "/page_server.ts",
        "/../deno.json",
        "/%2e%2e/deno.json",
        "/constructor",
      ]
    ) {
      assertEquals((await ask(server.url, `GET ${path}`)).status, 404, path);
    }
    assertEquals((await ask(server.url, "GET /run")).status, 405);
    assertEquals((await ask(server.url, "DELETE /")).status, 405);
    assertEquals(
      (await ask(server.url, "GET /", { host: "evil.example" })).status,
      403,
    );
  },
);

Deno.test(needsNet("servePage() runs a bounded number of scenes"), async () => {
  await using server = servePage(0);
  const slow = { scene: "nat", choice: "100" };
  const answers = await Promise.all(
    Array.from({ length: MAX_SCENES + 4 }, () => askToRun(server.url, slow)),
  );
  const statuses = answers.map(({ status }) => status).toSorted();
  assertEquals(statuses, [
    ...Array(MAX_SCENES).fill(200),
    ...Array(4).fill(503),
  ]);
  assertEquals((await askToRun(server.url, SCENE)).status, 200);
});

Deno.test(needsRead("the page has fewer than 150,000 bytes"), () => {
  const sizes = PAGE_FILES.map((name) =>
    Deno.statSync(new URL(name, import.meta.url)).size
  );
  const all = sizes.reduce((sum, size) => sum + size);
  assert(all < 150_000, `${all} bytes`);
});
