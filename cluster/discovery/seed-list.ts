// Seeds without repetition and no more than a node takes, in the order they came. Pure.
// Called by: the discoveries.
import { DISCOVERY_LIMITS } from '../limits.ts';
import type { SeedAddress } from './discovery.ts';

export class SeedList {
  readonly #seeds = new Map<string, SeedAddress>();
  /** How many different ones were offered beyond the limit, at least. */
  #cut = 0;

  add(seeds: Iterable<SeedAddress>): void {
    for (const { host, port } of seeds) {
      const key = `${host.toLowerCase()} ${port}`;
      if (this.#seeds.has(key)) continue;
      if (this.#seeds.size >= DISCOVERY_LIMITS.seedsMax) this.#cut++;
      else this.#seeds.set(key, { host, port });
    }
  }

  get seeds(): readonly SeedAddress[] {
    return [...this.#seeds.values()];
  }

  get cut(): number {
    return this.#cut;
  }
}
