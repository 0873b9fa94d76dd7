// Who may talk to the admin port at all. A browser on the operator's machine is the danger on loopback: a page can
// send it requests (CSRF), or make its own name point to 127.0.0.1 and read the answers (DNS rebinding). So on
// loopback the Host must be a loopback name, a request of a foreign page is refused everywhere, and writes need a
// content type that a page cannot send without asking first - which is never granted, as no CORS header is ever sent.
// Lives on: main. Called by: admin-server.ts, before anything is read or done.
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { HttpError } from './answer.ts';

const LOOPBACK_NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]', '::1']);

/** Whether an address to listen on can be reached from this machine alone. */
export function isLoopback(host: string): boolean {
  return LOOPBACK_NAMES.has(host) || (isIP(host) === 4 && host.startsWith('127.'));
}

/** Throws when the request comes from a page of another site, or under a foreign name on loopback. */
export function checkOrigin(headers: IncomingHttpHeaders, listeningHost: string): void {
  const host = headers.host ?? '';
  if (isLoopback(listeningHost) && !isLoopback(hostName(host))) {
    const expected = `this port listens on loopback, expected localhost or ${listeningHost}`;
    throw new HttpError(421, 'permission-denied', {
      message: `Cannot serve host "${host.slice(0, 200)}": ${expected}`,
    });
  }
  const { origin } = headers;
  if (origin === undefined || sameHost(origin, host)) return;
  throw new HttpError(403, 'permission-denied', {
    message: `Cannot serve a request of another site: received origin "${origin.slice(0, 200)}"`,
  });
}

/** Throws unless a request that writes says that it sends JSON. DELETE carries no body, and no form can send it. */
export function checkContentType(method: string, headers: IncomingHttpHeaders): void {
  if (method !== 'PUT' && method !== 'POST') return;
  const type = headers['content-type'] ?? '';
  if (/^application\/json\s*(;|$)/i.test(type)) return;
  throw new HttpError(415, 'invalid-argument', {
    message: `Cannot read the request: received content-type "${type.slice(0, 100)}", expected application/json`,
  });
}

/** The name in a Host header, without its port. */
function hostName(host: string): string {
  return host.replace(/:\d+$/, '').toLowerCase();
}

function sameHost(origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}
