import { assertEquals } from "@std/assert";
import { isGoneClient } from "./listen.ts";

const { errors } = Deno;

Deno.test.each([
  { name: "NotConnected", error: new errors.NotConnected(), expected: true },
  {
    name: "ConnectionAborted",
    error: new errors.ConnectionAborted(),
    expected: true,
  },
  {
    name: "ConnectionReset",
    error: new errors.ConnectionReset(),
    expected: true,
  },
  { name: "BadResource", error: new errors.BadResource(), expected: false },
  {
    name: "any other error",
    error: new Error("Too many open files"),
    expected: false,
  },
])("isGoneClient() of $name is $expected", ({ error, expected }) => {
  assertEquals(isGoneClient(error), expected);
});
