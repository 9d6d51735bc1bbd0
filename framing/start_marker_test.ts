import { assertEquals, assertRejects } from "@std/assert";
import { concat } from "@std/bytes";
import { encode } from "./encode.ts";
import { EndMarkerFraming } from "./end_marker.ts";
import { MarkerSet } from "./marker_set.ts";
import { withStart } from "./start_marker.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const framing = withStart(
  utf8("<<"),
  new EndMarkerFraming(new MarkerSet([utf8(">>")])),
);

/** All that a decoder finds in a stream that arrives in these chunks. */
function decodeAll(chunks: readonly string[], maxBytes: number): string[] {
  const decoder = framing.decoder(maxBytes);
  const found: string[] = [];
  for (const chunk of chunks) {
    let rest = utf8(chunk);
    while (rest.length > 0) {
      let result = decoder.push(rest);
      if (result?.reason === "limit") {
        // The message itself, or the end of it after skip().
        if (found.at(-1) !== "skipping") {
          found.push("too large");
          result = decoder.skip!();
        }
        if (found.at(-1) === "skipping") found.pop();
        if (result === undefined) found.push("skipping");
      } else if (result !== undefined) {
        found.push(result.gotEnd ? text(result.data) : result.errorCode);
        if (!result.gotEnd) return found;
      }
      rest = (result?.rest ?? new Uint8Array(0)) as Uint8Array<ArrayBuffer>;
    }
  }
  const { isEmpty, errorCode } = decoder.end();
  if (!isEmpty) found.push(errorCode);
  return found;
}

/** A stream in all ways to cut it into two chunks, or at each byte. */
function cuts(stream: string): string[][] {
  const ways = [[stream], [...stream]];
  for (let at = 1; at < stream.length; at++) {
    ways.push([stream.slice(0, at), stream.slice(at)]);
  }
  return ways;
}

Deno.test.each([
  { stream: "", found: [] },
  { stream: "<<a>>", found: ["a"] },
  { stream: "<<a>><<>><<b>>", found: ["a", "", "b"] },
  { stream: "<<<a>>", found: ["<a"] },
  { stream: "<", found: ["no end"] },
  { stream: "<<", found: ["no end"] },
  { stream: "<<a>", found: ["no end"] },
  { stream: "a<<b>>", found: ["bad start"] },
  { stream: "<<a>>\n<<b>>", found: ["a", "bad start"] },
  { stream: "<a<b>>", found: ["bad start"] },
  { stream: "<<abcd>><<a>>", found: ["abcd", "a"] },
  { stream: "<<abcde>><<a>>", found: ["too large", "a"] },
  { stream: "<<abcde<<>><<a>>", found: ["too large", "a"] },
  { stream: "<<abcdefgh>>a", found: ["too large", "bad start"] },
  {
    stream: "<<abcdefgh>><<abcdef>><<",
    found: ["too large", "too large", "no end"],
  },
])("withStart() decodes $stream, however it is cut", ({ stream, found }) => {
  for (const chunks of cuts(stream)) {
    assertEquals(decodeAll(chunks, 4), [...found], chunks.join("|"));
  }
});

Deno.test("withStart() does not search the start of what is sent", async () => {
  const odd = withStart(
    utf8("a>"),
    new EndMarkerFraming(new MarkerSet([utf8(">>")])),
  );
  for (const body of [">b", [">", "b"], new Blob([">b"]).stream()]) {
    const chunks = await Array.fromAsync(encode(body, odd));
    assertEquals(text(concat(chunks)), "a>>b>>");
  }
});

Deno.test("withStart() puts the start before a large message", async () => {
  const large = "b".repeat(100_000);
  for (const body of [large, [large], new Set([large])]) {
    const chunks = await Array.fromAsync(encode(body, framing));
    assertEquals(text(concat(chunks)), `<<${large}>>`);
  }
});

Deno.test("withStart() begins no message that fails before its first chunk", async () => {
  // deno-lint-ignore require-yield
  async function* failing() {
    await Promise.resolve();
    throw new Error("no data");
  }
  const chunks = encode(failing(), framing) as AsyncIterable<Uint8Array>;
  await assertRejects(
    () => chunks[Symbol.asyncIterator]().next(),
    Error,
    "no data",
  );
});
