/**
 * Honest and hostile clients at the same time, and the count of what became
 * of them.
 *
 * @module
 */
import { connectTo } from "../testing.ts";
import {
  chooseErrand,
  type Errand,
  HonestConversation,
  type Kind,
  makeMaterial,
} from "./soak_clients.ts";
import { DEEDS, flood, type Means } from "./soak_hostile.ts";
import { Pace, pause, Pulse, type Random } from "./soak_random.ts";
import {
  IDLE_TIMEOUT,
  MAX_BYTES,
  type ServerProcess,
  tally,
} from "./soak_server.ts";

/** Connections a second: Linux has 28,000 ports, each used up for a minute. */
const CONNECTIONS = 250;

/** Who was told busy so many ms long, or was refused, goes without an answer. */
const MOST_TRIES = 60_000;

/** After so many losses there is nothing more to learn. */
const MOST_LOSSES = 10;

/** How long a hostile client stays at least and at most, in ms. */
const STAY = [300, 4000] as const;

/** How many conversations are open when the server is to stop. */
const OPEN_AT_STOP = 10;

/** How long a server that is to stop may still take connections, in ms. */
const LAST_CALLS = 5000;

/** How the server was stopped. */
export interface Stop {
  /** When the signal was sent, as `performance.now()` has it. */
  readonly began: number;
  /** Whether it came to refuse new connections. */
  readonly isRefusing: boolean;
  /** How many honest conversations were open. */
  readonly open: number;
  /** How many of these got their reply. */
  readonly answered: number;
}

/** The clients of one server. */
export class Load implements Disposable {
  /** Honest conversations with the right reply, by its kind. */
  readonly right = new Map<Kind, number>();
  /** Hostile connections, by what they did. */
  readonly hostile = new Map<string, number>();
  /** Honest conversations that were told busy before they were answered. */
  toldBusy = 0;
  /** Honest attempts that were refused before they were connected. */
  refused = 0;
  /** Honest attempts that timed out, for we were held up ourselves. */
  late = 0;
  /** What became of the honest conversations that were lost. */
  readonly losses: string[] = [];
  /** How long an honest client waited at most, in milliseconds. */
  readonly slowest = {
    /** For its reply. */
    reply: 0,
    /** To be told busy. */
    busy: 0,
    /** For its reply since it first tried. */
    withAllTries: 0,
  };
  readonly #server: ServerProcess;
  readonly #port: number;
  readonly #random: Random;
  readonly #material: Uint8Array;
  readonly #pace = new Pace(CONNECTIONS);
  readonly #pulse = new Pulse(IDLE_TIMEOUT / 2);

  constructor(server: ServerProcess, port: number, random: Random) {
    this.#server = server;
    this.#port = port;
    this.#random = random;
    this.#material = makeMaterial(random, MAX_BYTES);
  }

  /** Whether it makes no sense to go on. */
  get isHopeless(): boolean {
    return this.#server.hasExited || this.losses.length >= MOST_LOSSES;
  }

  [Symbol.dispose](): void {
    this.#pulse[Symbol.dispose]();
  }

  /** So many honest conversations, one after the other. */
  async warmUp(count: number): Promise<void> {
    for (let number = 1; number <= count && !this.isHopeless; number++) {
      await this.#run(`warm-up ${number}`, this.#random.fork());
    }
  }

