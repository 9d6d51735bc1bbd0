/**
 * Listen, accept, one conversation for each connection; limits and shutdown
 * of all of them.
 *
 * @module
 */
import { LINGER_TOTAL } from "./transport.ts";
import { Conversation, type Terms } from "./connection.ts";
import { type AnyListener, isGoneClient, listen } from "./listen.ts";
import {
  limitOf,
  newLimits,
  type ServeOptions,
  type Server,
  type SharedLimits,
  toTerms,
} from "./options.ts";
import type { Handler } from "./handler.ts";
import { LONGEST_TIMER } from "./deadline.ts";

/**
 * How many may be told `ERROR:busy!` at a time. Beyond these, connections
 * wait unaccepted in the backlog, so that a flood costs nothing here.
 */
const BUSY_PLACES = 256;

/** How long to wait before accepting again after a failure, in ms. */
const ACCEPT_PAUSE = 100;

/** How long a shutdown goes on accepting from the backlog at most, in ms. */
const LAST_CALLS = 1000;

/** The backlog is empty when nobody was accepted for so many turns, of ms. */
const QUIET_TURNS = 5;
const TURN = 5;

/** The server behind `serve()`. */
export class ConversationServer implements Server<Deno.Addr> {
  readonly addr: Deno.Addr;
  readonly finished: Promise<void>;
  readonly #options: ServeOptions;
  readonly #terms: Terms;
  readonly #limits: SharedLimits;
  readonly #grace: number;
  readonly #listener: AnyListener;
  readonly #open = new Set<Conversation>();
  /** Those of them that are told that the server is busy. */
  #busy = 0;
  readonly #onAbort = () => this.#cut();
  /** Ends the accept loop's wait for a place. */
  #onLeave: (() => void) | undefined;
  #accepted = 0;
  /** Whether an `accept()` is under way. */
  #accepting = false;
  /** Shutting down. */
  #closing = false;
  /** The grace period ran out. */
  #hurried = false;
  /** The listener is closed. */
  #closed = false;
  #graceTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    options: ServeOptions,
    handler: Handler,
    limits: SharedLimits = newLimits(options),
  ) {
    options.signal?.throwIfAborted();
    this.#options = options;
    this.#limits = limits;
    this.#terms = toTerms(options, handler, limits, this.#open);
    this.#grace = limitOf(options, "grace");
    this.#listener = listen(options);
    this.addr = this.#listener.addr;
    options.signal?.addEventListener("abort", this.#onAbort);
    this.finished = this.#acceptAll();
    try {
      options.onListen?.(this.addr);
    } catch (error) {
      this.#cut();
      throw error;
    }
  }

  shutdown(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      for (const conversation of this.#open) {
        conversation.finish("shutting down");
      }
      this.#lastCalls();
      if (this.#grace > 0) this.#after(this.#grace, () => this.#hurry());
    }
    return this.finished;
  }

  ref(): void {
    this.#listener.ref();
  }

  unref(): void {
    this.#listener.unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  /** Accepts until the listener is closed, whatever strangers do. */
  async #acceptAll(): Promise<void> {
    let told = false;
    while (!this.#closed) {
      if (this.#busy >= BUSY_PLACES) {
        await this.#someoneLeaves();
        continue;
      }
      try {
        this.#accepting = true;
        const conn = await this.#listener.accept();
        this.#accepting = false;
        this.#accepted++;
        this.#hold(conn);
        told = false;
      } catch (error) {
        this.#accepting = false;
        if (this.#closed) break;
        // A client that was gone before we got to it is no reason to pause:
        // twenty of them a second would then keep everybody waiting.
        if (isGoneClient(error)) continue;
        if (!told) this.#tell(error);
        told = true;
        await this.#someoneLeaves(ACCEPT_PAUSE);
      }
    }
    while (this.#open.size > 0) await this.#someoneLeaves();
    this.#terms.clock[Symbol.dispose]();
    clearTimeout(this.#graceTimer);
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
  }

  /** Holds a conversation, beside all others. */
  #hold(conn: Deno.Conn): void {
    const conversation = new Conversation(conn, this.#terms);
    this.#open.add(conversation);
    this.#terms.clock.wind();
    const { connections } = this.#limits;
    const busy = connections.add() > connections.most;
    if (busy) {
      // Who is only told so takes no place: else a few who do not leave would
      // keep out all others.
      connections.remove();
      this.#busy++;
    }
    const word = busy ? "busy" : this.#hurried ? "shutting down" : undefined;
    if (this.#closing) conversation.finish("shutting down");
    conversation.hold(word).then((report) => {
      this.#open.delete(conversation);
      if (busy) this.#busy--;
      else connections.remove();
      this.#onLeave?.();
      try {
        this.#options.onConversation?.(report);
      } catch (error) {
        this.#tell(error);
      }
    });
  }

  #tell(error: unknown): void {
    try {
      this.#options.onError?.(error);
    } catch {
      // There is nobody left to be told.
    }
  }

  /** Waits until a conversation ends; no longer than `most` ms, if given. */
  async #someoneLeaves(most?: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onLeave = resolve;
    const timer = most === undefined ? undefined : setTimeout(resolve, most);
    await promise;
    clearTimeout(timer);
    this.#onLeave = undefined;
  }

  /**
   * Closes the listener when nobody waits at it any more. To the kernel those
   * in the backlog are connected; closing at once would reset them.
   */
  async #lastCalls(): Promise<void> {
    this.#removeSocket();
    const begun = performance.now();
    let quiet = 0;
    while (quiet < QUIET_TURNS && !this.#hurried && !this.#closed) {
      const accepted = this.#accepted;
      await new Promise((resolve) => setTimeout(resolve, TURN));
      // While no accept is under way, that nobody came means nothing.
      if (!this.#accepting) continue;
      quiet = this.#accepted === accepted ? quiet + 1 : 0;
      if (performance.now() - begun > LAST_CALLS) break;
    }
    this.#close();
  }

  /**
   * Without its file nobody finds the socket any more, and whoever waits at it
   * still does. So, unlike that of a port, its backlog comes to an end.
   *
   * Deno's `close()` removes whatever is at the path by then. So that it is no
   * socket of a next server, an empty file keeps the place.
   */
  #removeSocket(): void {
    const { path } = this.#options;
    if (path === undefined) return;
    try {
      Deno.removeSync(path);
      Deno.writeFileSync(path, new Uint8Array(0), { createNew: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) this.#tell(error);
    }
  }

  #close(): void {
    if (this.#closed) return;
    this.#closing = this.#closed = true;
    this.#listener.close();
    this.#onLeave?.();
  }

  /** The grace period ran out. */
  #hurry(): void {
    this.#hurried = true;
    for (const conversation of this.#open) {
      conversation.interrupt("shutting down");
    }
    // Whoever is still busy then has a reply that has begun, or lingers.
    this.#after(LINGER_TOTAL, () => this.#cut());
  }

  #cut(): void {
    this.#close();
    for (const conversation of this.#open) conversation.cut();
  }

  #after(milliseconds: number, then: () => void): void {
    // Longer than a timer can count, a month almost, is for ever.
    if (milliseconds > LONGEST_TIMER) return;
    this.#graceTimer = setTimeout(then, milliseconds);
  }
}
