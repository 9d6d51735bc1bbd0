/**
 * A music player that plays nothing (the protocol of MPD): the server speaks
 * first, and tells a client that is in `idle` whenever another one has changed
 * something.
 *
 *     deno run -A server.ts examples/mpd_server.ts
 *     mpc --port=6600 idleloop & mpc --port=6600 --quiet play
 *
 * @module
 */
import { serve, type ServerModule } from "../mod.ts";

let state = "stop";
/** Tells each connection that something has changed. */
const listeners = new Set<() => void>();

const server = {
  port: 6600,
  end: "\n",
  maxBytes: 4096,
  idleTimeout: 0, // a client may be in idle for days
  errorReply: (code) => `ACK [5@0] {} ${code}`,
  async converse(conversation) {
    let [isIdle, hasChanged] = [false, false];
    const push = () => {
      if (!isIdle || !hasChanged) return;
      isIdle = hasChanged = false;
      conversation.write("changed: player\nOK\n");
    };
    const onChange = () => {
      hasChanged = true;
      push();
    };
    listeners.add(onChange);
    try {
      await conversation.reply("OK MPD 0.23.0");
      for (let line; (line = await conversation.message()) !== null;) {
        const command = line.text();
        if (command === "close") return;
        isIdle = command.startsWith("idle");
        if (isIdle) push();
        else await conversation.write(answer(command));
      }
    } finally {
      listeners.delete(onChange);
    }
  },
} satisfies ServerModule;

/** The complete reply to a command, which may be several lines. */
function answer(command: string): string {
  if (command === "play" || command === "stop") {
    state = command;
    listeners.forEach((tell) => tell());
  } else if (command === "status") return `state: ${state}\nOK\n`;
  else if (command !== "noidle") return "ACK [5@0] {} unknown command\n";
  return "OK\n";
}

export default server;
if (import.meta.main) serve(server);
