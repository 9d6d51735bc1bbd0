/**
 * Protocols of mail servers: SMTP, and Postfix's socketmap.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Listening, runProgram } from "../programs.ts";
import { temporaryDirectory } from "../temporary.ts";
import {
  assertOutcomes,
  type Protocol,
  run,
  startExample,
} from "./protocol.ts";

/** A mail that the example has printed. */
interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly mail: string;
}

/** The first mail that the example prints. */
async function takenMail(server: Listening): Promise<Mail> {
  const [line] = await server.says(/^{.*}$/m);
  return JSON.parse(line);
}

/** Lines that SMTP has to escape. */
const BODY = ".\n..\n.to be\nor not to be\n";

/** SMTP. */
export const smtp: Protocol = {
  name: "SMTP",
  example: "smtp_server.ts",
  clients: [{
    name: "swaks",
    programs: ["swaks"],
    source: "debian:swaks",
    async run() {
      await using server = await startExample("smtp_server.ts");
      const said = await run("swaks", [
        ...["--server", `127.0.0.1:${server.port}`, "--helo", "localhost"],
        ...["--from", "bob@example.com", "--to", "ann@example.com,x@y.test"],
        ...["--body", BODY],
      ]);
      assertStringIncludes(said, "<-  221 bye");
      const { from, to, mail } = await takenMail(server);
      assertEquals(from, "bob@example.com");
      assertEquals(to, ["ann@example.com", "x@y.test"]);
      assertStringIncludes(mail, BODY.replaceAll("\n", "\r\n"));
      await assertOutcomes(server, "ok");
    },
  }, {
    name: "curl smtp://",
    programs: ["curl"],
    source: "debian:curl",
    async run() {
      await using folder = await temporaryDirectory();
      await using server = await startExample("smtp_server.ts");
      const sent = `Subject: a question\n\n${BODY}`.replaceAll("\n", "\r\n");
      const file = `${folder.path}/mail`;
      const send = (mail: string) => {
        Deno.writeTextFileSync(file, mail);
        return runProgram("curl", [
          ...["--silent", "--show-error", "--upload-file", file],
          ...["--mail-from", "bob@example.com"],
          ...["--mail-rcpt", "ann@example.com"],
          `smtp://127.0.0.1:${server.port}/localhost`,
        ]);
      };
      assertEquals((await send(sent)).stderr, "");
      assertEquals((await takenMail(server)).mail, sent);
      const large = `${"x".repeat(998)}\r\n`.repeat(11_000);
      const { code, stderr } = await send(large);
      assertEquals(code, 8, stderr); // a reply of the server was a refusal
      await assertOutcomes(server, "ok", "ok");
    },
  }],
};

/** Tables of Postfix. */
export const socketmap: Protocol = {
  name: "Postfix socketmap",
  example: "socketmap_server.ts",
  clients: [{
    name: "postmap -q",
    programs: ["postmap"],
    source: "debian:postfix",
    async run() {
      await using folder = await temporaryDirectory();
      await Deno.writeTextFile(
        `${folder.path}/main.cf`,
        "compatibility_level = 3.6\n",
      );
      await using server = await startExample("socketmap_server.ts");
      const query = (map: string, key: string) =>
        runProgram("postmap", [
          ...["-c", folder.path, "-q", key],
          `socketmap:inet:127.0.0.1:${server.port}:${map}`,
        ]);
      const found = await query("aliases", "ann@example.com");
      assertEquals([found.code, found.stdout], [0, "ann, bob\n"], found.stderr);
      const missing = await query("aliases", "carl@example.com");
      assertEquals([missing.code, missing.stdout], [1, ""], missing.stderr);
      const failed = await query("other", "ann@example.com");
      assertStringIncludes(failed.stderr, "temporary error: no such map");
      await assertOutcomes(server, "ok", "ok", "ok");
    },
  }],
};
