/**
 * The load of the soak: honest and hostile clients at the same time, and the
 * counts of what became of them.
 *
 * @module
 */
import { connectTo } from "../tests/sockets.ts";
import {
  chooseScenario,
  HonestConversation,
  type Kind,
  makeMaterial,
  type Scenario,
} from "./soak_clients.ts";
import { type AttackOptions, ATTACKS, flood } from "./soak_hostile.ts";
import { Pace, pause, type Random, Watchdog } from "./soak_random.ts";
import {
  IDLE_TIMEOUT_MS,
  MAX_BYTES,
  type ServerProcess,
  tally,
} from "./soak_server.ts";

/** Connections a second: Linux has 28,000 ports, each used up for a minute. */
const CONNECTIONS_PER_SECOND = 250;

/** The longest time for which a client tries again after busy or a refusal. */
const MAX_ATTEMPTS_MS = 60_000;

/** The number of losses that ends the run. */
const MAX_LOSSES = 10;

/** The range of the time that a hostile client stays, in ms. */
const STAY_MS = [300, 4000] as const;

/** The number of conversations that are open when the server is stopped. */
const OPEN_AT_STOP = 10;

/** The time in which a stopped server has to refuse new connections. */
const REFUSAL_TIMEOUT_MS = 5000;

/** How the server was stopped. */
export interface Stop {
  /** The time of the signal, on the clock of `performance.now()`. */
  readonly signalledAt: number;
  /** Whether new connections were refused after a while. */
  readonly isRefusing: boolean;
  /** The number of honest conversations that were open. */
  readonly open: number;
  /** The number of those that got their reply. */
  readonly answered: number;
}

/** The clients of one server. */
export class Load implements Disposable {
  /** The number of correct replies of each kind. */
  readonly correct = new Map<Kind, number>();
  /** The number of hostile connections of each kind. */
  readonly hostile = new Map<string, number>();
  /** The number of correct replies after `ERROR:busy!`. */
  busyFirst = 0;
  /** The number of attempts that were refused. */
  refused = 0;
  /** The number of attempts that timed out because this process was delayed. */
  delayed = 0;
  /** A description of each honest conversation that was lost. */
  readonly losses: string[] = [];
  /** The longest times of honest conversations, in ms. */
  readonly slowest = {
    /** To the correct reply. */
    reply: 0,
    /** To `ERROR:busy!`. */
    busy: 0,
    /** To the correct reply, from the first attempt. */
    allAttempts: 0,
  };
  readonly #server: ServerProcess;
  readonly #port: number;
  readonly #random: Random;
  readonly #material: Uint8Array;
  readonly #pace = new Pace(CONNECTIONS_PER_SECOND);
  readonly #watchdog = new Watchdog(IDLE_TIMEOUT_MS / 2);

  /** Clients whose choices come from `random`. */
  constructor(server: ServerProcess, port: number, random: Random) {
    this.#server = server;
    this.#port = port;
    this.#random = random;
    this.#material = makeMaterial(random, MAX_BYTES);
  }

  /** Whether the run has failed already. */
  get isHopeless(): boolean {
    return this.#server.hasExited || this.losses.length >= MAX_LOSSES;
  }

  [Symbol.dispose](): void {
    this.#watchdog[Symbol.dispose]();
  }

  /** Runs `count` honest conversations, one after the other. */
  async warmUp(count: number): Promise<void> {
    for (let number = 1; number <= count && !this.isHopeless; number++) {
      await this.#run(`warm-up ${number}`, this.#random.fork());
    }
  }

