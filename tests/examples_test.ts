// The examples as their readers run them: as processes. The client of the MLLP
// server is npm's @medplum/hl7, which nobody here wrote.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Hl7Message } from "npm:@medplum/core@5.0.10";
import { Hl7Client } from "npm:@medplum/hl7@5.0.10";
import { connect, messages } from "./mod.ts";
import {
  connectTo,
  ordinaryClient,
  Program,
  readText,
  scriptTest,
  type ServerProgram,
  writeAll,
} from "./testing.ts";

/** Starts an example on a free port; resolves when it listens. */
async function startExample(name: string): Promise<ServerProgram> {
  const url = new URL(`examples/${name}_server.ts`, import.meta.url);
  const args = ["run", "--quiet", "--allow-net=127.0.0.1", url.href, "0"];
  const program = new Program(Deno.execPath(), args);
  const [, port] = await program.says(/^started on (\d+)\n/);
  return Object.assign(program, { port: Number(port) });
}

/** So many texts, each made of its number. */
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

scriptTest("line server: both line ends, and lines sent ahead", async () => {
  await using server = await startExample("line");
  using conn = await connectTo(server.port);
  await writeAll(conn, "upper to be\nreverse ton ro\r\n\nup\r\necho  a \r b\n");
  await writeAll(conn, times(100, (number) => `echo ${number}\r\n`).join(""));
  await writeAll(conn, "echo last");
  await conn.closeWrite();
  assertEquals(
    await readText(conn),
    "TO BE\nor not\nERROR:unknown command!\nERROR:unknown command!\n a \r b\n" +
      times(100, (number) => `${number}\n`).join("") + "ERROR:no end!\n",
  );
});

scriptTest("line server: a line end in two packets", async () => {
  await using server = await startExample("line");
  await using other = await connect({ port: server.port, end: "\n" });
  using conn = await connectTo(server.port);
  conn.setNoDelay(true);
  const replies = messages(conn, "\n");
  for (const letter of ["A", "B"]) {
    await writeAll(conn, `echo ${letter}\r`);
    // When this is answered, the first packet has been read, too.
    await other.ask("echo");
    await writeAll(conn, "\n");
    assertEquals(await next(replies), letter);
  }
  await conn.closeWrite();
  assertEquals(await next(replies), undefined);
});

/** Sentences that others have printed, with their checksums. */
const SENTENCES = [
  "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47",
  "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A",
  "!AIVDM,1,1,,A,14eG;o@034o8sd<L9i:a;WF>062D,0*7D",
];

scriptTest("checksum server: what is right is accepted", async () => {
  await using server = await startExample("checksum");
  const { port } = server;
  await using conversation = await connect({ port, end: "\r\n" });
  const replies = await Promise.all(
    SENTENCES.map((sentence) => conversation.ask(sentence)),
  );
  const words = replies.map((reply) => reply.text());
  assertEquals(words, ["got GPGGA", "got GPRMC", "got AIVDM"]);
});

scriptTest("checksum server: any wrong bit is malformed", async () => {
  await using server = await startExample("checksum");
  const { port } = server;
  await using conversation = await connect({ port, end: "\r\n" });
  for (const sentence of SENTENCES) {
    const damaged = times(sentence.length, (place) => {
      const char = String.fromCharCode(sentence.charCodeAt(place) ^ 1);
      return sentence.slice(0, place) + char + sentence.slice(place + 1);
    });
    for (const wrong of ["", "$*00", sentence.slice(0, -1), ...damaged]) {
      const reply = await conversation.ask(wrong);
      assertEquals(reply.text(), "ERROR:malformed!", wrong);
      assertEquals(reply.lastWord, "malformed");
    }
    // A refusal does not end the connection.
    const reply = await conversation.ask(sentence);
    assertEquals(reply.lastWord, null);
  }
});

