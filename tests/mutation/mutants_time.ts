/**
 * Mistakes in the time limits of `server/`.
 *
 * @module
 */
import { type Mutant, mutantsIn } from "./mutant.ts";

/** Mistakes in the time limits of connections. */
export const TIME_MUTANTS: readonly Mutant[] = [
  ...mutantsIn("server/deadline.ts", ["server/deadline_test.ts"], [
    {
      name: "a deadline is cut short by up to a tick",
      find: "Math.ceil(ms / this.#tickMs) + 1",
      replace: "Math.ceil(ms / this.#tickMs)",
    },
    {
      name: "a deadline is rounded down to ticks",
      find: "Math.ceil(ms / this.#tickMs)",
      replace: "Math.floor(ms / this.#tickMs)",
    },
    {
      name: "nothing is checked again that was checked once",
      find: "this.checkAt(checked.dueTick);",
      replace: "",
    },
    {
      name: "a phase is checked when the one before it would have ended",
      find: "this.#timer.checkAt(this.dueTick);",
      replace: "",
    },
    {
      name: "strict limits are not checked where the server is not short",
      find: "Math.min(limits.idleTicks, limits.patientIdleTicks)",
      replace: "limits.patientIdleTicks",
    },
    {
      name: "everything is checked at every tick",
      find: "if (this.ticks < this.#nextCheckTick) return;",
      replace: "",
    },
    {
      name: "a limit of 0 passes at once",
      find: "if (ms === 0) return Infinity;",
      replace: "",
    },
    {
      name: "progress does not put a deadline off",
      find: `progress(earnedTicks = 0): void {
    this.#progressTick = this.#timer.ticks;`,
      replace: "progress(earnedTicks = 0): void {",
    },
    {
      name: "a new phase has the progress of the one before",
      find: "this.#startTick = this.#progressTick = this.#timer.ticks;",
      replace: "this.#startTick = this.#timer.ticks;",
    },
    {
      name: "a new phase keeps the time that the one before has earned",
      find: "this.#earnedTicks = earnedTicks;",
      replace: "this.#earnedTicks += earnedTicks;",
    },
    {
      name: "a deadline passes again and again",
      find: "if (isOver) this.stop();",
      replace: "",
    },
    {
      name: "earned time has no bound",
      find: "Math.min(this.#earnedTicks, limits.maxEarnedTicks)",
      replace: "this.#earnedTicks",
    },
  ]),
  ...mutantsIn("server/phases.ts", [
    "server/phases_test.ts",
    "tests/patience_test.ts",
  ], [
    {
      name: "the total bound of lingering is ignored",
      find: "patientTotalTicks: patientTicks,",
      replace: "patientTotalTicks: Infinity,",
    },
    {
      name: "the total bound of lingering is ignored where places run short",
      find: "timer.limits(SHORT_LINGER_MS, SHORT_LINGER_TOTAL_MS)",
      replace: "timer.limits(SHORT_LINGER_MS, 0)",
    },
    {
      name: "a client may linger for ever if it goes on sending",
      find: "maxEarnedTicks: timer.ticksFor(MAX_LINGER_MS)",
      replace: "maxEarnedTicks: Infinity",
    },
    {
      name: "a slow reader earns no time for what the kernel holds",
      isSimulated: true,
      find: "maxEarnedTicks: KERNEL_BUFFER_BYTES * this.ticksPerByte",
      replace: "maxEarnedTicks: 0",
    },
    {
      name: "messageTimeout ends the writing of a reply",
      find: "...timer.limits(idleTimeoutMs, 0),",
      replace: "...timer.limits(idleTimeoutMs, messageTimeoutMs),",
    },
    {
      name: "messageTimeout ends an idle connection",
      find: "this.idle = timer.limits(idleTimeoutMs, 0)",
      replace: "this.idle = timer.limits(idleTimeoutMs, messageTimeoutMs)",
    },
  ]),
];
