// What becomes of the lines while the output of the log fails.

import { assert, assertEquals } from "@std/assert";
import { Log } from "./log.ts";

/** An output that fails until it is repaired. */
class FailingOutput {
  text = "";
  attempts = 0;
  #repaired = Promise.withResolvers<void>();
  #isRepaired = false;
  readonly #failed = Promise.withResolvers<void>();

  /** Resolves when a write has failed. */
  get failed(): Promise<void> {
    return this.#failed.promise;
  }

  /** Resolves when something was written. */
  get written(): Promise<void> {
    return this.#repaired.promise;
  }

  repair(): void {
    this.#isRepaired = true;
  }

  write(bytes: Uint8Array): Promise<number> {
    this.attempts++;
    if (!this.#isRepaired) {
      this.#failed.resolve();
      return Promise.reject(new Error("No space left on device (os error 28)"));
    }
    this.text += new TextDecoder().decode(bytes);
    this.#repaired.resolve();
    return Promise.resolve(bytes.length);
  }
}

function withoutTimes(text: string): string[] {
  return text.split("\n").map((line) => line.replace(/^\S+ /, ""));
}

Deno.test("append() is written when the disk is no longer full", async () => {
  const output = new FailingOutput();
  const log = new Log("text", output, 1);
  log.note("before");
  await output.failed;
  log.note("meanwhile");
  output.repair();
  await output.written;
  assertEquals(await log.close(), true);
  log.note("after");
  assertEquals(await log.close(), true);
  const lines = withoutTimes(output.text);
  assertEquals(lines, ["before", "meanwhile", "after", ""]);
});

Deno.test("append() counts the lines of batches that it drops", async () => {
  const output = new FailingOutput();
  const log = new Log("text", output, 1);
  const batch = `${"x".repeat(99)}\n`.repeat(10_000);
  for (let i = 0; i < 40; i++) log.append(batch);
  await output.failed;
  output.repair();
  assertEquals(await log.close(), true);
  const lines = output.text.trimEnd().split("\n");
  const last = lines.pop()!;
  const [, missing] = / (\d+) lines are missing here$/.exec(last) ?? [];
  assertEquals(lines.length + Number(missing), 400_000);
  // Two times the limit: what is being written, and what is pending.
  assert(output.text.length < 20 * 1024 * 1024);
});

Deno.test("close() gives up while the disk stays full", async () => {
  const output = new FailingOutput();
  const log = new Log("text", output, 10);
  log.note("never written");
  const closed = await log.close();
  assertEquals(closed, false);
  assert(output.attempts > 1);
  // Ends the attempts.
  output.repair();
  await log.close();
});
