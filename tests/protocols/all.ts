/**
 * All protocols, in the order of the page.
 *
 * @module
 */
import { dns, finger, whois } from "./lookup.ts";
import { smtp, socketmap } from "./mail.ts";
import { jetdirect, syslog, syslogLines } from "./one_way.ts";
import type { Protocol } from "./protocol.ts";
import { hl7, jsonRpcLines, memcached, mpd, scgi } from "./services.ts";

/** All protocols. */
export const PROTOCOLS: readonly Protocol[] = [
  whois,
  finger,
  hl7,
  socketmap,
  dns,
  syslog,
  syslogLines,
  jetdirect,
  smtp,
  memcached,
  scgi,
  mpd,
  jsonRpcLines,
];
