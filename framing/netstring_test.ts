import { assert, assertEquals } from "@std/assert";
import { recvCount } from "../mod.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

function chunks(...texts: string[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(texts.map(utf8));
}

// text, reason, data, count, rest
const TABLE: [string, string, string, number | null, string][] = [
  ["5:a1234,", "end", "a1234", 5, ""],
  ["0:,", "end", "", 0, ""],
  ["1:,,", "end", ",", 1, ""],
  ["3:abc,3:d", "end", "abc", 3, "3:d"],
  ["10:0123456789,", "end", "0123456789", 10, ""],
  ["12:exactly 12 b,", "end", "exactly 12 b", 12, ""],
  // What is no netstring.
  [":", "bad count", "", null, ""],
  [":abc,", "bad count", "", null, ""],
  ["a1234", "bad count", "", null, ""],
  ["-1:a,", "bad count", "", null, ""],
  ["+1:a,", "bad count", "", null, ""],
  [" 1:a,", "bad count", "", null, ""],
  ["1 :a,", "bad count", "", null, ""],
  ["1a:a,", "bad count", "", null, ""],
  ["0x1:a,", "bad count", "", null, ""],
  ["1.0:a,", "bad count", "", null, ""],
  ["1,a", "bad count", "", null, ""],
  ["\n5:a1234,", "bad count", "", null, ""],
  ["00:,", "bad count", "", null, ""],
  ["05:a1234,", "bad count", "", null, ""],
  ["13:a1234,", "bad count", "", null, ""],
  ["999999999:a", "bad count", "", null, ""],
  ["99999999999999999999:", "bad count", "", null, ""],
  ["5:a1234;", "bad count", "a1234", 5, ""],
  ["4:a1234,", "bad count", "a123", 4, ""],
  ["0:a,", "bad count", "", 0, ""],
  // The end of file comes too early.
  ["", "eof", "", null, ""],
  ["5", "eof", "", null, ""],
  ["5:", "eof", "", 5, ""],
  ["5:a12", "eof", "a12", 5, ""],
  ["6:a1234,", "eof", "a1234,", 6, ""],
  ["5:a1234", "eof", "a1234", 5, ""],
];

for (const [text, reason, data, count, rest] of TABLE) {
  Deno.test(`recvCount() reports ${reason} for ${JSON.stringify(text)} in any chunks`, async () => {
    for (let cut = 0; cut <= text.length; cut++) {
      const source = chunks(text.slice(0, cut), text.slice(cut));
      const received = await recvCount(source, { maxBytes: 12 });
      assertEquals(received.reason, reason, `cut at ${cut}`);
      assertEquals(received.gotEnd, reason === "end");
      assertEquals(received.data, utf8(data), `cut at ${cut}`);
      assertEquals(received.byteLength, data.length);
      assertEquals(received.isEmpty, text === "");
      if (reason !== "bad count") assertEquals(received.count, count);
      if (reason !== "end") continue;
      let left = new TextDecoder().decode(received.rest);
      for await (const chunk of source) left += new TextDecoder().decode(chunk);
      assertEquals(left, rest);
    }
  });
}

Deno.test("recvCount() takes no memory for bytes that have not come", async () => {
  let asked = 0;
  const source = {
    read(p: Uint8Array) {
      asked += p.length;
      if (asked > p.length) return Promise.resolve(null);
      p.set(utf8("999999999:abc"));
      return Promise.resolve(13);
    },
  };
  const received = await recvCount(source, { maxBytes: 1e9 });
  assertEquals([received.byteLength, received.count], [3, 999999999]);
  assert(asked < 10_000, `buffers of ${asked} bytes`);
});
