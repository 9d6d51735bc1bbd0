import { assertEquals } from "@std/assert";
import { Decoded } from "../framing/received.ts";
import { incompleteReply, reasonOf, toReply } from "./reply.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

Deno.test.each([
  { name: "an error reply", text: "ERROR:no end!", error: "no end" },
  {
    name: "an error reply with numbers",
    text: "ERROR:got 3 of 5 bytes!",
    error: "got 3 of 5 bytes",
  },
  {
    name: "an error reply of 200 characters in UTF-8",
    text: `ERROR:${"😀".repeat(100)}!`,
    error: "😀".repeat(100),
  },
  {
    name: "a reply that only begins like an error",
    text: "ERROR:no end! More follows.",
    error: null,
  },
  {
    name: "a reply of two error replies",
    text: "ERROR:busy!ERROR:busy!",
    error: null,
  },
  {
    name: "a reply that only ends like an error",
    text: "It said ERROR:no end!",
    error: null,
  },
  { name: "an error reply and a line break", text: "ERROR:a!\n", error: null },
  { name: "an error reply of two lines", text: "ERROR:a\nb!", error: null },
  { name: "an error reply without a code", text: "ERROR:!", error: null },
  { name: "an unfinished error reply", text: "ERROR:no end", error: null },
  { name: "small letters", text: "error:no end!", error: null },
  {
    name: "an error reply of 201 characters",
    text: `ERROR:${"a".repeat(201)}!`,
    error: null,
  },
  { name: "an empty reply", text: "", error: null },
])("toReply() of $name", ({ text, error }) => {
  const reply = toReply(utf8(text));
  assertEquals([reply.error, reply.text()], [error, text]);
});

const DATA = utf8("abc");

Deno.test.each([
  {
    name: "too large",
    decoded: new Decoded("limit", [DATA], 3),
    reason: "too large",
    message: "The reply has more than 2 bytes",
    received: DATA,
  },
  {
    name: "not a netstring",
    decoded: new Decoded("bad count", [DATA], 3),
    reason: "bad count",
    message: "The reply has no valid byte count in front",
    received: DATA,
  },
  {
    name: "truncated",
    decoded: new Decoded("eof", [DATA], 3),
    reason: "truncated",
    message: "The reply was truncated after 3 bytes: " +
      "the connection ended before it did",
    received: DATA,
  },
  {
    name: "truncated before its first byte",
    decoded: new Decoded("eof", [], 0, -1, 5),
    reason: "truncated",
    message: "The reply was truncated after 0 bytes: " +
      "the connection ended before it did",
    received: utf8(""),
  },
  {
    name: "missing",
    decoded: new Decoded("eof", [], 0, -1, null, true),
    reason: "no reply",
    message: "No reply: the connection ended before any byte of a reply",
    received: utf8(""),
  },
])("incompleteReply() of a reply that is $name", (test) => {
  const { decoded } = test;
  const { reason, message, received } = incompleteReply(decoded as Decoded, 2);
  assertEquals<unknown>({ reason, message, received }, {
    reason: test.reason,
    message: test.message,
    received: test.received,
  });
});

Deno.test("reasonOf() has a text for any error", () => {
  assertEquals(reasonOf(new TypeError("wrong")), "wrong");
  assertEquals(reasonOf("wrong"), "wrong");
  assertEquals(reasonOf(undefined), "undefined");
});
