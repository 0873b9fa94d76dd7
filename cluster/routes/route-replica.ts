// This node's copy of one other node's routes. Frames are applied in order and none is left out; what is missing is
// pulled from the origin, and what differs though nothing is missing is repaired, and counted: it should not happen.
//
//   in order ── gap, or a head that stays ahead ──> wanted ── frames, or a whole snapshot ──> in order
//
// A snapshot grows beside the table in use, takes every frame that comes meanwhile, and replaces it only when its
// digest is the origin's. Lives on: the thread of the routes; called by routes.ts, changes route-view.ts.
import { ROUTE_LIMITS } from '../limits.ts';
import { KeyedTable } from './keyed-table.ts';
import { sameRoot } from './log-server.ts';
import { RouteError } from './route-error.ts';
import type { RouteFix, RouteFrame, RouteHead, RouteMark, RouteMessage, RouteOps, RouteSnap } from './route-message.ts';
import type { RouteValue } from './route-value.ts';
import type { RouteView, ViewOrigin } from './route-view.ts';

/** Counters over all replicas of a node. */
export interface ReplicaFigures {
  frames: number;
  /** Frames that were there before. */
  duplicates: number;
  pulls: number;
  /** Snapshots that replaced a table, and those that were given up. */
  snapshots: number;
  brokenSnapshots: number;
  /** Tables that differed from the origin's at the same number. 0 in a healthy cluster. */
  routeRepairs: number;
}

interface Building {
  readonly i: number;
  readonly id: number;
  readonly table: KeyedTable;
  s: number;
  n: number;
}

interface ReplicaOptions {
  readonly view: RouteView;
  readonly target: ViewOrigin;
  readonly figures: ReplicaFigures;
  readonly send: (message: RouteMessage) => void;
  readonly firstCheckMs: number;
}

export class RouteReplica {
  readonly target: ViewOrigin;
  readonly #view: RouteView;
  readonly #figures: ReplicaFigures;
  readonly #send: (message: RouteMessage) => void;
  #table = new KeyedTable();
  /** 0 = nothing is known of the origin. */
  #incarnation = 0;
  #seq = 0;
  #building: Building | undefined;
  #fix: { readonly s: number; readonly entries: Map<string, RouteValue>; n: number } | undefined;
  /** Something is missing and was pulled, or will be. */
  #wanted = false;
  /** When the last answer to what is wanted came, or it was asked for. */
  #askedMs = Number.NEGATIVE_INFINITY;
  #comparedMs = Number.NEGATIVE_INFINITY;
  #behind: { readonly i: number; readonly s: number; readonly sinceMs: number } | undefined;
  #checkMs: number;
  /** A barrier of the origin waits for this. */
  #awaited: RouteMark | undefined;
  parkedSinceMs: number | undefined;

  constructor(options: ReplicaOptions) {
    this.target = options.target;
    this.#view = options.view;
    this.#figures = options.figures;
    this.#send = options.send;
    this.#checkMs = options.firstCheckMs;
  }

