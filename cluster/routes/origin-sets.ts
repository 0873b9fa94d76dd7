// Sets of origins, one copy of each: a million filters with one subscriber each name few different sets, and a lookup
// gives one of them without making anything. Sets never change; adding an origin gives another set.
import { ROUTE_LIMITS } from '../limits.ts';

/** An origin as lookups show it. One object for as long as the origin is known. */
export interface RouteTarget {
  readonly origin: string;
  /** The start of the origin whose routes these are. */
  readonly incarnation: number;
  /** The origin is dead: nothing is forwarded, publishes to its durable queues wait for it. */
  readonly isParked: boolean;
}

/** In the order in which the origins became known. */
export type OriginSet = readonly OriginTarget[];

export interface OriginTarget extends RouteTarget {
  readonly number: number;
  /** The set of this one alone. */
  readonly alone: OriginSet;
}

export const NO_ORIGINS: OriginSet = [];

export class OriginSets {
  readonly #known = new Map<string, OriginSet>();

  with(set: OriginSet, target: OriginTarget): OriginSet {
    if (set.length === 0) return target.alone;
    if (set.includes(target)) return set;
    return this.#one([...set, target].sort((a, b) => a.number - b.number));
  }

  without(set: OriginSet, target: OriginTarget): OriginSet {
    if (!set.includes(target)) return set;
    return this.#one(set.filter((other) => other !== target));
  }

  union(a: OriginSet, b: OriginSet): OriginSet {
    if (a.length === 0 || a === b) return b;
    if (b.length === 0) return a;
    let union = a;
    for (const target of b) union = this.with(union, target);
    return union;
  }

  #one(set: OriginSet): OriginSet {
    if (set.length === 0) return NO_ORIGINS;
    if (set.length === 1) return set[0].alone;
    const name = set.map((target) => target.number).join();
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    // Those that are in use stay as they are; a second copy of one is no harm.
    if (this.#known.size >= ROUTE_LIMITS.originSetsMax) this.#known.clear();
    this.#known.set(name, set);
    return set;
  }
}
