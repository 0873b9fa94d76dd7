// Metadata on its way in and out of HTTP/2 headers. A name that ends in -bin carries bytes as base64, with or without
// padding; every other value is printable ASCII.
import type { GrpcMetadata, GrpcTrailers } from './method.ts';

/** Headers of the protocol, not of the application: never sent from what a service gives. */
const RESERVED = /^(:|grpc-(status|message|encoding|accept-encoding|timeout)$|content-type$|te$|connection$)/;

const PRINTABLE = /^[\x20-\x7e]*$/;

/** The bytes of a -bin value; several values may be joined by commas, the first counts. */
export function decodeBinary(value: string | string[] | undefined): Buffer | undefined {
  const text = Array.isArray(value) ? value[0] : value;
  return text === undefined ? undefined : Buffer.from(text.split(',', 1)[0], 'base64');
}

/** The first value of a name. */
export function firstValue(metadata: GrpcMetadata, name: string): string | undefined {
  const value = metadata[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Copies metadata of a service into headers: reserved names and text that HTTP/2 cannot carry are left out. */
export function addMetadata(headers: Record<string, string>, metadata: GrpcTrailers): void {
  for (const [given, value] of Object.entries(metadata)) {
    const name = given.toLowerCase();
    if (RESERVED.test(name)) continue;
    if (name.endsWith('-bin')) headers[name] = Buffer.from(value as Buffer).toString('base64');
    else if (PRINTABLE.test(String(value))) headers[name] = String(value);
  }
}

/** How much a peer counts metadata for: HTTP/2 adds 32 bytes to each name and value (RFC 9113, 6.5.2). */
export function metadataBytes(metadata: GrpcMetadata): number {
  let bytes = 0;
  for (const name of Object.keys(metadata)) {
    const value = metadata[name];
    if (Array.isArray(value)) for (const each of value) bytes += name.length + each.length + 32;
    else if (value !== undefined) bytes += name.length + value.length + 32;
  }
  return bytes;
}
