/**
 * The list of all mutants, for `deno task mutate`.
 *
 * @module
 */
import type { Mutant } from "./mutant.ts";
import { ADDRESS_MUTANTS } from "./mutants_addresses.ts";
import { CLI_MUTANTS } from "./mutants_cli.ts";
import { CLIENT_MUTANTS } from "./mutants_client.ts";
import { CLIENT_COST_MUTANTS } from "./mutants_client_cost.ts";
import { CONNECTION_MUTANTS } from "./mutants_connection.ts";
import { CONVERSATION_MUTANTS } from "./mutants_conversation.ts";
import { FRAMING_MUTANTS } from "./mutants_framing.ts";
import { SEARCH_MUTANTS } from "./mutants_search.ts";
import { SERVER_MUTANTS } from "./mutants_server.ts";
import { SIMULATED_MUTANTS } from "./mutants_simulated.ts";
import { SOCKET_MUTANTS } from "./mutants_sockets.ts";
import { TIME_MUTANTS } from "./mutants_time.ts";

/** All mutants. */
export const MUTANTS: readonly Mutant[] = [
  ...FRAMING_MUTANTS,
  ...SEARCH_MUTANTS,
  ...SERVER_MUTANTS,
  ...TIME_MUTANTS,
  ...CONNECTION_MUTANTS,
  ...CONVERSATION_MUTANTS,
  ...ADDRESS_MUTANTS,
  ...CLIENT_MUTANTS,
  ...CLIENT_COST_MUTANTS,
  ...CLI_MUTANTS,
  ...SOCKET_MUTANTS,
  ...SIMULATED_MUTANTS,
];
