import { assert, assertThrows } from "@std/assert";
import { serve, type ServeOptions } from "../mod.ts";

Deno.test.each<{ options: ServeOptions; message: string }>([
  { options: { end: null, keepAlive: true }, message: "null as end" },
  { options: { start: "", end: ";" }, message: "empty" },
  { options: { start: "<", framing: "count" }, message: "start" },
  { options: { start: "<", end: null }, message: "start" },
  { options: { framing: "lines" as "end" }, message: "lines" },
  {
    options: { framing: { framing: "lines" as "netstring" } },
    message: "lines",
  },
  { options: { tooLarge: "skip" }, message: "keepAlive" },
  {
    options: { tooLarge: "skip", keepAlive: true, framing: "count" },
    message: "end markers",
  },
  { options: { tooLarge: "wait" as "skip" }, message: '"close" or "skip"' },
  {
    options: { onEndOfFile: "cancel", keepAlive: true },
    message: "keepAlive",
  },
  { options: { onEndOfFile: "cancel", end: null }, message: "end of file" },
  { options: { greeting: "a;", end: ";", keepAlive: true }, message: "marker" },
  {
    options: { greeting: 5 as unknown as string },
    message: "neither text nor bytes",
  },
  {
    options: { end: ";", keepAlive: true, errorReply: () => "a;" },
    message: "errorReply",
  },
  {
    options: { start: "a", end: "b", replyEnd: "start" },
    message: "ERROR:bad start!",
  },
  {
    options: {
      framing: "count",
      errorReply: (code: string) => code.replace(/^got.*/, "") || undefined!,
    },
    message: "errorReply",
  },
  {
    options: { errorReply: () => 5 as unknown as string },
    message: "errorReply",
  },
])("serve() refuses $options", ({ options, message }) => {
  const error = assertThrows(() => serve({ port: 0, ...options }), TypeError);
  assert(error.message.includes(message), error.message);
});
