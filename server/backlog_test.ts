import { assertEquals } from "@std/assert";
import { type Clock, systemClock } from "../framing/clock.ts";
import { type AcceptState, drainBacklog } from "./backlog.ts";

/** A clock that stands still, and whose timers do not wait. */
const clock: Clock = {
  ...systemClock,
  now: () => 0,
  setTimeout: (callback) => systemClock.setTimeout(callback, 0),
};

/**
 * The number of polls until the backlog counts as empty, where the state of
 * the accept loop depends on the number of polls before.
 */
async function pollsOf(
  stateAt: (polls: number) => {
    accepted: number;
    isAccepting: boolean;
    isOver?: boolean;
  },
): Promise<number> {
  let polls = 0;
  const state: AcceptState = {
    accepted: () => stateAt(polls).accepted,
    isAccepting() {
      if (polls === 100) throw new Error("no end after 100 polls");
      return stateAt(polls++).isAccepting;
    },
    isOver: () => stateAt(polls).isOver ?? false,
  };
  await drainBacklog(state, clock);
  return polls;
}

Deno.test("drainBacklog() takes five polls without a connection", async () => {
  const polls = await pollsOf(() => ({ accepted: 3, isAccepting: true }));
  assertEquals(polls, 5);
});

Deno.test("drainBacklog() begins to count again after each connection", async () => {
  // One connection between the third poll and the fourth, another one later.
  const polls = await pollsOf((polls) => ({
    accepted: polls < 3 ? 0 : polls < 6 ? 1 : 2,
    isAccepting: true,
  }));
  assertEquals(polls >= 6 + 4, true, `${polls}`);
});

Deno.test("drainBacklog() does not count polls while nothing is accepted", async () => {
  const polls = await pollsOf((polls) => ({
    accepted: 0,
    isAccepting: polls >= 6,
  }));
  assertEquals(polls, 6 + 5);
});

Deno.test("drainBacklog() ends when the listener is to close", async () => {
  const polls = await pollsOf((polls) => ({
    accepted: 0,
    isAccepting: false,
    isOver: polls === 2,
  }));
  assertEquals(polls, 2);
});