  get head(): RouteHead {
    return { origin: this.target.origin, incarnation: this.#incarnation, seq: this.#seq, root: this.#table.root };
  }

  get table(): KeyedTable {
    return this.#table;
  }

  /** A link to the origin is there: whatever was under way before is not. */
  linkUp(nowMs: number): void {
    this.#building = undefined;
    this.#fix = undefined;
    this.#pull(nowMs);
  }

  /** The origin is dead: its routes are kept for a while, but nobody forwards by them. */
  park(nowMs: number): void {
    this.parkedSinceMs ??= nowMs;
    this.target.isParked = true;
  }

  unpark(): void {
    this.parkedSinceMs = undefined;
    this.target.isParked = false;
  }

  /** The origin is gone for good. */
  drop(): void {
    this.#replaceTable(new KeyedTable());
    this.#building = undefined;
    this.#wanted = false;
  }

  frame(frame: RouteFrame, nowMs: number): void {
    const { i, s, ops } = frame;
    const building = this.#building;
    if (building?.i === i && s > building.s) {
      if (s === building.s + 1) {
        this.#fill(building.table, ops);
        building.s = s;
      } else this.#breakOff(nowMs);
    }
    // The first frame of a later start: nothing of an earlier one is true any more.
    if (i > this.#incarnation && s === 1) this.#adopt(i);
    if (i < this.#incarnation || (i === this.#incarnation && s <= this.#seq)) {
      this.#figures.duplicates++;
    } else if (i === this.#incarnation && s === this.#seq + 1) {
      this.#apply(ops);
      this.#seq = s;
      this.#figures.frames++;
      this.#acknowledge();
    } else this.#want(nowMs);
  }

  /** `isOrigin`: from the origin itself, so that nothing it sent before is still on the way. */
  hear(head: RouteHead, nowMs: number, from: { readonly isOrigin: boolean; readonly more: boolean }): void {
    const { incarnation: i, seq: s } = head;
    if (i < this.#incarnation) return;
    if (i > this.#incarnation) {
      if (s > 0 || !from.isOrigin) {
        this.#fallBehind(i, s, nowMs);
        return;
      }
      this.#adopt(i);
    }
    if (s > this.#seq) {
      if (from.more) this.#pull(nowMs);
      else this.#fallBehind(i, s, nowMs);
      return;
    }
    if (from.isOrigin && this.#building === undefined) this.#wanted = false;
    this.#behind = undefined;
    if (s === this.#seq && !sameRoot(head.root, this.#table.root)) this.#repair(nowMs);
    this.#acknowledge();
  }

  snap(chunk: RouteSnap, nowMs: number): void {
    if (chunk.i < this.#incarnation) return;
    if (chunk.n === 0) {
      this.#building = { i: chunk.i, id: chunk.id, table: new KeyedTable(), s: chunk.s, n: 0 };
      this.#wanted = true;
    }
    const building = this.#building;
    if (building?.id !== chunk.id || building.i !== chunk.i) return;
    this.#askedMs = nowMs;
    if (chunk.n !== building.n || chunk.s !== building.s) {
      this.#breakOff(nowMs);
      return;
    }
    building.n++;
    this.#fill(building.table, chunk.ops);
    if (chunk.root === undefined) this.#send({ t: 'route-more', id: chunk.id });
    else if (sameRoot(chunk.root, building.table.root)) this.#complete(building);
    else this.#breakOff(nowMs);
  }

  fix(part: RouteFix): void {
    if (part.i !== this.#incarnation || part.s !== this.#seq) return;
    if (part.n === 0) this.#fix = { s: part.s, entries: new Map(), n: 0 };
    const fix = this.#fix;
    if (fix === undefined || fix.s !== part.s || fix.n !== part.n) return;
    fix.n++;
    for (let at = 0; at < part.ops.length; at += 2) {
      const value = part.ops[at + 1];
      if (value !== null) fix.entries.set(part.ops[at] as string, value);
    }
    if (!part.last) return;
    this.#fix = undefined;
    for (const [key] of this.#table.inBuckets(new Set(part.buckets))) {
      if (!fix.entries.has(key)) this.#put(key, undefined);
    }
    for (const [key, value] of fix.entries) this.#put(key, value);
  }

  /** A barrier of the origin: it wants to hear when we have that frame. */
  ask(mark: RouteMark): void {
    if (this.#awaited === undefined || mark.i > this.#awaited.i || mark.s > this.#awaited.s) this.#awaited = mark;
    this.#acknowledge();
  }

  housekeep(nowMs: number): void {
    const { retryMs, behindGraceMs, checkMs } = ROUTE_LIMITS;
    const behind = this.#behind;
    if (behind !== undefined && nowMs - behind.sinceMs >= behindGraceMs) {
      this.#behind = undefined;
      if (behind.i > this.#incarnation || behind.s > this.#seq) this.#want(nowMs);
    }
    if (this.#wanted && nowMs - this.#askedMs >= retryMs) this.#pull(nowMs);
    if (nowMs < this.#checkMs) return;
    this.#checkMs = nowMs + checkMs;
    this.#send({ t: 'route-check', i: this.#incarnation, s: this.#seq, root: this.#table.root });
  }

  #want(nowMs: number): void {
    const isUnderWay = this.#wanted && nowMs - this.#askedMs < ROUTE_LIMITS.retryMs;
    this.#wanted = true;
    if (!isUnderWay) this.#pull(nowMs);
  }

  #pull(nowMs: number): void {
    this.#wanted = true;
    this.#building = undefined;
    this.#askedMs = nowMs;
    this.#figures.pulls++;
    this.#send({ t: 'route-pull', i: this.#incarnation, s: this.#seq });
  }

  /** A head may overtake frames that are on their way, so a gap gets a moment to close. */
  #fallBehind(i: number, s: number, nowMs: number): void {
    if (this.#behind === undefined || this.#behind.i < i) this.#behind = { i, s, sinceMs: nowMs };
  }

  /** What is missing of the snapshot does not come again: the retry asks for another. */
  #breakOff(nowMs: number): void {
    this.#building = undefined;
    this.#figures.brokenSnapshots++;
    this.#askedMs = nowMs;
  }

  #complete(building: Building): void {
    this.#building = undefined;
    this.#wanted = false;
    // Frames brought the table in use further, while a chunk was late.
    if (building.i === this.#incarnation && building.s < this.#seq) return;
    this.#replaceTable(building.table);
    this.#incarnation = building.i;
    this.target.incarnation = building.i;
    this.#seq = building.s;
    this.#behind = undefined;
    this.#figures.snapshots++;
    this.#acknowledge();
  }

  #repair(nowMs: number): void {
    if (nowMs - this.#comparedMs < ROUTE_LIMITS.retryMs) return;
    this.#comparedMs = nowMs;
    this.#figures.routeRepairs++;
    this.#send({ t: 'route-sums', i: this.#incarnation, s: this.#seq, sums: this.#table.sums() });
  }

  #adopt(incarnation: number): void {
    this.#replaceTable(new KeyedTable());
    this.#incarnation = incarnation;
    this.target.incarnation = incarnation;
    this.#seq = 0;
    this.#behind = undefined;
  }

  #replaceTable(table: KeyedTable): void {
    this.#view.replace(this.target, { before: this.#table, after: table });
    this.#table = table;
    this.#fix = undefined;
  }

  #apply(ops: RouteOps): void {
    for (let at = 0; at < ops.length; at += 2) this.#put(ops[at] as string, ops[at + 1] ?? undefined);
  }

  #put(key: string, value: RouteValue | undefined): void {
    const before = putEntry(this.#table, key, value);
    if (before !== undefined || value !== undefined) this.#view.change(this.target, key, { before, after: value });
  }

  #fill(table: KeyedTable, ops: RouteOps): void {
    for (let at = 0; at < ops.length; at += 2) putEntry(table, ops[at] as string, ops[at + 1] ?? undefined);
  }

  #acknowledge(): void {
    const awaited = this.#awaited;
    if (awaited === undefined) return;
    if (awaited.i > this.#incarnation || (awaited.i === this.#incarnation && awaited.s > this.#seq)) return;
    this.#awaited = undefined;
    this.#send({ t: 'route-ack', i: this.#incarnation, s: this.#seq });
  }
}

function putEntry(table: KeyedTable, key: string, value: RouteValue | undefined): RouteValue | undefined {
  try {
    return table.put(key, value);
  } catch (error) {
    throw new RouteError((error as Error).message);
  }
}
