/**
 * `--trace svg` and `--trace html`: writes a picture of the conversation to a
 * file.
 *
 * @module
 */
import { system } from "../client.ts";
import type { ConversationError } from "../client/reply.ts";
import type { ClientSystem } from "../client/system.ts";
import { documentOf } from "../page/document.js";
import { drawTrace } from "../page/draw.js";
import { Recorder } from "../page/recorder.ts";
import { UsageError } from "./flags.ts";
import { printable, printError } from "./output.ts";
import type { Watcher } from "./timeline.ts";
import type { PictureFile } from "./values.ts";

/** The exit status of a program that SIGINT has ended. */
const INTERRUPTED = 130;

/** Records the conversations of a client, all in one picture. */
export class Picture implements Watcher {
  /** What the client has to run on. */
  readonly system: ClientSystem;
  readonly #file: PictureFile;
  readonly #isQuiet: boolean;
  readonly #recorder = new Recorder(["client", "server"]);
  // A conversation that does not end is worth a picture, too.
  readonly #onInterrupt = () => {
    this.#draw();
    Deno.exit(INTERRUPTED);
  };
  #title = "";

  /**
   * Creates a picture.
   *
   * @param file Its file, which is replaced.
   * @param isQuiet Whether to say nothing about the file.
   * @throws {UsageError} If the file cannot be written.
   */
  constructor(file: PictureFile, isQuiet: boolean) {
    this.#file = file;
    this.#isQuiet = isQuiet;
    const end = { at: "client", to: "server" } as const;
    this.system = this.#recorder.system(system.connect, end);
    // Before the conversation, which may not come a second time.
    this.#write("", { append: true });
  }

  begin(address: string): void {
    this.#title = `A conversation with ${address}`;
    Deno.addSignalListener("SIGINT", this.#onInterrupt);
  }

  event(): void {
    // The socket is recorded.
  }

  breakLine(): void {
    // Nothing is printed meanwhile.
  }

  end(failure?: ConversationError): void {
    Deno.removeSignalListener("SIGINT", this.#onInterrupt);
    if (failure !== undefined) {
      const { reason } = failure;
      const at = { at: "client", to: "server", link: 0 } as const;
      const text = `reports an error: ${reason}`;
      this.#recorder.add({ ...at, what: "note", text });
    }
    this.#draw();
  }

  #draw(): void {
    const trace = this.#recorder.trace({
      title: this.#title,
      unseen: ["server"],
    });
    const isSvg = this.#file.endsWith(".svg");
    this.#write(
      isSvg ? `${drawTrace(trace, { isFile: true })}\n` : documentOf(trace),
    );
    if (!this.#isQuiet) {
      printError(`the picture is in ${printable(this.#file)}`);
    }
  }

  #write(text: string, options: Deno.WriteFileOptions = {}): void {
    try {
      Deno.writeTextFileSync(this.#file, text, options);
    } catch (error) {
      const { message } = error as Error;
      throw new UsageError(
        `--trace cannot write ${printable(this.#file)}: ${printable(message)}`,
      );
    }
  }
}