  /** Half of the clients are honest; beside all of them, floods come. */
  async run(clients: number, seconds: number): Promise<void> {
    const end = performance.now() + seconds * 1000;
    const all = [this.#keepFlooding(this.#random.fork(), end)];
    for (let client = 1; client <= clients; client++) {
      const random = this.#random.fork();
      all.push(
        client % 2 === 1
          ? this.#stayHonest(`client ${client}`, random, end)
          : this.#stayHostile(random, end),
      );
    }
    await Promise.all(all);
  }

  /**
   * Has the server stopped while clients are in the middle of their messages;
   * these must get their replies, and new ones must be refused.
   *
   * @returns How that went.
   */
  async stopServer(): Promise<Stop> {
    const going = Promise.withResolvers<void>();
    const numbers = Array.from({ length: OPEN_AT_STOP }, (_, i) => i + 1);
    const end = performance.now() + 1000;
    const hostile = numbers.map(() => this.#offend(this.#random.fork(), end));
    const answers: Promise<boolean>[] = [];
    await Promise.all(numbers.map((number) =>
      new Promise<void>((resolve) => {
        const inTheMiddle = () => (resolve(), going.promise);
        answers.push(this.#finish(number, inTheMiddle).finally(resolve));
      })
    ));
    // Who is answered came after all of them, so they have been accepted.
    const random = this.#random.fork();
    const last = inPieces(chooseErrand(random, this.#material, "reply"));
    await this.#run("the last one before the stop", random, last);
    const began = performance.now();
    this.#server.kill("SIGTERM");
    const refusing = this.#waitUntilRefused();
    // They go on before the server has waited for them for too long.
    await Promise.race([refusing, pause(IDLE_TIMEOUT / 3)]);
    going.resolve();
    const answered = (await Promise.all(answers)).filter(Boolean).length;
    await Promise.all(hostile);
    const isRefusing = await refusing;
    return { began, isRefusing, open: OPEN_AT_STOP, answered };
  }

  async #stayHonest(
    name: string,
    random: Random,
    end: number,
  ): Promise<void> {
    for (let number = 1; !this.#isOver(end); number++) {
      const own = random.fork();
      await this.#run(`${name}, conversation ${number}`, own);
      await pause(own.whole(0, 100));
    }
  }

  async #stayHostile(random: Random, end: number): Promise<void> {
    while (!this.#isOver(end)) {
      const own = random.fork();
      await this.#offend(own, end);
      await pause(own.whole(0, 100));
    }
  }

  async #keepFlooding(random: Random, end: number): Promise<void> {
    while (!this.#isOver(end)) {
      const own = random.fork();
      const count = own.whole(100, 300);
      await pause(own.whole(200, 2500));
      await this.#pace.turn(count);
      tally(this.hostile, "flood", count);
      await flood(this.#means(own, own.whole(300, 1500)), count);
    }
  }

  /** One connection of a hostile client, which leaves soon after the end. */
  async #offend(random: Random, end: number): Promise<void> {
    const [name, deed] = random.pick(Object.entries(DEEDS));
    await this.#pace.turn();
    tally(this.hostile, name);
    const [least, most] = STAY;
    const stay = random.whole(least, most);
    const left = Math.max(least, end - performance.now());
    await deed(this.#means(random, Math.min(stay, left)));
  }

  #isOver(end: number): boolean {
    return performance.now() >= end || this.isHopeless;
  }

  #means(random: Random, stay: number): Means {
    return { port: this.#port, random, material: this.#material, stay };
  }

  /** An honest conversation, until it has an answer other than busy. */
  async #run(
    name: string,
    random: Random,
    errand = chooseErrand(random, this.#material),
  ): Promise<void> {
    const began = performance.now();
    let wasBusy = false;
    for (;;) {
      await this.#pace.turn();
      const tried = performance.now();
      const answer = await HonestConversation.hold(errand, this.#port);
      const isLate = answer.what === "timed out" &&
        this.#pulse.wasHeldUpSince(tried);
      if (answer.what === "right") {
        if (wasBusy) this.toldBusy++;
        this.#time("reply", answer.milliseconds);
        this.#time("withAllTries", performance.now() - began);
        return tally(this.right, errand.kind);
      }
      if (answer.what === "busy") this.#time("busy", answer.milliseconds);
      const mayTryAgain = isLate || answer.what === "busy" ||
        answer.what === "refused";
      const isTiredOfIt = performance.now() - began > MOST_TRIES ||
        this.#server.hasExited;
      if (!mayTryAgain || isTiredOfIt) {
        return this.#lose(name, errand, answer.instead);
      }
      if (answer.what === "busy") wasBusy = true;
      if (answer.what === "refused") this.refused++;
      if (isLate) this.late++;
      await pause(random.whole(50, 250));
    }
  }

  /** An honest conversation that pauses in the middle of its message. */
  async #finish(
    number: number,
    inTheMiddle: () => Promise<void>,
  ): Promise<boolean> {
    const random = this.#random.fork();
    const any = chooseErrand(random, this.#material, "reply");
    const errand = inPieces(any, random.whole(1, any.right.length / 2));
    const { what, instead } = await HonestConversation.hold(
      errand,
      this.#port,
      inTheMiddle,
    );
    if (what === "right") tally(this.right, errand.kind);
    else this.#lose(`open at the stop ${number}`, errand, instead);
    return what === "right";
  }

  async #waitUntilRefused(): Promise<boolean> {
    const end = performance.now() + LAST_CALLS;
    while (performance.now() < end) {
      try {
        using _conn = await connectTo(this.#port);
      } catch (error) {
        if (error instanceof Deno.errors.ConnectionRefused) return true;
      }
      await pause(20);
    }
    return false;
  }

  #time(what: keyof Load["slowest"], milliseconds: number): void {
    this.slowest[what] = Math.max(this.slowest[what], milliseconds);
  }

  #lose(name: string, { kind, name: what }: Errand, instead: string): void {
    this.losses.push(`${name}: ${what}: "${kind}" is due, came ${instead}`);
    console.error(`lost: ${this.losses.at(-1)}`);
  }
}

/** The same errand, said without a pause, and cut only here. */
function inPieces(errand: Errand, ...cuts: number[]): Errand {
  const ends = [...cuts, errand.bytes.length];
  return { ...errand, pieces: ends.map((end) => ({ end, pause: 0 })) };
}