  /** Runs clients, half of them honest, and floods of connections. */
  async run(clients: number, seconds: number): Promise<void> {
    const end = performance.now() + seconds * 1000;
    const all = [this.#runFloods(this.#random.fork(), end)];
    for (let client = 1; client <= clients; client++) {
      const random = this.#random.fork();
      all.push(
        client % 2 === 1
          ? this.#runHonest(`client ${client}`, random, end)
          : this.#runHostile(random, end),
      );
    }
    await Promise.all(all);
  }

  /**
   * Stops the server while clients are in the middle of their messages: they
   * must get their replies, and new clients must be refused.
   */
  async stopServer(): Promise<Stop> {
    const goOn = Promise.withResolvers<void>();
    const numbers = Array.from({ length: OPEN_AT_STOP }, (_, i) => i + 1);
    const end = performance.now() + 1000;
    const hostile = numbers.map(() => this.#attack(this.#random.fork(), end));
    const answers: Promise<boolean>[] = [];
    await Promise.all(numbers.map((number) =>
      new Promise<void>((resolve) => {
        const afterFirstChunk = () => (resolve(), goOn.promise);
        answers.push(this.#runOpen(number, afterFirstChunk).finally(resolve));
      })
    ));
    // This client connects after them, so when it is answered, all of them
    // have been accepted.
    const random = this.#random.fork();
    const last = inChunks(chooseScenario(random, this.#material, "reply"));
    await this.#run("the last one before the stop", random, last);
    const signalledAt = performance.now();
    this.#server.kill("SIGTERM");
    const refusing = this.#waitUntilRefused();
    // The clients go on before the server's idle time-out.
    await Promise.race([refusing, pause(IDLE_TIMEOUT_MS / 3)]);
    goOn.resolve();
    const answered = (await Promise.all(answers)).filter(Boolean).length;
    await Promise.all(hostile);
    const isRefusing = await refusing;
    return { signalledAt, isRefusing, open: OPEN_AT_STOP, answered };
  }

  async #runHonest(
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

  async #runHostile(random: Random, end: number): Promise<void> {
    while (!this.#isOver(end)) {
      const own = random.fork();
      await this.#attack(own, end);
      await pause(own.whole(0, 100));
    }
  }

  async #runFloods(random: Random, end: number): Promise<void> {
    while (!this.#isOver(end)) {
      const own = random.fork();
      const count = own.whole(100, 300);
      await pause(own.whole(200, 2500));
      await this.#pace.turn(count);
      tally(this.hostile, "flood", count);
      await flood(this.#attackOptions(own, own.whole(300, 1500)), count);
    }
  }

  /** One connection of a hostile client, which ends soon after `end`. */
  async #attack(random: Random, end: number): Promise<void> {
    const [name, attack] = random.pick(Object.entries(ATTACKS));
    await this.#pace.turn();
    tally(this.hostile, name);
    const [min, max] = STAY_MS;
    const stay = random.whole(min, max);
    const left = Math.max(min, end - performance.now());
    await attack(this.#attackOptions(random, Math.min(stay, left)));
  }

  #isOver(end: number): boolean {
    return performance.now() >= end || this.isHopeless;
  }

  #attackOptions(random: Random, maxStayMs: number): AttackOptions {
    return { port: this.#port, random, material: this.#material, maxStayMs };
  }

  /** Runs an honest conversation, and again while the server is busy. */
  async #run(
    name: string,
    random: Random,
    scenario = chooseScenario(random, this.#material),
  ): Promise<void> {
    const startedAt = performance.now();
    let wasBusy = false;
    for (;;) {
      await this.#pace.turn();
      const triedAt = performance.now();
      const result = await HonestConversation.run(scenario, this.#port);
      const { verdict, received, durationMs } = result;
      if (verdict === "correct") {
        if (wasBusy) this.busyFirst++;
        this.#time("reply", durationMs);
        this.#time("allAttempts", performance.now() - startedAt);
        return tally(this.correct, scenario.kind);
      }
      const wasDelayed = verdict === "timed out" &&
        this.#watchdog.wasDelayedSince(triedAt);
      const mayTryAgain = wasDelayed || verdict === "busy" ||
        verdict === "refused";
      const isLate = performance.now() - startedAt > MAX_ATTEMPTS_MS ||
        this.#server.hasExited;
      if (verdict === "busy") this.#time("busy", durationMs);
      if (!mayTryAgain || isLate) return this.#lose(name, scenario, received);
      if (verdict === "busy") wasBusy = true;
      if (verdict === "refused") this.refused++;
      if (wasDelayed) this.delayed++;
      await pause(random.whole(50, 250));
    }
  }

  /** An honest conversation that waits in the middle of its message. */
  async #runOpen(
    number: number,
    afterFirstChunk: () => Promise<void>,
  ): Promise<boolean> {
    const random = this.#random.fork();
    const any = chooseScenario(random, this.#material, "reply");
    const cut = random.whole(1, any.expected.length / 2);
    const scenario = inChunks(any, cut);
    const { verdict, received } = await HonestConversation.run(
      scenario,
      this.#port,
      afterFirstChunk,
    );
    if (verdict === "correct") tally(this.correct, scenario.kind);
    else this.#lose(`open at the stop ${number}`, scenario, received);
    return verdict === "correct";
  }

  async #waitUntilRefused(): Promise<boolean> {
    const end = performance.now() + REFUSAL_TIMEOUT_MS;
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

  #time(what: keyof Load["slowest"], durationMs: number): void {
    this.slowest[what] = Math.max(this.slowest[what], durationMs);
  }

  #lose(client: string, { kind, name }: Scenario, received: string): void {
    const loss = `${client}: ${name}: expected "${kind}", got ${received}`;
    this.losses.push(loss);
    console.error(`lost: ${loss}`);
  }
}

/** A scenario without pauses, cut at these places only. */
function inChunks(scenario: Scenario, ...cuts: number[]): Scenario {
  const ends = [...cuts, scenario.bytes.length];
  return { ...scenario, chunks: ends.map((end) => ({ end, pause: 0 })) };
}
