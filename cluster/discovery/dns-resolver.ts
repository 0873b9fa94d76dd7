// Names to records: asks one nameserver after the other until one answers, follows aliases, and goes through the search
// domains. That a name is not there and that nobody could say so are told apart: only the first is an answer, and only
// after it the next search domain is tried, or a failing nameserver would give a name another meaning.
// Called by: dns-discovery.ts.
import { DISCOVERY_LIMITS } from '../limits.ts';
import type { AskNameserver } from './dns-exchange.ts';
import type { DnsAnswer, DnsRecord, QueryType } from './dns-message.ts';
import { candidateNames } from './dns-name.ts';
import type { ResolvConf } from './resolv-conf.ts';

export interface Lookup {
  readonly records: readonly DnsRecord[];
  /** Addresses that came along, by name. */
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  /** How long it holds; undefined when no answer said so. */
  readonly ttlS: number | undefined;
  /** Why it is not known, or not wholly; undefined = all was answered. */
  readonly failure: string | undefined;
}

type Answered = Extract<DnsAnswer, { kind: 'records' | 'absent' | 'empty' | 'failed' }>;

export class DnsResolver {
  readonly #conf: ResolvConf;
  readonly #ask: AskNameserver;
  readonly #signal: AbortSignal;

  constructor(conf: ResolvConf, ask: AskNameserver, signal: AbortSignal) {
    this.#conf = conf;
    this.#ask = ask;
    this.#signal = signal;
  }

  /** What a name has of these types. Never rejects. */
  async lookup(name: string, types: readonly QueryType[]): Promise<Lookup> {
    let nothing: Lookup = { records: [], addresses: new Map(), ttlS: undefined, failure: undefined };
    for (const candidate of candidateNames(name, this.#conf)) {
      const answers = await Promise.all(types.map((type) => this.#follow(candidate, type)));
      const lookup = combine(answers);
      if (lookup.records.length > 0 || lookup.failure !== undefined) return lookup;
      nothing = { ...lookup, ttlS: least(nothing.ttlS, lookup.ttlS) };
    }
    return nothing;
  }

  /** Goes on asking where a nameserver named an alias and not what is behind it. */
  async #follow(name: string, type: QueryType): Promise<Answered> {
    let current = name;
    let ttlS: number | undefined;
    for (let step = 0; step <= DISCOVERY_LIMITS.aliasesMax; step++) {
      const answer = await this.#askAll(current, type);
      if (answer.kind === 'failed') return answer;
      ttlS = least(ttlS, answer.ttlS);
      if (answer.kind === 'records') return { ...answer, ttlS: ttlS ?? answer.ttlS };
      if (answer.kind !== 'alias') return { ...answer, ttlS };
      current = answer.target;
    }
    return { kind: 'failed', reason: `the aliases of ${name} do not end` };
  }

  /** The first answer of any nameserver. */
  async #askAll(name: string, type: QueryType): Promise<Answered | Extract<DnsAnswer, { kind: 'alias' }>> {
    const { nameservers, attempts, timeoutMs } = this.#conf;
    const reasons = new Set<string>();
    for (let attempt = 0; attempt < attempts; attempt++) {
      for (const server of nameservers) {
        if (this.#signal.aborted) return { kind: 'failed', reason: 'stopped' };
        const answer = await this.#ask(server, { name, type }, { timeoutMs, signal: this.#signal });
        if (answer.kind !== 'failed') return answer;
        reasons.add(`${server.host}: ${answer.reason}`);
      }
    }
    return { kind: 'failed', reason: `${type} of ${name}: ${[...reasons].join(', ')}` };
  }
}

function combine(answers: readonly Answered[]): Lookup {
  const records: DnsRecord[] = [];
  const addresses = new Map<string, readonly string[]>();
  let ttlS: number | undefined;
  let failure: string | undefined;
  for (const answer of answers) {
    if (answer.kind === 'failed') {
      failure ??= answer.reason;
      continue;
    }
    ttlS = least(ttlS, answer.ttlS);
    if (answer.kind !== 'records') continue;
    records.push(...answer.records);
    for (const [name, hosts] of answer.addresses) addresses.set(name, hosts);
  }
  return { records, addresses, ttlS, failure };
}

/** The lesser of two times that may be unknown. */
export function least(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.min(one, other);
}
