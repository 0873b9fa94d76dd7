// Bearer tokens and their digests. Only SHA-256 digests are compared and kept, so that neither a lookup's duration
// nor a heap dump tells a token.
// Lives on: any thread. Called by: auth.ts, node-settings.ts.
import { createHash } from 'node:crypto';

/** A token may have blanks in it: hsmq's do. */
const SCHEME = /^bearer +(.+)$/i;

/** SHA-256 as hex. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The token of an `authorization` header; undefined when it is of another scheme or empty. */
export function bearerToken(header: string | undefined): string | undefined {
  return (header === undefined ? undefined : SCHEME.exec(header)?.[1].trim()) || undefined;
}
