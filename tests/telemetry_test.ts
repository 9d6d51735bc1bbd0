// Spans and metrics of server.ts by OpenTelemetry.

import { assert, assertEquals } from "@std/assert";
import { needsRun } from "./options.ts";
import { startListening } from "./scripts.ts";
import { ordinaryClient } from "./sockets.ts";
import { temporaryDirectory } from "./temporary.ts";

/** A module whose handler makes a span, after a pause and at once. */
const MODULE = `
const tracer = Deno.telemetry.tracerProvider.getTracer("own");
export default { end: ";", keepAlive: true, async handler(message) {
  tracer.startSpan("at once").end();
  if (message.text() === "?") throw new Error("broken");
  await new Promise((resolve) => setTimeout(resolve, 1));
  tracer.startSpan("later").end();
  return message.text();
} };
`;

/** A span, as Deno prints it to a console. */
interface PrintedSpan {
  readonly name: string;
  readonly id: string;
  readonly trace: string;
  readonly parent: string | undefined;
  readonly text: string;
}

function spansOf(output: string): PrintedSpan[] {
  return output.split(/^(?=SPAN |METRIC |LOG )/m).flatMap((text) => {
    const [, name, trace, id] = /^SPAN (.+) \[(\w+)\/(\w+)\]/.exec(text) ?? [];
    if (name === undefined || trace === undefined || id === undefined) {
      return [];
    }
    const parent = /^ {2}parent: (\w+)$/m.exec(text)?.[1];
    return [{ name, id, trace, parent, text }];
  });
}

/** The value of a metric, as Deno has printed it last. */
function valueOf(output: string, name: string, labels = ""): number {
  const metrics = output.split(/^(?=SPAN |METRIC |LOG )/m)
    .filter((text) => text.startsWith(`METRIC ${name} `));
  const [, value] = RegExp(`^  \\{${labels}\\} (?:value|count)=(\\d+)`, "m")
    .exec(metrics.at(-1) ?? "") ?? [];
  return Number(value);
}

for (const threads of [1, 2]) {
  Deno.test(
    needsRun(`OpenTelemetry: a span for each conversation, ${threads} threads`),
    async () => {
      await using directory = await temporaryDirectory();
      const module = `${directory.path}/module.ts`;
      await Deno.writeTextFile(module, MODULE);
      await using server = await startListening(
        "server.ts",
        ["--allow-net", "--allow-read"],
        ["--port=0", `--parallel=${threads}`, "--quiet", module],
        {
          env: {
            OTEL_DENO: "true",
            OTEL_EXPORTER_OTLP_PROTOCOL: "console",
          },
        },
      );
      const replies = await Promise.all([
        ordinaryClient(server.port, "a;b;"),
        ordinaryClient(server.port, "c;"),
        ordinaryClient(server.port, "?;"),
        ordinaryClient(server.port, "d"),
      ]);
      assertEquals(replies, [
        "a;b;",
        "c;",
        "ERROR:failed!;",
        "ERROR:no end!;",
      ]);
      const { code, stdout, stderr } = await server.stop();
      assertEquals(code, 0);
      const output = stdout + stderr;
      const spans = spansOf(output);
      const conversations = spans.filter(({ name }) => name === "conversation");
      assertEquals(conversations.length, 4);
      // Each in a trace of its own.
      assertEquals(new Set(conversations.map(({ trace }) => trace)).size, 4);
      assert(conversations.every(({ parent }) => parent === undefined));
      const parentsOf = (name: string) =>
        spans.filter((span) => span.name === name).map((span) => {
          const conversation = conversations.find(({ id }) =>
            id === span.parent
          );
          assert(conversation?.trace === span.trace, span.text);
          return / recv_end.messages: (\d)\n/.exec(conversation.text)?.[1];
        }).toSorted();
      assertEquals(parentsOf("at once"), ["1", "1", "2", "2"]);
      assertEquals(parentsOf("later"), ["1", "2", "2"]);
      const noEnd = conversations.filter(({ text }) =>
        / recv_end.outcome: no end\n/.test(text) &&
        / recv_end.received_bytes: 1\n/.test(text) &&
        / recv_end.sent_bytes: 14\n/.test(text) &&
        / client.address: 127.0.0.1\n/.test(text)
      );
      assertEquals(noEnd.length, 1);
      const value = (name: string, labels?: string) =>
        valueOf(output, `recv_end.${name}`, labels);
      assertEquals(value("connections.accepted"), 4);
      assertEquals(value("connections.open"), 0);
      assertEquals(value("conversations", "outcome=ok"), 3);
      assertEquals(value("conversations", "outcome=no end"), 1);
      assertEquals(value("messages"), 4);
      assertEquals(value("received"), 9);
      assertEquals(value("handler.errors"), 1);
      assertEquals(value("conversation.duration"), 4);
    },
  );
}

Deno.test(needsRun("OpenTelemetry is off by default"), async () => {
  await using server = await startListening(
    "server.ts",
    ["--allow-net", "--allow-read"],
    ["--port=0", "--quiet"],
    { env: { OTEL_EXPORTER_OTLP_PROTOCOL: "console" } },
  );
  await ordinaryClient(server.port, "aSERVER WRONG MARKER");
  const { code, stdout, stderr } = await server.stop();
  assertEquals({ code, stdout, stderr }, {
    code: 0,
    stdout: `started on ${server.port}\n`,
    stderr: "",
  });
});
