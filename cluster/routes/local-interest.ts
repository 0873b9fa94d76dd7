// What this node's queues and sessions want, counted: a filter is published when its first holder comes, and goes some
// time after the last went, so that clients that reconnect tell nobody anything. More holders of one filter change what
// is published only when they add a kind, a shard or a member of a shared subscription.
// Above a number of exact filters the log has a summary of them instead (bloom.ts); wildcards are always there.
// Called by: routes.ts.
import { assert } from '../../src/base/assert.ts';
import { SHARDS_MAX } from '../../src/base/limits.ts';
import { ROUTE_LIMITS } from '../limits.ts';
import { BloomCounts } from './bloom.ts';
import {
  blockKey,
  type Interest,
  InterestKind,
  type InterestKindName,
  interestKey,
  isWildcardKey,
  writeInterest,
} from './route-entry.ts';
import type { RouteLog } from './route-log.ts';
import type { RouteValue } from './route-value.ts';

export interface Holder {
  readonly kind: InterestKindName;
  readonly shard: number;
}

/**
 * Holders of one filter: (shard and kind) -> count. A million filters have one holder each, so one is kept as a number:
 * shard and kind in the upper part, the count in the lower.
 */
type Holders = number | Map<number, number>;

const KIND_NAMES = ['queue', 'session', 'shared'] as const satisfies readonly InterestKindName[];
const COUNT_RANGE = 2 ** 32;
const slotOf = ({ kind, shard }: Holder): number => shard * KIND_NAMES.length + KIND_NAMES.indexOf(kind);

export class LocalInterest {
  readonly #log: RouteLog;
  readonly #holders = new Map<string, Holders>();
  /** Filters that lost a holder -> when that is published. In the order of those times. */
  readonly #leaving = new Map<string, number>();
  #exact = 0;
  #summary: BloomCounts | undefined;

  constructor(log: RouteLog) {
    this.#log = log;
  }

  get filters(): number {
    return this.#holders.size;
  }

  get isSummarised(): boolean {
    return this.#summary !== undefined;
  }

