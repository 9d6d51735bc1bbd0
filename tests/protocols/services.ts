/**
 * Protocols of caches, of applications and of devices: memcached, SCGI, HL7,
 * MPD, JSON-RPC.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { Hl7Message } from "npm:@medplum/core@5.0.10";
import { Hl7Client } from "npm:@medplum/hl7@5.0.10";
import { jsonRpc } from "../../examples/json_rpc.ts";
import { Program, runProgram, startOnSomePort } from "../programs.ts";
import { temporaryDirectory } from "../temporary.ts";
import {
  assertOutcomes,
  type Protocol,
  run,
  startExample,
} from "./protocol.ts";

/** A cache. */
export const memcached: Protocol = {
  name: "memcached, `get` and `set`",
  example: "memcached_server.ts",
  clients: [{
    name: "memccp, memccat",
    programs: ["memccp", "memccat"],
    source: "debian:libmemcached-tools",
    async run() {
      await using folder = await temporaryDirectory();
      await using server = await startExample("memcached_server.ts");
      const servers = `--servers=127.0.0.1:${server.port}`;
      const value = "to be\r\nEND\r\nget value\r\n".repeat(3000);
      await Deno.writeTextFile(`${folder.path}/value`, value);
      await run("memccp", [servers, `${folder.path}/value`]);
      const got = await run("memccat", [servers, "value"]);
      assert(got === `${value}\n`, got.slice(0, 100));
      await assertOutcomes(server, "ok", "ok");
    },
  }],
};

/** Applications behind a web server. */
export const scgi: Protocol = {
  name: "SCGI",
  example: "scgi_server.ts",
  clients: [{
    name: "nginx, scgi_pass",
    programs: ["nginx", "curl"],
    source: "debian:nginx",
    async run() {
      await using folder = await temporaryDirectory();
      await using server = await startExample("scgi_server.ts");
      await using nginx = await startOnSomePort(
        (port) => startNginx(folder.path, port, server.port),
        /start worker process/,
      );
      const ask = (path: string, ...flags: string[]) =>
        run("curl", [
          ...["--silent", "--fail", ...flags],
          `http://127.0.0.1:${nginx.port}${path}`,
        ]);
      assertEquals(await ask("/a?b"), "GET /a?b, 0 bytes\n");
      const body = "x".repeat(300_000);
      const file = `${folder.path}/body`;
      await Deno.writeTextFile(file, body);
      const posted = await ask("/c", "--data-binary", `@${file}`);
      assertEquals(posted, "POST /c, 300000 bytes\n");
      // Above the limit of the example, below that of nginx.
      await Deno.writeTextFile(file, "x".repeat(1_040_000));
      const refused = await runProgram("curl", [
        ...["--silent", "--output", `${folder.path}/reply`],
        ...["--write-out", "%{http_code}", "--data-binary", `@${file}`],
        `http://127.0.0.1:${nginx.port}/d`,
      ]);
      assertEquals(refused.stdout, "503");
      await assertOutcomes(server, "ok", "ok", "too large");
    },
  }],
};

/** Starts nginx with all of its files in a folder. */
function startNginx(folder: string, port: number, serverPort: number): Program {
  const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const paths = kinds.map((kind) => `${kind}_temp_path ${folder};`).join(" ");
  const names = ["REQUEST_METHOD", "REQUEST_URI", "CONTENT_LENGTH"];
  const headers = names.map((name) =>
    `scgi_param ${name} $${name.toLowerCase()};`
  ).join(" ");
  const file = `${folder}/nginx.conf`;
  Deno.writeTextFileSync(
    file,
    `daemon off; pid ${folder}/pid; error_log stderr notice;
events {}
http {
  access_log off; ${paths}
  server {
    listen 127.0.0.1:${port};
    location / {
      scgi_param SCGI 1; ${headers}
      scgi_pass 127.0.0.1:${serverPort};
    }
  }
}
`,
  );
  return new Program("nginx", ["-c", file, "-e", "stderr"]);
}

