// The examples, as server.ts serves them. tests/protocols_test.ts runs those that
// speak a protocol with real programs.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { connect, messages } from "../mod.ts";
import { needsRead, needsRun } from "./options.ts";
import type { Listening } from "./programs.ts";
import { PROTOCOLS } from "./protocols/all.ts";
import { pathOf, startListening, startScript, startServer } from "./scripts.ts";
import {
  connectTo,
  ordinaryClient,
  pause,
  readText,
  writeAll,
} from "./sockets.ts";
import { temporaryDirectory } from "./temporary.ts";

/** Serves an example on a free port; resolves when it listens. */
function startExample(name: string, ...flags: string[]): Promise<Listening> {
  return startServer([pathOf(`examples/${name}_server.ts`), ...flags]);
}

/** `count` texts, each made of its number. */
function times(count: number, text: (number: number) => string): string[] {
  return Array.from({ length: count }, (_, number) => text(number));
}

/** The next reply as text; undefined at the end of file. */
async function next(
  replies: ReturnType<typeof messages>,
): Promise<string | undefined> {
  const { done, value } = await replies.next();
  if (done) return undefined;
  assert(value.gotEnd);
  return new TextDecoder().decode(value.data);
}

Deno.test(
  needsRun("line server: accepts both line ends, and lines sent ahead"),
  async () => {
    await using server = await startExample("line");
    using conn = await connectTo(server.port);
    await writeAll(
      conn,
      "upper to be\nreverse ton ro\r\n\nup\r\necho  a \r b\n",
    );
    await writeAll(conn, times(100, (number) => `echo ${number}\r\n`).join(""));
    await writeAll(conn, "echo last");
    await conn.closeWrite();
    assertEquals(
      await readText(conn),
      "TO BE\nor not\nERROR:unknown command!\nERROR:unknown command!\n a \r b\n" +
        times(100, (number) => `${number}\n`).join("") + "ERROR:no end!\n",
    );
  },
);

Deno.test(
  needsRun("line server: accepts a line end in two packets"),
  async () => {
    await using server = await startExample("line");
    await using other = await connect({ port: server.port, end: "\n" });
    using conn = await connectTo(server.port);
    conn.setNoDelay(true);
    const replies = messages(conn, "\n");
    for (const letter of ["A", "B"]) {
      await writeAll(conn, `echo ${letter}\r`);
      // When this is answered, the first packet has been read, too.
      await other.request("echo");
      await writeAll(conn, "\n");
      assertEquals(await next(replies), letter);
    }
    await conn.closeWrite();
    assertEquals(await next(replies), undefined);
  },
);

/** Sentences that others have printed, with their checksums. */
const SENTENCES = [
  "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47",
  "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A",
  "!AIVDM,1,1,,A,14eG;o@034o8sd<L9i:a;WF>062D,0*7D",
];

Deno.test(needsRun("checksum server: accepts correct sentences"), async () => {
  await using server = await startExample("checksum");
  const { port } = server;
  await using client = await connect({ port, end: "\r\n" });
  const replies = await Promise.all(
    SENTENCES.map((sentence) => client.request(sentence)),
  );
  const texts = replies.map((reply) => reply.text());
  assertEquals(texts, ["got GPGGA", "got GPRMC", "got AIVDM"]);
});

Deno.test(needsRun("checksum server: refuses any wrong bit"), async () => {
  await using server = await startExample("checksum");
  const { port } = server;
  await using client = await connect({ port, end: "\r\n" });
  for (const sentence of SENTENCES) {
    const damaged = times(sentence.length, (place) => {
      const char = String.fromCharCode(sentence.charCodeAt(place) ^ 1);
      return sentence.slice(0, place) + char + sentence.slice(place + 1);
    });
    for (const wrong of ["", "$*00", sentence.slice(0, -1), ...damaged]) {
      const reply = await client.request(wrong);
      assertEquals(reply.text(), "ERROR:malformed!", wrong);
      assertEquals(reply.error, "malformed");
    }
    // A refusal does not end the connection.
    const reply = await client.request(sentence);
    assertEquals(reply.error, null);
  }
});

Deno.test(
  needsRun("MLLP server: accepts a block in two packets, two in one"),
  async () => {
    await using server = await startExample("mllp");
    const options = { port: server.port, end: "\x1c\r" };
    await using other = await connect(options);
    using conn = await connectTo(server.port);
    conn.setNoDelay(true);
    const replies = messages(conn, options.end);
    const block = "\x0bMSH|^~\\&|A|B|C|D|||ORU^R01|42|P|2.5\r\x1c\r";
    for (let cut = 1; cut < block.length; cut++) {
      await writeAll(conn, block.slice(0, cut));
      // When this is answered, the first packet has been read, too.
      await other.request("\x0bMSH|");
      await writeAll(conn, block.slice(cut));
      assertAcknowledged(await next(replies));
    }
    await writeAll(conn, block + block);
    assertAcknowledged(await next(replies));
    assertAcknowledged(await next(replies));
  },
);

