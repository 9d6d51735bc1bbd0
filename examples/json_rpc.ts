/**
 * JSON-RPC 2.0 with a child process, a line of its standard input or output for
 * each message: both sides may send requests, and answer in any order. The child
 * here is a program in jq, which asks for a name before it greets.
 *
 *     deno run --allow-run=jq examples/json_rpc.ts
 *
 * @module
 */
import { Reader } from "../mod.ts";

/** Talks to a child; `answer` returns the results of the child's requests. */
export function jsonRpc(
  child: Deno.ChildProcess,
  answer: (method: string, params: unknown) => unknown,
) {
  const input = child.stdin.getWriter();
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const send = (message: object) => {
    const line = `${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`;
    return input.write(new TextEncoder().encode(line));
  };
  const reply = async (id: unknown, method: string, params: unknown) => {
    try {
      await send({ id, result: await answer(method, params) });
    } catch (error) {
      await send({ id, error: { code: -32603, message: `${error}` } });
    }
  };
  const read = async () => {
    using reader = new Reader(child);
    for await (const { data, gotEnd } of reader.messages("\n")) {
      if (!gotEnd) throw new Error("The last line is not complete");
      const message = JSON.parse(new TextDecoder().decode(data));
      const { id, method, params, result, error } = message;
      if (method !== undefined) {
        reply(id, method, params).catch(() => {}); // the child has gone
      } else {
        const request = waiting.get(id);
        waiting.delete(id);
        if (error === undefined) request?.resolve(result);
        else request?.reject(new Error(error.message));
      }
    }
    throw new Error("The child has ended");
  };
  let failure: unknown;
  read().catch((error) => {
    failure = error;
    for (const { reject } of waiting.values()) reject(error);
  });
  let lastId = 0;
  return {
    /** Sends a request, and returns its result. */
    async request(method: string, params?: unknown): Promise<unknown> {
      if (failure !== undefined) throw failure;
      const id = ++lastId;
      const result = Promise.withResolvers<unknown>();
      waiting.set(id, result);
      const sent = send({ id, method, params });
      const [value] = await Promise.all([result.promise, sent]);
      return value;
    },
    /** Closes the child's standard input. */
    close: () => input.close(),
  };
}

/** A child that adds numbers, and greets a name that it asks for first. */
const JQ = `
  if .method == "add" then { id, result: (.params | add) }
  elif .method == "greet" then { id: (.id + 1000), method: "name" }
  elif .method then { id, error: { code: -32601, message: "no such method" } }
  else { id: (.id - 1000), result: "hello \\(.result)" }
  end | { jsonrpc: "2.0" } + .`;

if (import.meta.main) {
  const child = new Deno.Command("jq", {
    args: ["--unbuffered", "--compact-output", JQ],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const rpc = jsonRpc(child, (method) => method === "name" ? "Ann" : null);
  console.log(await rpc.request("add", [1, 2, 3]), await rpc.request("greet"));
  await rpc.close();
}
