import { assertEquals } from "@std/assert";
import { endOfFileFraming } from "./end_of_file.ts";

Deno.test("endOfFileFraming accepts exactly maxBytes, in any chunks", () => {
  for (let cut = 0; cut <= 3; cut++) {
    const decoder = endOfFileFraming.decoder(3);
    const bytes = Uint8Array.of(1, 2, 3);
    assertEquals(decoder.push(bytes.subarray(0, cut)), undefined);
    assertEquals(decoder.push(bytes.subarray(cut)), undefined);
    const { reason, data, isEmpty } = decoder.end();
    assertEquals({ reason, data, isEmpty }, {
      reason: "end",
      data: bytes,
      isEmpty: false,
    });
  }
});

Deno.test("endOfFileFraming refuses more than maxBytes at once", () => {
  const decoder = endOfFileFraming.decoder(3);
  assertEquals(decoder.push(Uint8Array.of(1, 2, 3)), undefined);
  const decoded = decoder.push(Uint8Array.of(4));
  assertEquals([decoded?.reason, decoded?.byteLength], ["limit", 4]);
});

Deno.test("endOfFileFraming takes a stream without a byte for no message", () => {
  const { reason, isEmpty } = endOfFileFraming.decoder(3).end();
  assertEquals([reason, isEmpty], ["eof", true]);
});
