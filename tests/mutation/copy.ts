/**
 * A copy of the project, in which mutants are made and commands are run.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { type Mutant, mutate } from "./mutant.ts";

/** The path of the project's directory. */
export const PROJECT: string = fileURLToPath(
  new URL("../../", import.meta.url),
);

/** A command that notices a mutant by its exit status. */
export interface Stage {
  readonly name: string;
  readonly args: readonly string[];
  /** After this time the mutant counts as noticed, in ms. */
  readonly timeoutMs: number;
  /** What names the failure in the output; its first group. */
  readonly failure: RegExp;
  /** Whether the command is ended at its first failure. */
  readonly endsAtFailure?: boolean;
  /** How often the command has to fail: a test may fail for another reason. */
  readonly attempts: number;
}

/** Whether there is a file at this path. */
export function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** A copy of the project. Disposing of it removes it. */
export class Copy implements AsyncDisposable {
  readonly #path: string;
  /** The process that runs. */
  #pid: number | undefined;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Copies the files that git knows or would add. */
  static async make(): Promise<Copy> {
    const { stdout } = await new Deno.Command("git", {
      args: ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
      cwd: PROJECT,
    }).output();
    const path = await Deno.makeTempDir({ prefix: "recv_end_mutants_" });
    const files = new TextDecoder().decode(stdout).split("\0");
    for (const file of files) {
      if (file === "" || !exists(PROJECT + file)) continue;
      const folder = `${path}/${file}`.replace(/\/[^/]*$/, "");
      await Deno.mkdir(folder, { recursive: true });
      await Deno.copyFile(PROJECT + file, `${path}/${file}`);
    }
    return new Copy(path);
  }

  /** Runs stages; resolves to what noticed the mutant, or undefined. */
  async notice(stages: readonly Stage[]): Promise<string | undefined> {
    for (const stage of stages) {
      let failure: string | undefined;
      for (let attempt = 0; attempt < stage.attempts; attempt++) {
        failure = await this.#run(stage);
        if (failure === undefined) break;
      }
      if (failure !== undefined) return `${stage.name}: ${failure}`;
    }
    return undefined;
  }

  /** Runs stages on a mutant. */
  async noticeMutant(mutant: Mutant, stages: readonly Stage[]) {
    const path = `${this.#path}/${mutant.file}`;
    const original = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, mutate(mutant, original));
    try {
      return await this.notice(stages);
    } finally {
      await Deno.writeTextFile(path, original);
    }
  }

  /** Runs a stage; resolves to what failed, or undefined. */
  async #run(stage: Stage): Promise<string | undefined> {
    const { args, timeoutMs, failure, endsAtFailure = false } = stage;
    const child = new Deno.Command(Deno.execPath(), {
      args: [...args],
      cwd: this.#path,
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      // A group of its own, which ends with all that the tests have started.
      detached: true,
    }).spawn();
    this.#pid = child.pid;
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      killGroup(child.pid);
    }, timeoutMs);
    // Programs that a failed test has left may hold the pipes open.
    child.status.then(() => killGroup(child.pid));
    const output = { stdout: "", stderr: "" };
    const collect = async (name: keyof typeof output) => {
      for await (
        const text of child[name].pipeThrough(new TextDecoderStream())
      ) {
        output[name] += text;
        if (endsAtFailure && failure.test(output[name])) killGroup(child.pid);
      }
    };
    await Promise.all([collect("stdout"), collect("stderr")]);
    const { code } = await child.status;
    clearTimeout(timer);
    this.#pid = undefined;
    const failed = failure.exec(output.stdout + output.stderr)?.[1];
    if (isLate) return `a hang of ${timeoutMs / 1000} s`;
    if (code === 0) return undefined;
    return failed ?? `exit status ${code}`;
  }

  /** Ends what runs, and removes the copy at once. */
  abort(): void {
    if (this.#pid !== undefined) killGroup(this.#pid);
    Deno.removeSync(this.#path, { recursive: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#path, { recursive: true });
  }
}

function killGroup(pid: number): void {
  try {
    Deno.kill(-pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