  /** When expire() has something to do. */
  get dueMs(): number {
    for (const dueMs of this.#leaving.values()) return dueMs;
    return Number.POSITIVE_INFINITY;
  }

  add(interest: { space: string; filter: string } & Holder, nowMs: number): void {
    assert(interest.shard >= 0 && interest.shard < SHARDS_MAX, 'a holder is on a shard');
    const key = interestKey(interest.space, interest.filter);
    const before = this.#holders.get(key);
    if (before === undefined && this.#holders.size >= ROUTE_LIMITS.entriesMax) {
      throw new RangeError(`Cannot subscribe: the node has ${ROUTE_LIMITS.entriesMax} filters, remove some`);
    }
    const after = counted(before, slotOf(interest), 1);
    this.#holders.set(key, after);
    this.#leaving.delete(key);
    if (this.#isSingle(key)) this.#log.put(key, publishedValue(after), nowMs);
    else if (before === undefined) this.#putBlock(this.#summary?.add(key), nowMs);
    if (before !== undefined || isWildcardKey(key)) return;
    this.#exact++;
    if (this.#summary === undefined && this.#exact > this.#log.sizes.summaryAbove) this.#summarise(nowMs);
  }

  /** Takes back one add() of the same interest. */
  remove(interest: { space: string; filter: string } & Holder, nowMs: number): void {
    const key = interestKey(interest.space, interest.filter);
    const before = this.#holders.get(key);
    const slot = slotOf(interest);
    assert(before !== undefined && countOf(before, slot) > 0, 'only interest that was added is removed');
    this.#holders.set(key, counted(before, slot, -1));
    this.#leaving.delete(key);
    this.#leaving.set(key, nowMs + ROUTE_LIMITS.lingerMs);
  }

  /** Publishes what has been gone for long enough. */
  expire(nowMs: number): void {
    for (const [key, dueMs] of this.#leaving) {
      if (dueMs > nowMs) return;
      this.#leaving.delete(key);
      this.#settle(key, nowMs);
    }
  }

  #settle(key: string, nowMs: number): void {
    const value = publishedValue(this.#holders.get(key) ?? 0);
    if (this.#isSingle(key)) this.#log.put(key, value, nowMs);
    else if (value === undefined) this.#putBlock(this.#summary?.remove(key), nowMs);
    if (value !== undefined) return;
    this.#holders.delete(key);
    if (isWildcardKey(key)) return;
    this.#exact--;
    if (this.#summary !== undefined && this.#exact < this.#log.sizes.summaryBelow) this.#spellOut(nowMs);
  }

  /** Published by an entry of its own. */
  #isSingle(key: string): boolean {
    return this.#summary === undefined || isWildcardKey(key);
  }

  #putBlock(block: number | undefined, nowMs: number): void {
    if (block !== undefined) this.#log.put(blockKey(block), this.#summary?.block(block), nowMs);
  }

  /** From single entries to a summary. First what is added, so that no filter is missing in between. */
  #summarise(nowMs: number): void {
    const summary = new BloomCounts();
    this.#summary = summary;
    const blocks = new Set<number>();
    for (const key of this.#exactKeys()) {
      const block = summary.add(key);
      if (block !== undefined) blocks.add(block);
    }
    for (const block of blocks) this.#putBlock(block, nowMs);
    for (const key of this.#exactKeys()) this.#log.put(key, undefined, nowMs);
  }

  #spellOut(nowMs: number): void {
    this.#summary = undefined;
    for (const key of this.#exactKeys()) {
      // One that has no holder and lingers is published as if it had, until it goes.
      this.#log.put(key, publishedValue(this.#holders.get(key) ?? 0) ?? [0, 0, 0], nowMs);
    }
    this.#log.flush();
    const blocks: string[] = [];
    for (const [key] of this.#log.table.entries()) if (key.startsWith('b')) blocks.push(key);
    for (const key of blocks) this.#log.put(key, undefined, nowMs);
  }

  *#exactKeys(): Generator<string> {
    for (const key of this.#holders.keys()) if (!isWildcardKey(key)) yield key;
  }
}

function countOf(holders: Holders, slot: number): number {
  if (typeof holders !== 'number') return holders.get(slot) ?? 0;
  return Math.floor(holders / COUNT_RANGE) === slot ? holders % COUNT_RANGE : 0;
}

function counted(holders: Holders | undefined, slot: number, by: 1 | -1): Holders {
  if (holders === undefined || typeof holders === 'number') {
    const count = (holders ?? 0) % COUNT_RANGE;
    const isOther = count > 0 && Math.floor((holders ?? 0) / COUNT_RANGE) !== slot;
    if (!isOther) return slot * COUNT_RANGE + count + by;
    return new Map([
      [Math.floor((holders ?? 0) / COUNT_RANGE), count],
      [slot, 1],
    ]);
  }
  const count = (holders.get(slot) ?? 0) + by;
  if (count === 0) holders.delete(slot);
  else holders.set(slot, count);
  return holders;
}

/** What peers need to know; undefined when nobody holds it. */
function publishedValue(holders: Holders): RouteValue | undefined {
  if (typeof holders === 'number') {
    const count = holders % COUNT_RANGE;
    return count === 0 ? undefined : writeInterest(withSlot(NO_INTEREST, Math.floor(holders / COUNT_RANGE), count));
  }
  let interest = NO_INTEREST;
  for (const [slot, count] of holders) interest = withSlot(interest, slot, count);
  return interest === NO_INTEREST ? undefined : writeInterest(interest);
}

const NO_INTEREST: Interest = { kinds: 0, weight: 0, shardsLow: 0, shardsHigh: 0 };

function withSlot(interest: Interest, slot: number, count: number): Interest {
  const kind = KIND_NAMES[slot % KIND_NAMES.length];
  const shard = Math.floor(slot / KIND_NAMES.length);
  const bit = 1 << (shard & 31);
  return {
    kinds: interest.kinds | InterestKind[kind],
    weight: interest.weight + (kind === 'shared' ? count : 0),
    shardsLow: shard < 32 ? (interest.shardsLow | bit) >>> 0 : interest.shardsLow,
    shardsHigh: shard < 32 ? interest.shardsHigh : (interest.shardsHigh | bit) >>> 0,
  };
}
