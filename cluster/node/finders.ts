// Finds the first others, by every way that is configured: a list, DNS, Consul; and shows this node in Consul. What
// they find are only addresses to try.
// Lives on: the cluster's thread, one.
import { ConsulClient } from '../discovery/consul-client.ts';
import { ConsulDiscovery } from '../discovery/consul-discovery.ts';
import { ConsulRegistration } from '../discovery/consul-registration.ts';
import { consulCheckOf } from '../discovery/consul-service.ts';
import type { Discovery, DiscoveryEvent } from '../discovery/discovery.ts';
import { DnsDiscovery } from '../discovery/dns-discovery.ts';
import type { DnsTarget } from '../discovery/dns-seeds.ts';
import { StaticDiscovery } from '../discovery/static-discovery.ts';
import type { NodeAddress } from '../link/peer.ts';

/** How the node shows itself in Consul. */
export interface ConsulSettings {
  readonly address: string;
  readonly name: string;
  readonly id: string;
  readonly serviceAddress: string | undefined;
  readonly servicePort: number | undefined;
  readonly tags: readonly string[];
  readonly check: Readonly<Partial<Record<'name' | 'interval' | 'http' | 'grpc', string>>>;
}

export interface FinderSettings {
  readonly seeds: readonly NodeAddress[];
  readonly dns: readonly string[];
  readonly consul: ConsulSettings | undefined;
}

export class Finders {
  readonly #discoveries: Discovery[];
  readonly #registrations: ConsulRegistration[] = [];
  /** By the discovery that found them. */
  readonly #found = new Map<Discovery, readonly NodeAddress[]>();

  /** `self`: where other nodes reach this one. */
  constructor(settings: FinderSettings, self: NodeAddress, report: (event: DiscoveryEvent) => void) {
    const { seeds, dns, consul } = settings;
    this.#discoveries = [new StaticDiscovery(seeds)];
    if (dns.length > 0) this.#discoveries.push(new DnsDiscovery({ targets: dns.map(targetOf), report }));
    if (consul !== undefined) this.#useConsul(consul, self, report);
  }

  get addresses(): NodeAddress[] {
    return [...this.#found.values()].flat();
  }

  start(onFound: () => void): void {
    for (const registration of this.#registrations) registration.start();
    for (const discovery of this.#discoveries) {
      discovery.start((seeds) => {
        this.#found.set(discovery, seeds);
        onFound();
      });
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#discoveries, ...this.#registrations].map((each) => each.stop()));
  }

  /** Clients find the service by its name; nodes find each other by another, whose port is that of the links. */
  #useConsul(consul: ConsulSettings, self: NodeAddress, report: (event: DiscoveryEvent) => void): void {
    const { name, id, tags, serviceAddress, servicePort, check } = consul;
    const client = new ConsulClient({ address: consul.address });
    const forClients = { name, id, address: serviceAddress, port: servicePort, tags };
    const forNodes = { name: `${name}-cluster`, id: `${id}-cluster`, ...linkAddress(self), tags: [] };
    for (const service of [forClients, forNodes]) {
      const checked = { ...service, check: consulCheckOf(service === forClients ? { name, ...check } : { name }) };
      this.#registrations.push(new ConsulRegistration({ client, service: checked, report }));
    }
    this.#discoveries.push(new ConsulDiscovery({ client, service: forNodes.name, report }));
  }
}

function linkAddress({ host, port }: NodeAddress): { address: string; port: number } {
  return { address: host, port };
}

/** `host:port`, or a service. */
function targetOf(name: string): DnsTarget {
  if (name.startsWith('_')) return { kind: 'service', name };
  const colon = name.lastIndexOf(':');
  const host = name.slice(0, colon).replace(/^\[|\]$/g, '');
  return { kind: 'host', name: host, port: Number(name.slice(colon + 1)) };
}
