// Seeds from DNS, asked for again as long as the node lives. The last good answer for a name counts until there is
// another: a nameserver that fails, or knows half, takes nothing away. resolv.conf is read anew each time.
// An edge: file, timers, and the sockets of dns-exchange.ts.
import { readFile } from 'node:fs/promises';
import { BrokerError } from '../../src/base/errors.ts';
import { DISCOVERY_LIMITS } from '../limits.ts';
import { type After, afterTimeout, type Discovery, type OnSeeds, type ReportDiscovery } from './discovery.ts';
import { askNameserver } from './dns-exchange.ts';
import { isDnsName } from './dns-name.ts';
import { DnsResolver } from './dns-resolver.ts';
import { failureDelayMs, refreshDelayMs } from './dns-schedule.ts';
import { type DnsTarget, type FoundSeeds, findSeeds } from './dns-seeds.ts';
import { parseResolvConf, type ResolvConf } from './resolv-conf.ts';
import { SeedList } from './seed-list.ts';

export interface DnsDiscoveryOptions {
  readonly targets: readonly DnsTarget[];
  /** Default: /etc/resolv.conf. */
  readonly resolvConfPath?: string | undefined;
  readonly report?: ReportDiscovery | undefined;
  readonly after?: After | undefined;
  /** In [0, 1). */
  readonly random?: (() => number) | undefined;
}

/** What is known of one name. */
interface Known {
  readonly target: DnsTarget;
  /** The last whole answer; undefined before the first. */
  good: FoundSeeds | undefined;
  failures: number;
  absent: boolean;
}

export class DnsDiscovery implements Discovery {
  readonly #known: readonly Known[];
  readonly #path: string;
  readonly #report: ReportDiscovery;
  readonly #after: After;
  readonly #random: () => number;
  readonly #stop = new AbortController();
  #conf = parseResolvConf('');
  #onSeeds: OnSeeds = () => {};
  #round: Promise<void> = Promise.resolve();
  #cancelNext: () => void = () => {};

  constructor(options: DnsDiscoveryOptions) {
    for (const target of options.targets) checkTarget(target);
    this.#known = options.targets.map((target) => ({ target, good: undefined, failures: 0, absent: false }));
    this.#path = options.resolvConfPath ?? '/etc/resolv.conf';
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

  /** One round over all names. */
  async #ask(): Promise<void> {
    const { signal } = this.#stop;
    this.#conf = await this.#readConf();
    const resolver = new DnsResolver(this.#conf, askNameserver, signal);
    const found = await Promise.all(this.#known.map(({ target }) => findSeeds(resolver, target)));
    if (signal.aborted) return;
    const list = new SeedList();
    let delayMs: number = DISCOVERY_LIMITS.refreshMsMax;
    let answered = false;
    for (const [index, known] of this.#known.entries()) {
      delayMs = Math.min(delayMs, this.#learn(known, found[index]));
      list.add(found[index].seeds);
      if (found[index].failure !== undefined) list.add(known.good?.seeds ?? []);
      answered ||= known.good !== undefined || found[index].seeds.length > 0;
    }
    if (list.cut > 0) this.#report({ kind: 'cut', source: 'dns', seeds: list.seeds.length + list.cut });
    this.#cancelNext = this.#after(delayMs, () => {
      this.#round = this.#ask();
    });
    if (answered) this.#onSeeds(list.seeds);
  }

  /** Takes in what was found for one name, and says when to ask again. */
  #learn(known: Known, found: FoundSeeds): number {
    const source = `dns ${known.target.name}`;
    if (found.failure !== undefined) {
      known.failures++;
      if (known.failures === 1) this.#report({ kind: 'failed', source, reason: found.failure });
      const delayMs = failureDelayMs(known.failures, this.#random());
      return found.seeds.length === 0 ? delayMs : Math.min(delayMs, refreshDelayMs(found.ttlS));
    }
    if (known.failures > 0) this.#report({ kind: 'recovered', source });
    const absent = found.seeds.length === 0;
    if (absent && !known.absent) this.#report({ kind: 'absent', source });
    known.failures = 0;
    known.absent = absent;
    known.good = found;
    return refreshDelayMs(found.ttlS);
  }

  /** A file that cannot be read says what it said before. */
  async #readConf(): Promise<ResolvConf> {
    try {
      return parseResolvConf((await readFile(this.#path, 'utf8')).slice(0, DISCOVERY_LIMITS.resolvConfBytesMax));
    } catch {
      return this.#conf;
    }
  }
}

function checkTarget(target: DnsTarget): void {
  if (!isDnsName(target.name)) {
    throw new BrokerError(
      'invalid-argument',
      `Cannot find nodes by DNS: received "${target.name}", expected a name like "ringmq.default.svc.cluster.local"`,
    );
  }
}
