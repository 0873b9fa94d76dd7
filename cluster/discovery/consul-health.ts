// What Consul says of a service, and how to ask for the next change of it. Pure.
// Called by: consul-discovery.ts.
import { isIP } from 'node:net';
import { DISCOVERY_LIMITS } from '../limits.ts';
import type { SeedAddress } from './discovery.ts';
import { isDnsName } from './dns-name.ts';

/** The instances that pass their checks. `index` 0 answers at once, any other when there is something newer. */
export function healthPath(service: string, index: number): string {
  const wait = index === 0 ? '' : `&index=${index}&wait=${DISCOVERY_LIMITS.consulWaitMs}ms`;
  return `/v1/health/service/${encodeURIComponent(service)}?passing=true${wait}`;
}

/**
 * The index to ask with next. It begins anew when it went backwards, as after a restored snapshot: to wait for the old
 * one would be to wait until the new count has come that far.
 */
export function nextIndex(index: number, header: string | null): number {
  const next = header !== null && /^\d{1,15}$/.test(header) ? Number(header) : 0;
  return next < index ? 0 : next;
}

/** The addresses in an answer; undefined when it is none. What has no address in it is passed over. */
export function readHealth(text: string): SeedAddress[] | undefined {
  const entries = parse(text);
  if (!Array.isArray(entries)) return undefined;
  const seeds: SeedAddress[] = [];
  for (const entry of entries) {
    const service = fieldOf(entry, 'Service');
    const port = fieldOf(service, 'Port');
    // A service without an address of its own has that of its agent.
    const host = fieldOf(service, 'Address') || fieldOf(fieldOf(entry, 'Node'), 'Address');
    if (typeof host !== 'string' || (isIP(host) === 0 && !isDnsName(host))) continue;
    if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) continue;
    seeds.push({ host, port });
  }
  return seeds;
}

/** Pause after `failures` in a row, one at least. `random` is in [0, 1). */
export function consulRetryMs(failures: number, random: number): number {
  const { consulRetryMsMin, consulRetryMsMax } = DISCOVERY_LIMITS;
  return Math.min(consulRetryMsMin * 2 ** Math.min(failures - 1, 16), consulRetryMsMax) * (1 - random / 2);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}