/** HL7 over MLLP. */
export const hl7: Protocol = {
  name: "HL7 over MLLP",
  example: "mllp_server.ts",
  clients: [{
    name: "@medplum/hl7",
    programs: [],
    source: "npm:@medplum/hl7@5.0.10",
    async run() {
      await using server = await startExample("mllp_server.ts");
      const client = new Hl7Client({ host: "127.0.0.1", port: server.port });
      const errors: unknown[] = [];
      client.addEventListener("error", ({ error }) => errors.push(error));
      try {
        const connection = await client.connect();
        for (const round of ["A", "B", "C"]) {
          const ids = Array.from({ length: 10 }, (_, i) => `${round}${i}`);
          const acks = await Promise.all(ids.map((id, number) =>
            // From a hundred bytes to 256 KiB; all are sent before the first ACK.
            connection.sendAndWait(Hl7Message.parse(result(id, 4 ** number)))
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
    },
  }],
};

/** A result with this control id and `length` bytes of text. */
function result(id: string, length: number): string {
  const header = `MSH|^~\\&|LAB|SITE|EHR|WARD|20260102||ORU^R01|${id}|P|2.5`;
  return `${header}\rPID|1||7||Müller^J\rOBX|1|TX|||${"x".repeat(length)}`;
}

function fieldOf(message: Hl7Message, segment: string, field: number) {
  return message.getSegment(segment)?.getField(field)?.toString();
}

/** A music player. */
export const mpd: Protocol = {
  name: "MPD",
  example: "mpd_server.ts",
  clients: [{
    name: "mpc idleloop",
    programs: ["mpc"],
    source: "debian:mpc",
    async run() {
      await using server = await startExample("mpd_server.ts");
      const to = ["--host=127.0.0.1", `--port=${server.port}`, "--quiet"];
      await using waiting = new Program("mpc", [...to, "idleloop"]);
      // Changes from before its connection are none of its business: so again.
      while (waiting.stdout === "") await run("mpc", [...to, "play"]);
      const before = (await waiting.says(/^(player\n)+$/))[0];
      await run("mpc", [...to, "stop"]);
      await waiting.says(RegExp(`^${before}player\n`));
      const unknown = await runProgram("mpc", [...to, "next"]);
      assertStringIncludes(unknown.stderr, "unknown command");
    },
  }],
};

/** JSON-RPC with a child process. */
export const jsonRpcLines: Protocol = {
  name: "JSON-RPC 2.0, lines of a child process",
  example: "json_rpc.ts",
  clients: [{
    name: "jq",
    programs: ["jq"],
    source: "debian:jq",
    async run() {
      const program = `if .method == "ask" then
  { id: (.id + 1000), method: "double", params: .params }
  elif .method == "size" then { id, result: (.params | length) }
  elif .method then { id, error: { code: -32601, message: "no such method" } }
  elif .error then { id: (.id - 1000), result: .error.message }
  else { id: (.id - 1000), result } end`;
      await using child = new Deno.Command("jq", {
        args: ["--unbuffered", "--compact-output", program],
        stdin: "piped",
        stdout: "piped",
      }).spawn();
      const rpc = jsonRpc(child, (method, params) => {
        assertEquals(method, "double");
        if (typeof params !== "number") throw new Error("not a number");
        return 2 * params;
      });
      const text = "ü\n".repeat(300_000); // a line of more than 1 MB
      const results = await Promise.all([
        rpc.request("ask", 21),
        rpc.request("size", text),
        rpc.request("ask", "a"),
        rpc.request("none").catch((error) => error.message),
        rpc.request("ask", 4),
      ]);
      assertEquals(results, [
        42,
        600_000,
        "Error: not a number",
        "no such method",
        8,
      ]);
      await rpc.close();
      assert((await child.status).success);
      await assertRejects(() => rpc.request("size", ""), Error);
    },
  }],
};
