// From a name in the configuration to the addresses of nodes. A host name gives all its addresses with one port, as the
// pods behind a headless service of Kubernetes; the name of a service ("_cluster._tcp.ringmq") gives hosts and ports.
// Called by: dns-discovery.ts.
import { unreachable } from '../../src/base/assert.ts';
import { DISCOVERY_LIMITS } from '../limits.ts';
import type { SeedAddress } from './discovery.ts';
import { type DnsResolver, type Lookup, least } from './dns-resolver.ts';
import { SeedList } from './seed-list.ts';

export type DnsTarget =
  | { readonly kind: 'host'; readonly name: string; readonly port: number }
  | { readonly kind: 'service'; readonly name: string };

export interface FoundSeeds {
  readonly seeds: readonly SeedAddress[];
  readonly ttlS: number | undefined;
  /** Undefined when all was answered; else there may be more seeds than these. */
  readonly failure: string | undefined;
}

/** Never rejects. */
export function findSeeds(resolver: DnsResolver, target: DnsTarget): Promise<FoundSeeds> {
  switch (target.kind) {
    case 'host':
      return findHost(resolver, target.name, target.port);
    case 'service':
      return findService(resolver, target.name);
    default:
      return unreachable(target);
  }
}

async function findHost(resolver: DnsResolver, name: string, port: number): Promise<FoundSeeds> {
  const { records, ttlS, failure } = await resolver.lookup(name, ['A', 'AAAA']);
  const seeds = records.flatMap((record) => (record.kind === 'address' ? [{ host: record.host, port }] : []));
  return { seeds, ttlS, failure };
}

async function findService(resolver: DnsResolver, name: string): Promise<FoundSeeds> {
  const lookup = await resolver.lookup(name, ['SRV']);
  const { ttlS, failure } = lookup;
  const services = lookup.records
    .flatMap((record) => (record.kind === 'service' ? [record] : []))
    .sort((one, other) => one.priority - other.priority)
    .slice(0, DISCOVERY_LIMITS.seedsMax);
  const hosts = [...new Set(services.map(({ target }) => target))];
  const found = await findHosts(resolver, hosts, lookup);
  const list = new SeedList();
  for (const { target, port } of services) {
    list.add((found.get(target)?.seeds ?? []).map(({ host }) => ({ host, port })));
  }
  let all: FoundSeeds = { seeds: list.seeds, ttlS, failure };
  for (const host of found.values()) {
    all = { seeds: all.seeds, ttlS: least(all.ttlS, host.ttlS), failure: all.failure ?? host.failure };
  }
  return all;
}

/** The addresses of hosts, of those that did not come along with the service some at once. */
async function findHosts(
  resolver: DnsResolver,
  hosts: readonly string[],
  { addresses }: Lookup,
): Promise<Map<string, FoundSeeds>> {
  const found = new Map<string, FoundSeeds>();
  const waiting: string[] = [];
  for (const host of hosts) {
    const known = addresses.get(host);
    if (known === undefined) waiting.push(host);
    else
      found.set(host, {
        seeds: known.map((address) => ({ host: address, port: 0 })),
        ttlS: undefined,
        failure: undefined,
      });
  }
  const work = async (): Promise<void> => {
    for (let host = waiting.pop(); host !== undefined; host = waiting.pop()) {
      // The dot: names in answers are complete, and no search domain is theirs.
      found.set(host, await findHost(resolver, `${host}.`, 0));
    }
  };
  await Promise.all(Array.from({ length: DISCOVERY_LIMITS.hostsAtOnce }, work));
  return found;
}
