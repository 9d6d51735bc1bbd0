import { assertEquals, assertStringIncludes } from "@std/assert";
import { ConversationError } from "../client/reply.ts";
import { hintForFailure } from "./hints.ts";

Deno.test.each(
  [
    { reason: "no reply", keepAlive: false, hint: "--half-close after" },
    { reason: "no reply", keepAlive: true, hint: "--idle-timeout" },
    { reason: "unsolicited", keepAlive: true, hint: "more than one reply" },
    { reason: "truncated", keepAlive: false, hint: "--reply-marker" },
    { reason: "timed out", keepAlive: false, hint: "--timeout" },
    { reason: "too large", keepAlive: false, hint: "--max-bytes" },
    { reason: "bad count", keepAlive: false, hint: "--framing count" },
  ] as const,
)("hintForFailure() has a hint: $reason, keep-alive $keepAlive", ({
  reason,
  keepAlive,
  hint,
}) => {
  const error = new ConversationError(reason, "failed");
  assertStringIncludes(hintForFailure(error, keepAlive)!, hint);
});

Deno.test("hintForFailure() asks for the server where it is refused", () => {
  const cause = new Deno.errors.ConnectionRefused();
  const error = new ConversationError("refused", "failed", undefined, {
    cause,
  });
  assertEquals(hintForFailure(error, false), "is a server running there?");
});
