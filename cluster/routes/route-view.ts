// The tables of all other nodes as one, for lookups: who wants this topic, who runs this queue. Kept up to date entry
// by entry; only route-replica.ts changes it, and what it changes at once is seen at once.
// Lives on: the thread of the routes. A lookup of an exact filter is one look into a map and makes nothing.
import { BloomBits, BloomProbe } from './bloom.ts';
import { FilterTrie } from './filter-trie.ts';
import type { KeyedTable } from './keyed-table.ts';
import { NO_ORIGINS, type OriginSet, OriginSets, type OriginTarget, type RouteTarget } from './origin-sets.ts';
import { type QueueRecord, readQueueRecord } from './queue-record.ts';
import { interestKey, isWildcard, isWildcardKey, readBlockKey, readInterestKey } from './route-entry.ts';
import { type RouteValue, sameValue } from './route-value.ts';

/** An origin in the view; its replica changes it. */
export class ViewOrigin implements OriginTarget {
  readonly origin: string;
  readonly number: number;
  readonly alone: OriginSet = [this];
  incarnation = 0;
  isParked = false;
  /** Its summary, when it has one. */
  bloom: BloomBits | undefined;

  constructor(origin: string, number: number) {
    this.origin = origin;
    this.number = number;
  }
}

export interface QueueClaim {
  readonly target: RouteTarget;
  readonly record: QueueRecord;
}

export class RouteView {
  readonly #sets = new OriginSets();
  readonly #exact = new Map<string, OriginSet>();
  /** By space. */
  readonly #tries = new Map<string, FilterTrie>();
  /** By name, the one that is right first. */
  readonly #claims = new Map<string, QueueClaim[]>();
  readonly #summarised = new Set<ViewOrigin>();
  readonly #probe = new BloomProbe();
  #lastNumber = 0;

  get exactFilters(): number {
    return this.#exact.size;
  }

  get wildcards(): number {
    let sum = 0;
    for (const trie of this.#tries.values()) sum += trie.size;
    return sum;
  }

  get queues(): number {
    return this.#claims.size;
  }

  newOrigin(origin: string): ViewOrigin {
    return new ViewOrigin(origin, ++this.#lastNumber);
  }

  /** Origins that want what is published to the topic, and some that only seem to (bloom.ts). */
  match(space: string, topic: string): readonly RouteTarget[] {
    const key = interestKey(space, topic);
    let found = isWildcard(topic) ? NO_ORIGINS : (this.#exact.get(key) ?? NO_ORIGINS);
    this.#tries.get(space)?.match(topic, (origins) => {
      found = this.#sets.union(found, origins);
    });
    if (this.#summarised.size > 0) {
      this.#probe.set(key);
      for (const origin of this.#summarised) {
        if (origin.bloom?.has(this.#probe)) found = this.#sets.with(found, origin);
      }
    }
    return found;
  }

  /** Origins that have this very filter. Says nothing of what is in summaries. */
  holders(space: string, filter: string): readonly RouteTarget[] {
    if (isWildcard(filter)) return this.#tries.get(space)?.get(filter) ?? NO_ORIGINS;
    return this.#exact.get(interestKey(space, filter)) ?? NO_ORIGINS;
  }

  /** The node that runs the queue: of several that claim it, the one with the highest epoch. */
  owner(queue: string): QueueClaim | undefined {
    return this.#claims.get(queue)?.[0];
  }

  /** One entry of an origin changed. */
  change(origin: ViewOrigin, key: string, change: { before: RouteValue | undefined; after: RouteValue | undefined }) {
    const { before, after } = change;
    switch (key[0]) {
      case 'i':
        if ((before === undefined) !== (after === undefined)) this.#changeInterest(origin, key, after !== undefined);
        return;
      case 'q':
        this.#changeClaim(origin, key.slice(1), after);
        return;
      case 'b':
        this.#changeBlock(origin, key, after);
        return;
      default:
    }
  }

  /** The whole table of an origin is another now. */
  replace(origin: ViewOrigin, tables: { before: KeyedTable | undefined; after: KeyedTable | undefined }): void {
    const { before, after } = tables;
    for (const [key, value] of before?.entries() ?? []) {
      if (after?.get(key) === undefined) this.change(origin, key, { before: value, after: undefined });
    }
    for (const [key, value] of after?.entries() ?? []) {
      const was = before?.get(key);
      if (!sameValue(was, value)) this.change(origin, key, { before: was, after: value });
    }
  }

  #changeInterest(origin: ViewOrigin, key: string, wants: boolean): void {
    if (!isWildcardKey(key)) {
      const set = this.#exact.get(key) ?? NO_ORIGINS;
      const next = wants ? this.#sets.with(set, origin) : this.#sets.without(set, origin);
      if (next.length === 0) this.#exact.delete(key);
      else if (next !== set) this.#exact.set(key, next);
      return;
    }
    const { space, filter } = readInterestKey(key);
    const trie = this.#tries.get(space) ?? new FilterTrie();
    const set = trie.get(filter);
    trie.set(filter, wants ? this.#sets.with(set, origin) : this.#sets.without(set, origin));
    if (trie.size === 0) this.#tries.delete(space);
    else this.#tries.set(space, trie);
  }

  #changeClaim(origin: ViewOrigin, queue: string, value: RouteValue | undefined): void {
    const claims = (this.#claims.get(queue) ?? []).filter((claim) => claim.target !== origin);
    if (value !== undefined) claims.push({ target: origin, record: readQueueRecord(queue, value) });
    claims.sort((a, b) => b.record.epoch - a.record.epoch || (a.target.origin < b.target.origin ? -1 : 1));
    if (claims.length === 0) this.#claims.delete(queue);
    else this.#claims.set(queue, claims);
  }

  #changeBlock(origin: ViewOrigin, key: string, value: RouteValue | undefined): void {
    const block = readBlockKey(key);
    if (block === undefined) return;
    origin.bloom ??= new BloomBits();
    origin.bloom.setBlock(block, value instanceof Uint8Array ? value : undefined);
    if (origin.bloom.blocks > 0) {
      this.#summarised.add(origin);
      return;
    }
    origin.bloom = undefined;
    this.#summarised.delete(origin);
  }
}
