/**
 * A name server over TCP (RFC 1035 4.2.2): a length of two bytes before each
 * message. It knows addresses of version 4 only.
 *
 *     deno run -A server.ts examples/dns_server.ts
 *     drill -t -p 5300 example.com @127.0.0.1
 *
 * @module
 */
import { concat } from "@std/bytes";
import { serve, type ServerModule } from "../mod.ts";

const ADDRESSES: ReadonlyMap<string, readonly number[]> = new Map([
  ["example.com", [192, 0, 2, 1]],
]);
const NAME_ERROR = 3;

const server = {
  port: 5300,
  framing: { framing: "lengthPrefixed", lengthBytes: 2 },
  keepAlive: true,
  errorReply: () => null,
  handler(message, info) {
    const query = message.bytes();
    const labels: string[] = [];
    let at = 12; // after the header
    for (let length; (length = query[at++] ?? 0) > 0; at += length) {
      labels.push(new TextDecoder().decode(query.subarray(at, at + length)));
    }
    if (query.length < at + 4) return info.close();
    const address = ADDRESSES.get(labels.join(".").toLowerCase());
    const code = address === undefined ? NAME_ERROR : 0;
    const count = address === undefined ? 0 : 1;
    const head = [0x85, code, 0, 1, 0, count, 0, 0, 0, 0];
    const question = query.subarray(12, at + 4);
    // The name is the one at byte 12; type A, class IN, 60 s, 4 bytes.
    const answer = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address ?? []];
    return concat([
      query.subarray(0, 2),
      Uint8Array.from(head),
      question,
      Uint8Array.from(count === 0 ? [] : answer),
    ]);
  },
} satisfies ServerModule;

export default server;
if (import.meta.main) serve(server, server.handler);
