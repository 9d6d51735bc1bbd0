import { assertEquals } from "@std/assert";
import { nameOf } from "./address.ts";
import { addressOf } from "./options.ts";

Deno.test.each([
  { name: "the default", options: {}, expected: "127.0.0.1:4444" },
  {
    name: "a host name",
    options: { hostname: "example.com", port: 80 },
    expected: "example.com:80",
  },
  {
    name: "an IPv6 address",
    options: { hostname: "::1", port: 80 },
    expected: "[::1]:80",
  },
  { name: "port 0", options: { port: 0 }, expected: "127.0.0.1:0" },
  {
    name: "a Unix socket",
    options: { path: "/run/a.sock", port: 80 },
    expected: "/run/a.sock",
  },
])("nameOf() writes $name", ({ options, expected }) => {
  assertEquals(nameOf(addressOf(options)), expected);
});
