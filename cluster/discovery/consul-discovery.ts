// Seeds from Consul: the instances of a service that pass their checks. A request stays open until something changes,
// so that a new node is known at once and a quiet cluster costs one request a minute.
// An edge: timers, and the requests of consul-client.ts.
import { DISCOVERY_LIMITS } from '../limits.ts';
import type { ConsulClient } from './consul-client.ts';
import { consulRetryMs, healthPath, nextIndex, readHealth } from './consul-health.ts';
import { type After, afterTimeout, type Discovery, type OnSeeds, type ReportDiscovery } from './discovery.ts';
import { SeedList } from './seed-list.ts';

export interface ConsulDiscoveryOptions {
  readonly client: ConsulClient;
  /** Name of the service that all nodes register. */
  readonly service: string;
  readonly report?: ReportDiscovery | undefined;
  readonly after?: After | undefined;
  /** In [0, 1). */
  readonly random?: (() => number) | undefined;
}

export class ConsulDiscovery implements Discovery {
  readonly #client: ConsulClient;
  readonly #service: string;
  readonly #source: string;
  readonly #report: ReportDiscovery;
  readonly #after: After;
  readonly #random: () => number;
  readonly #stop = new AbortController();
  #onSeeds: OnSeeds = () => {};
  #index = 0;
  #failures = 0;
  #absent = false;
  #round: Promise<void> = Promise.resolve();
  #cancelNext: () => void = () => {};

  constructor(options: ConsulDiscoveryOptions) {
    this.#client = options.client;
    this.#service = options.service;
    this.#source = `consul ${options.service}`;
    this.#report = options.report ?? (() => {});
    this.#after = options.after ?? afterTimeout;
    this.#random = options.random ?? Math.random;
  }

  start(onSeeds: OnSeeds): void {
    this.#onSeeds = onSeeds;
    this.#round = this.#ask();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#cancelNext();
    await this.#round;
  }

  async #ask(): Promise<void> {
    const { signal } = this.#stop;
    const begunMs = performance.now();
    const list = await this.#request(signal).catch((thrown: Error) => thrown);
    if (signal.aborted) return;
    const failed = list instanceof Error;
    const delayMs = failed ? this.#fail(list.message) : this.#pauseMs(performance.now() - begunMs);
    this.#cancelNext = this.#after(delayMs, () => {
      this.#round = this.#ask();
    });
    if (!failed) this.#tell(list);
  }

  async #request(signal: AbortSignal): Promise<SeedList> {
    const timeoutMs = DISCOVERY_LIMITS.consulWaitMs + DISCOVERY_LIMITS.consulWaitMarginMs;
    const path = healthPath(this.#service, this.#index);
    const { index, text } = await this.#client.request({ method: 'GET', path, timeoutMs, signal });
    const seeds = readHealth(text);
    if (seeds === undefined) throw new Error('Cannot read the answer of Consul: expected a list in JSON');
    this.#index = nextIndex(this.#index, index);
    const list = new SeedList();
    list.add(seeds);
    return list;
  }

  #tell(list: SeedList): void {
    const source = this.#source;
    if (this.#failures > 0) this.#report({ kind: 'recovered', source });
    this.#failures = 0;
    const absent = list.seeds.length === 0;
    if (absent && !this.#absent) this.#report({ kind: 'absent', source });
    this.#absent = absent;
    if (list.cut > 0) this.#report({ kind: 'cut', source, seeds: list.seeds.length + list.cut });
    this.#onSeeds(list.seeds);
  }

  /** Says when to try again. The next answer is asked for at once, not waited for: there may be another server. */
  #fail(reason: string): number {
    this.#index = 0;
    this.#failures++;
    if (this.#failures === 1) this.#report({ kind: 'failed', source: this.#source, reason });
    return consulRetryMs(this.#failures, this.#random());
  }

  /** Without an index there is nothing to wait for, so it is asked for now and then. */
  #pauseMs(tookMs: number): number {
    if (this.#index === 0) return DISCOVERY_LIMITS.refreshMsMin;
    return Math.max(0, DISCOVERY_LIMITS.consulIntervalMsMin - tookMs);
  }
}
