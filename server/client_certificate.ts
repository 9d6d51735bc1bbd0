/**
 * The certificate of a client, for handlers and for the log.
 *
 * @module
 */
import type { X509Certificate } from "node:crypto";
import type { ClientCertificate } from "./socket.ts";

/** A distinguished name by its attributes; one that occurs twice has a list. */
type Name = Record<string, string | string[] | undefined>;

/** The certificate of a client that has been verified. */
export function toClientCertificate(
  certificate: X509Certificate,
): ClientCertificate {
  // Not `certificate.subject`: it escapes nothing, so that the value of one
  // attribute could pass for several attributes.
  const legacy = certificate.toLegacyObject();
  const subject = legacy.subject as unknown as Name;
  const { CN: commonName } = subject;
  return {
    subject: toText(subject),
    commonName: typeof commonName === "string" ? commonName : undefined,
    issuer: toText(legacy.issuer as unknown as Name),
    serialNumber: certificate.serialNumber,
    fingerprint256: certificate.fingerprint256,
    validTo: new Date(certificate.validTo),
    raw: new Uint8Array(certificate.raw),
  };
}

/** A distinguished name as text (RFC 4514 2.4), in the order of the record. */
function toText(name: Name): string {
  return Object.entries(name).flatMap(([type, value = []]) =>
    [value].flat().map((each) => `${type}=${escaped(each)}`)
  ).join(",");
}

function escaped(value: string): string {
  return value
    .replaceAll(/[\\,+"<>;=]/g, "\\$&")
    // deno-lint-ignore no-control-regex
    .replaceAll(/[\x00-\x1f\x7f]/g, (control) => {
      const digits = control.charCodeAt(0).toString(16).toUpperCase();
      return `\\${digits.padStart(2, "0")}`;
    });
}
