// Addresses to listen on, as people and hsmq write them: "127.0.0.1:4848", "[::1]:4848", ":4848", "http://host:8080".
// Lives on: main. Called by: option-types.ts, exposure.ts.
import { isIP, isIPv4 } from 'node:net';

export interface Address {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

const PATTERN = /^(?:[a-z][a-z0-9+.-]*:\/\/)?(?:\[([^\]]+)\]|([^:/[\]]*)):(\d{1,5})\/?$/i;

/** Undefined when the text is no address. Without a host it means every IPv4 address of the machine. */
export function parseAddress(text: string): Address | undefined {
  const match = PATTERN.exec(text.trim());
  if (match === null) return undefined;
  const [, bracketed, plain, digits] = match;
  const port = Number(digits);
  if (port > 65_535 || (bracketed !== undefined && isIP(bracketed) !== 6)) return undefined;
  const host = bracketed ?? (plain === '' || plain === '*' ? '0.0.0.0' : plain);
  return /\s/.test(host) ? undefined : { host, port };
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether the address can be reached from this machine alone. A name other than localhost may mean anything. */
export function isLoopback(host: string): boolean {
  if (isIPv4(host)) return host.startsWith('127.');
  const name = host.toLowerCase();
  return name === 'localhost' || name === '::1' || /^::ffff:127\./.test(name);
}

/** The same port on the loopback address of the same family. */
export function toLoopback({ host, port }: Address): Address {
  return { host: isIP(host) === 6 ? '::1' : '127.0.0.1', port };
}

/** Whether both cannot be listened on at once. */
export function overlap(one: Address, other: Address): boolean {
  if (one.port !== other.port || one.port === 0) return false;
  return one.host === other.host || isWildcard(one.host) || isWildcard(other.host);
}

export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
