/**
 * Protocols of one question and its answer: WHOIS, finger, DNS.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import {
  assertOutcomes,
  type Protocol,
  run,
  startExample,
} from "./protocol.ts";

/** WHOIS. */
export const whois: Protocol = {
  name: "WHOIS",
  example: "whois_server.ts",
  clients: [{
    name: "whois",
    programs: ["whois"],
    source: "debian:whois",
    async run() {
      await using server = await startExample("whois_server.ts");
      const ask = (query: string) =>
        run("whois", ["-h", "127.0.0.1", "-p", `${server.port}`, query]);
      assertEquals(
        await ask("Example.com"),
        "domain: EXAMPLE.COM\nholder: Example Ltd\n",
      );
      assertEquals(await ask("nothing.test"), "% no match\n");
      assertEquals(await ask("x".repeat(256)), "% too large\n");
      await assertOutcomes(server, "ok", "no match", "too large");
    },
  }],
};

/** The only port that the program finger asks. */
const FINGER_PORT = 79;

/** Why nothing can listen on a port; undefined if something can. */
function obstacleOf(port: number): string | undefined {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return undefined;
  } catch (error) {
    return `cannot listen on port ${port}: ${(error as Error).name}`;
  }
}

/** Finger. */
export const finger: Protocol = {
  name: "finger",
  example: "finger_server.ts",
  clients: [{
    name: "finger",
    programs: ["finger"],
    source: "debian:finger",
    get obstacle() {
      return obstacleOf(FINGER_PORT);
    },
    async run() {
      await using server = await startExample("finger_server.ts", FINGER_PORT);
      assertEquals(await run("finger", ["ann@127.0.0.1"]), "Login: ann\n");
      assertEquals(
        await run("finger", ["-l", "ann@127.0.0.1"]),
        "Login: ann\nPlan: Write the tests first.\n",
      );
      assertEquals(await run("finger", ["@127.0.0.1"]), "Users: ann, bob\n");
      assertEquals(
        await run("finger", ["ann@elsewhere@127.0.0.1"]),
        "finger: forwarding denied\n",
      );
      await assertOutcomes(server, "ok", "ok", "ok", "forwarding denied");
    },
  }, {
    name: "nc -N",
    programs: ["nc"],
    source: "debian:netcat-openbsd",
    async run() {
      await using server = await startExample("finger_server.ts");
      const ask = (query: string) =>
        run("nc", ["-N", "127.0.0.1", `${server.port}`], { stdin: query });
      assertEquals(await ask("bob\r\n"), "Login: bob\r\n");
      assertEquals(await ask("bob"), "finger: no end\r\n");
      await assertOutcomes(server, "ok", "no end");
    },
  }],
};

/** DNS over TCP. */
export const dns: Protocol = {
  name: "DNS over TCP",
  example: "dns_server.ts",
  clients: [{
    name: "drill -t",
    programs: ["drill"],
    source: "debian:ldnsutils",
    async run() {
      await using server = await startExample("dns_server.ts");
      const ask = (name: string) =>
        run("drill", ["-t", "-p", `${server.port}`, name, "@127.0.0.1"]);
      assertMatch(
        await ask("example.com"),
        /^example\.com\.\s.*\s192\.0\.2\.1$/m,
      );
      assertMatch(await ask("nothing.test"), /rcode: NXDOMAIN/);
      await assertOutcomes(server, "ok", "ok");
    },
  }],
};