scriptTest("MLLP server: npm's client, ten messages at a time", async () => {
  await using server = await startExample("mllp");
  const client = new Hl7Client({ host: "127.0.0.1", port: server.port });
  const errors: unknown[] = [];
  client.addEventListener("error", ({ error }) => errors.push(error));
  try {
    const connection = await client.connect();
    for (const round of ["A", "B", "C"]) {
      const ids = times(10, (number) => `${round}${number}`);
      const acks = await Promise.all(ids.map((id, number) =>
        // From a hundred bytes to 256 KiB; all are sent before the first ACK.
        connection.sendAndWait(Hl7Message.parse(hl7(id, 4 ** number)))
      ));
      assertEquals(acks.map((ack) => fieldOf(ack, "MSA", 2)), ids);
      for (const ack of acks) {
        assertEquals(fieldOf(ack, "MSA", 1), "AA");
        assertEquals(fieldOf(ack, "MSH", 9), "ACK");
        // To the one that sent it, from the one it was for.
        assertEquals(fieldOf(ack, "MSH", 3), "EHR");
        assertEquals(fieldOf(ack, "MSH", 5), "LAB");
      }
    }
    assertEquals(connection.getPendingMessageCount(), 0);
  } finally {
    await client.close();
  }
  assertEquals(errors, []);
});

/** A result with this control id and so many bytes of text. */
function hl7(id: string, length: number): string {
  const header = `MSH|^~\\&|LAB|SITE|EHR|WARD|20260102||ORU^R01|${id}|P|2.5`;
  return `${header}\rPID|1||7||Müller^J\rOBX|1|TX|||${"x".repeat(length)}`;
}

function fieldOf(message: Hl7Message, segment: string, field: number) {
  return message.getSegment(segment)?.getField(field)?.toString();
}

scriptTest("MLLP server: a block in two packets, two in one", async () => {
  await using server = await startExample("mllp");
  const where = { port: server.port, end: "\x1c\r" };
  await using other = await connect(where);
  using conn = await connectTo(server.port);
  conn.setNoDelay(true);
  const replies = messages(conn, where.end);
  const block = "\x0bMSH|^~\\&|A|B|C|D|||ORU^R01|42|P|2.5\r\x1c\r";
  for (let cut = 1; cut < block.length; cut++) {
    await writeAll(conn, block.slice(0, cut));
    // When this is answered, the first packet has been read, too.
    await other.ask("");
    await writeAll(conn, block.slice(cut));
    assertAcknowledged(await next(replies));
  }
  await writeAll(conn, block + block);
  assertAcknowledged(await next(replies));
  assertAcknowledged(await next(replies));
});

function assertAcknowledged(ack: string | undefined): void {
  const [vt, header = "", answer, ...rest] = ack?.split(/(?<=^\v)|\r/) ?? [];
  assertEquals([vt, answer, ...rest], ["\v", "MSA|AA|42", ""]);
  assertMatch(
    header,
    /^MSH\|\^~\\&\|C\|D\|A\|B\|\d{14}\|\|ACK\|[^|]{1,20}\|P\|2.5$/,
  );
}

scriptTest("MLLP server: no ACK for what is not whole", async () => {
  await using server = await startExample("mllp");
  const said = await ordinaryClient(
    server.port,
    "\x0bMSH|^~\\&|A|B\r\x1c\r" + // no control id
      "\x0bhello\x1c\r" + // no HL7
      "MSH|^~\\&|||||||ACK|1\r\x1c\r" + // no block
      "\x0bMSH|^~\\&|||||||ACK|2\r" + // cut, and the next block begins
      "\x0bMSH|^~\\&|||||||ACK|3\r\x1c\r" +
      "\n\x0bMSH|^~\\&|||||||ACK|4\r\x1c\r" + // a stray byte between two
      "\x0bMSH|^~\\&|||||||ACK|5\r", // cut by the end of file
  );
  assertEquals(
    said.split("\x1c\r").map((reply) => reply.replace(/^\vMSH.*\r/, "")),
    [
      "MSA|AR|\r",
      "MSA|AR|\r",
      "ERROR:malformed!",
      "MSA|AA|3\r",
      "MSA|AA|4\r",
      "ERROR:no end!",
      "",
    ],
  );
});

for (const name of ["checksum", "line", "mllp"]) {
  Deno.test(`${name} server: less than 40 lines`, async () => {
    const { default: text } = await import(`./examples/${name}_server.ts`, {
      with: { type: "text" },
    });
    assert(text.trimEnd().split("\n").length < 40);
  });
}