function assertAcknowledged(ack: string | undefined): void {
  const [vt, header = "", answer, ...rest] = ack?.split(/(?<=^\v)|\r/) ?? [];
  assertEquals([vt, answer, ...rest], ["\v", "MSA|AA|42|", ""]);
  assertMatch(
    header,
    /^MSH\|\^~\\&\|C\|D\|A\|B\|\d{14}\|\|ACK\|[^|]{1,20}\|P\|2.5$/,
  );
}

/** What a server replies to this, without the headers of acknowledgements. */
async function acksOf(port: number, blocks: string): Promise<string[]> {
  const replies = await ordinaryClient(port, blocks);
  return replies.split("\x1c\r").map((reply) =>
    reply.replace(/^\vMSH\|\^~\\&\|.*\r(?=MSA)/, "")
  );
}

Deno.test(needsRun("MLLP server: refuses what is not complete"), async () => {
  await using server = await startExample("mllp");
  const acks = await acksOf(
    server.port,
    "\x0bMSH|^~\\&|A|B\r\x1c\r" + // no control id
      "\x0bhello\x1c\r" + // no HL7
      "\x0bMSH|^~\\&|||||||ACK|2\r" + // cut, and the next block begins
      "\x0bMSH|^~\\&|||||||ACK|3\r\x1c\r" +
      "\x0bMSH|^~\\&|||||||ACK|5\r", // cut by the end of file
  );
  assertEquals(acks, [
    "MSA|AR||no control id\r",
    "MSA|AR||no MSH segment\r",
    "MSA|AA|3|\r",
    "MSA|AR||no end\r",
    "",
  ]);
});

Deno.test(
  needsRun("key-value server: threads share values, restarts keep them"),
  async () => {
    await using directory = await temporaryDirectory();
    const start = () =>
      startListening(
        "server.ts",
        ["-A"],
        [
          ...["--port=0", "--parallel=2"],
          pathOf("examples/key_value_server.ts"),
        ],
        { env: { DATABASE: `${directory.path}/values` } },
      );
    {
      await using server = await start();
      for (let number = 0; number < 20; number++) {
        // Each on a connection of its own: the kernel chooses the thread.
        const lines = `SET ${number} a ${number}\nGET ${number - 1}\n`;
        assertEquals(
          await ordinaryClient(server.port, lines),
          number === 0
            ? "stored\nERROR:no such key!\n"
            : `stored\nvalue a ${number - 1}\n`,
        );
      }
      assertEquals((await server.stop()).code, 0);
    }
    await using server = await start();
    assertEquals(
      await ordinaryClient(
        server.port,
        "GET 7\r\nDELETE 7\nGET 7\nSET 7\nGET 7\nGET\nget 7\nSET  a\n",
      ),
      "value a 7\ndeleted\nERROR:no such key!\nstored\nvalue \n" +
        "ERROR:unknown command!\n".repeat(3),
    );
  },
);

Deno.test(
  needsRun("MLLP server: refuses a message without a block"),
  async () => {
    await using server = await startExample("mllp");
    const message = "MSH|^~\\&|||||||ACK|1\r\x1c\r";
    const acks = await acksOf(server.port, `\x0b${message}${message}`);
    assertEquals(acks, ["MSA|AA|1|\r", "MSA|AR||bad start\r", ""]);
  },
);

/** Examples that may be longer: protocols with commands of several kinds. */
const LONG = ["dns_server", "json_rpc", "memcached_server", "mpd_server"];
LONG.push("recipe", "smtp_server");

Deno.test(needsRead("examples: have less than 40 lines, or 100"), () => {
  for (const { name } of Deno.readDirSync(pathOf("examples"))) {
    const text = Deno.readTextFileSync(pathOf(`examples/${name}`));
    const count = text.trimEnd().split("\n").length;
    const limit = LONG.includes(name.replace(/\.ts$/, "")) ? 100 : 40;
    assert(count < limit, `${name}: ${count} lines`);
  }
});

/** Connects to a port as soon as something listens there. */
async function connectSoon(port: number): Promise<void> {
  for (;;) {
    try {
      return (await connectTo(port)).close();
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      await pause(20);
    }
  }
}

Deno.test(
  needsRun("examples: serve by themselves, on the port that they name", {
    timeout: 50_000,
  }),
  async () => {
    const servers = PROTOCOLS.map(({ example }) => example)
      .filter((example) => example.endsWith("_server.ts"));
    assert(servers.length > 10);
    for (const name of servers) {
      const file = `examples/${name}`;
      const { default: { port } } = await import(pathOf(file));
      await using program = startScript(file, ["--allow-net=127.0.0.1"], []);
      // Where another program has the port, that is what the example says.
      const ended = program.finished.then(({ stderr }) =>
        assertMatch(stderr, /AddrInUse/, name)
      );
      await Promise.race([connectSoon(port), ended]);
    }
  },
);

Deno.test(needsRun("recipe.ts prints replies to both markers"), async () => {
  const run = async (args: readonly string[]) => {
    const script = "examples/recipe.ts";
    await using recipe = startScript(script, ["--allow-net=127.0.0.1"], args);
    return (await recipe.finished).stdout.trimEnd().split("\n");
  };
  assertEquals(await run([]), Array(5).fill("ERROR:no end!"));
  assertEquals(
    await run(["SERVER WRONG MARKER"]),
    [..."abcde"].map((letter) => `${letter}1234${letter}1234`),
  );
});
