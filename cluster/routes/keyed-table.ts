// The entries of one origin with their digest: 256 buckets, each the sum of the hashes of its entries, and the sum of
// all. Sums are kept up to date at each change, whatever the size of the table, and two tables with the same entries
// have the same sums, in whatever order they were made. Origin and peers both keep it, so they compare in 8 bytes.
import { ROUTE_LIMITS } from '../limits.ts';
import { EntryHash } from './entry-hash.ts';
import type { RouteValue } from './route-value.ts';

export const BUCKETS = 256;

/** The sum of all entries, two lanes of 32 bits. */
export type RouteRoot = readonly [number, number];

/** Values of interest are few but come with each of a million keys: short ones that are equal are kept once. */
const SHARED_MAX = 4_096;

const hash = new EntryHash();

export class KeyedTable {
  readonly #entries = new Map<string, RouteValue>();
  readonly #sums = new Uint32Array(BUCKETS * 2);
  readonly #shared = new Map<string, RouteValue>();
  #rootA = 0;
  #rootB = 0;

  get size(): number {
    return this.#entries.size;
  }

  get root(): RouteRoot {
    return [this.#rootA >>> 0, this.#rootB >>> 0];
  }

  get(key: string): RouteValue | undefined {
    return this.#entries.get(key);
  }

  /** Follows later changes: what is added while it runs is seen, what is removed is not. */
  entries(): MapIterator<[string, RouteValue]> {
    return this.#entries.entries();
  }

  /** Sets or, with undefined, removes; returns what was there. */
  put(key: string, value: RouteValue | undefined): RouteValue | undefined {
    const before = this.#entries.get(key);
    if (before === undefined && value === undefined) return undefined;
    const bucket = hash.key(key) * 2;
    const { a, b } = hash;
    if (before !== undefined) {
      hash.value(before);
      this.#add(bucket, -hash.a, -hash.b);
      hash.a = a;
      hash.b = b;
    }
    if (value === undefined) {
      this.#entries.delete(key);
      return before;
    }
    if (before === undefined && this.#entries.size >= ROUTE_LIMITS.entriesMax) {
      throw new RangeError(`a node may have ${ROUTE_LIMITS.entriesMax} routes`);
    }
    hash.value(value);
    this.#add(bucket, hash.a, hash.b);
    this.#entries.set(key, this.#share(value));
    return before;
  }

  /** A copy of the sums of all buckets as bytes, little-endian. */
  sums(): Buffer {
    const bytes = Buffer.allocUnsafe(this.#sums.length * 4);
    for (const [index, sum] of this.#sums.entries()) bytes.writeUInt32LE(sum, index * 4);
    return bytes;
  }

  /** Buckets whose sum is another in `sums`. */
  differing(sums: Uint8Array): Set<number> {
    const own = this.sums();
    const buckets = new Set<number>();
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const at = bucket * 8;
      if (Buffer.compare(own.subarray(at, at + 8), sums.subarray(at, at + 8)) !== 0) buckets.add(bucket);
    }
    return buckets;
  }

  /** Entries of these buckets. Reads every key: for repairs, which a healthy cluster never makes. */
  inBuckets(buckets: ReadonlySet<number>): [string, RouteValue][] {
    const found: [string, RouteValue][] = [];
    for (const entry of this.#entries) if (buckets.has(hash.key(entry[0]))) found.push(entry);
    return found;
  }

  #add(at: number, a: number, b: number): void {
    this.#sums[at] += a;
    this.#sums[at + 1] += b;
    this.#rootA = (this.#rootA + a) | 0;
    this.#rootB = (this.#rootB + b) | 0;
  }

  #share(value: RouteValue): RouteValue {
    if (!Array.isArray(value) || value.length > 4 || !value.every((item) => typeof item === 'number')) return value;
    const name = value.join();
    const shared = this.#shared.get(name);
    if (shared !== undefined) return shared;
    if (this.#shared.size < SHARED_MAX) this.#shared.set(name, value);
    return value;
  }
}
