import { assertEquals } from "@std/assert";
import { Log } from "./log.ts";
import { Signals } from "./signals.ts";

/** How often the metrics were asked for. */
let statuses = 0;

/** Runs this with listeners that the test calls instead of the system. */
function withSignals(
  run: (signals: Signals, send: (signal: Deno.Signal) => void) => void,
): void {
  const { addSignalListener, removeSignalListener } = Deno;
  const listeners: [Deno.Signal, () => void][] = [];
  Deno.addSignalListener = (signal, listener) => {
    listeners.push([signal, listener]);
  };
  Deno.removeSignalListener = (signal, listener) => {
    const index = listeners.findIndex((each) =>
      each[0] === signal && each[1] === listener
    );
    listeners.splice(index, 1);
  };
  try {
    {
      using signals = new Signals(() => statuses++);
      run(signals, (signal) => {
        for (const each of listeners) if (each[0] === signal) each[1]();
      });
    }
    assertEquals(listeners, []);
  } finally {
    Object.assign(Deno, { addSignalListener, removeSignalListener });
  }
}

/** A server that notes how it was ended. */
function fakeServer() {
  const calls: string[] = [];
  return {
    calls,
    finished: Promise.resolve(),
    shutdown: () => calls.push("shutdown"),
    abort: () => void calls.push("abort"),
  };
}

const log = () => new Log("text", null);

Deno.test("Signals: the first shuts the server down, the second aborts it", () => {
  withSignals((signals, send) => {
    const server = fakeServer();
    signals.stop(server, log());
    assertEquals(server.calls, []);
    send("SIGTERM");
    assertEquals(server.calls, ["shutdown"]);
    send("SIGINT");
    assertEquals(server.calls, ["shutdown", "abort"]);
  });
});

Deno.test("Signals: one that comes before the server counts", () => {
  withSignals((signals, send) => {
    const server = fakeServer();
    send("SIGINT");
    signals.stop(server, log());
    assertEquals(server.calls, ["shutdown"]);
    send("SIGINT");
    assertEquals(server.calls, ["shutdown", "abort"]);
  });
});

Deno.test("Signals: two that come before the server abort it", () => {
  withSignals((signals, send) => {
    const server = fakeServer();
    send("SIGINT");
    send("SIGTERM");
    signals.stop(server, log());
    assertEquals(server.calls, ["abort"]);
  });
});

Deno.test("Signals: SIGUSR2 asks for the metrics, and ends nothing", () => {
  withSignals((signals, send) => {
    const server = fakeServer();
    const before = statuses;
    send("SIGUSR2");
    signals.stop(server, log());
    send("SIGUSR2");
    assertEquals(statuses, before + 2);
    assertEquals(server.calls, []);
  });
});
