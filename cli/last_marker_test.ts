import { assertEquals } from "@std/assert";
import { withoutLastMarker } from "./last_marker.ts";

const encoder = new TextEncoder();

/** Every way to cut a text into chunks. */
function cutsOf(text: string): string[][] {
  if (text.length <= 1) return [[text]];
  return cutsOf(text.slice(1)).flatMap(([first, ...rest]) => [
    [text[0]! + first!, ...rest],
    [text[0]!, first!, ...rest],
  ]);
}

async function* streamOf(chunks: string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    yield await Promise.resolve(encoder.encode(chunk));
  }
}

Deno.test.each([
  { text: "hello<>", marker: "<>", expected: "hello" },
  { text: "hello", marker: "<>", expected: "hello" },
  { text: "hello<", marker: "<>", expected: "hello<" },
  { text: "<>", marker: "<>", expected: "" },
  { text: "", marker: "<>", expected: "" },
  { text: "<", marker: "<>", expected: "<" },
  { text: "a<>b", marker: "<>", expected: "a<>b" },
  { text: "a<><>", marker: "<>", expected: "a<>" },
  { text: "aab", marker: "aab", expected: "" },
  { text: "\r\n", marker: "\n", expected: "\r" },
])(
  "withoutLastMarker() cut anywhere: $text",
  async ({ text, marker, expected }) => {
    for (const chunks of cutsOf(text)) {
      const decoder = new TextDecoder();
      let result = "";
      for await (
        const bytes of withoutLastMarker(
          streamOf(chunks),
          encoder.encode(marker),
        )
      ) {
        result += decoder.decode(bytes, { stream: true });
      }
      assertEquals(result, expected, JSON.stringify(chunks));
    }
  },
);
