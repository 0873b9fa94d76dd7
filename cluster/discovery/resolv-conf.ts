// What /etc/resolv.conf says, read as the C library reads it: unknown lines are passed over, the last `search` or
// `domain` counts, numbers are brought into their bounds. Pure. The form `[address]:port` of OpenBSD is read, too.
// Called by: dns-discovery.ts.
import { isIP } from 'node:net';
import { DISCOVERY_LIMITS } from '../limits.ts';

export interface Nameserver {
  readonly host: string;
  readonly port: number;
}

export interface ResolvConf {
  /** Never empty: without any it is the machine itself. */
  readonly nameservers: readonly Nameserver[];
  readonly search: readonly string[];
  /** A name with fewer dots is looked for in the search domains first. */
  readonly ndots: number;
  readonly timeoutMs: number;
  /** How often all nameservers are asked before giving up. */
  readonly attempts: number;
}

const DNS_PORT = 53;
const LOCAL: Nameserver = { host: '127.0.0.1', port: DNS_PORT };

export function parseResolvConf(text: string): ResolvConf {
  const nameservers: Nameserver[] = [];
  let search: string[] = [];
  const options = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [keyword, ...words] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver') {
      const nameserver = parseNameserver(words[0] ?? '');
      if (nameserver !== undefined && nameservers.length < DISCOVERY_LIMITS.nameserversMax)
        nameservers.push(nameserver);
    } else if (keyword === 'search' || keyword === 'domain') {
      search = words.slice(0, keyword === 'domain' ? 1 : DISCOVERY_LIMITS.searchMax);
    } else if (keyword === 'options') {
      for (const word of words) readOption(word, options);
    }
  }
  const bounded = (name: string, fallback: number, most: number): number =>
    Math.min(options.get(name) ?? fallback, most);
  return {
    nameservers: nameservers.length > 0 ? nameservers : [LOCAL],
    search: search.map((domain) => domain.replace(/^\.|\.$/g, '')).filter((domain) => domain !== ''),
    ndots: bounded('ndots', 1, DISCOVERY_LIMITS.ndotsMax),
    timeoutMs: options.has('timeout')
      ? Math.max(1, bounded('timeout', 0, DISCOVERY_LIMITS.timeoutSMax)) * 1000
      : DISCOVERY_LIMITS.queryTimeoutMs,
    attempts: Math.max(1, bounded('attempts', DISCOVERY_LIMITS.queryAttempts, DISCOVERY_LIMITS.attemptsMax)),
  };
}

function parseNameserver(text: string): Nameserver | undefined {
  const withPort = /^\[([^\]]+)\]:(\d{1,5})$/.exec(text);
  const [host, port] = withPort === null ? [text, DNS_PORT] : [withPort[1], Number(withPort[2])];
  return isIP(host) !== 0 && port > 0 && port < 65_536 ? { host, port } : undefined;
}

function readOption(word: string, options: Map<string, number>): void {
  const match = /^(ndots|timeout|attempts):(\d{1,9})$/.exec(word);
  if (match !== null) options.set(match[1], Number(match[2]));
}
