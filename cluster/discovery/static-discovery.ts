// Seeds that are written in the configuration. Names in it are resolved by whoever connects.
import type { Discovery, OnSeeds, SeedAddress } from './discovery.ts';
import { SeedList } from './seed-list.ts';

export class StaticDiscovery implements Discovery {
  readonly #seeds: readonly SeedAddress[];
  #stopped = false;

  constructor(seeds: Iterable<SeedAddress>) {
    const list = new SeedList();
    list.add(seeds);
    this.#seeds = list.seeds;
  }

  /** Not before the caller is through with its own start. */
  start(onSeeds: OnSeeds): void {
    queueMicrotask(() => {
      if (!this.#stopped) onSeeds(this.#seeds);
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
  }
}
