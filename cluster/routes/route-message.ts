// Messages of the route logs, on the control link. `route` and its answers are about the sender's own log or the
// receiver's, never about a third node's: who wants another's routes asks that node. So nobody can forge them for it.
//
//   origin to peers     route        the next frame of the log
//                       route-head   how far the log is, and its digest; ends every answer to a pull
//                       route-snap   a chunk of the whole table, while the log goes on
//                       route-fix    all entries of some buckets
//   peers to origin     route-pull   what follows `s`, please       route-more   the next chunk of a snapshot
//                       route-check  my digest at `s`               route-sums   the sums of all my buckets
//                       route-ask    tell me when you are at `s`  (this one from the origin)
//                       route-ack    I am at `s`
//
// `i` is the incarnation of the origin whose log it is, `s` a number of a frame. `ops` are keys and values in turn;
// nil instead of a value removes the key.
import { NODE_NAME_BYTES_MAX } from '../../src/base/limits.ts';
import { LINK_LIMITS, ROUTE_LIMITS } from '../limits.ts';
import { BUCKETS, type RouteRoot } from './keyed-table.ts';
import { checkEntry } from './route-entry.ts';
import { RouteError } from './route-error.ts';
import type { RouteValue } from './route-value.ts';

/** Keys and values in turn. */
export type RouteOps = readonly (RouteValue | null)[];

interface Numbered {
  readonly i: number;
  readonly s: number;
}

export interface RouteFrame extends Numbered {
  readonly t: 'route';
  /** The origin, which is the sender. */
  readonly o: string;
  readonly ops: RouteOps;
}

export interface RouteHeadMessage extends Numbered {
  readonly t: 'route-head';
  readonly root: RouteRoot;
  /** There is more behind it: to be pulled at once. */
  readonly more: boolean;
}

export interface RouteSnap extends Numbered {
  readonly t: 'route-snap';
  readonly id: number;
  readonly n: number;
  readonly ops: RouteOps;
  /** With the last chunk: the digest of the whole. */
  readonly root?: RouteRoot;
}

export interface RouteFix extends Numbered {
  readonly t: 'route-fix';
  readonly buckets: readonly number[];
  readonly n: number;
  readonly last: boolean;
  readonly ops: RouteOps;
}

export interface RouteMore {
  readonly t: 'route-more';
  readonly id: number;
}

export interface RouteSums extends Numbered {
  readonly t: 'route-sums';
  readonly sums: Uint8Array;
}

export interface RouteCheck extends Numbered {
  readonly t: 'route-check';
  readonly root: RouteRoot;
}

export interface RouteMark extends Numbered {
  readonly t: 'route-pull' | 'route-ask' | 'route-ack';
}

export type RouteMessage =
  | RouteFrame
  | RouteHeadMessage
  | RouteSnap
  | RouteFix
  | RouteMore
  | RouteSums
  | RouteCheck
  | RouteMark;

/** How far an origin's log is, as its probes tell. */
export interface RouteHead {
  readonly origin: string;
  readonly incarnation: number;
  readonly seq: number;
  readonly root: RouteRoot;
}

type Fields = Readonly<Record<string, unknown>>;

/** A message that came from a peer; throws RouteError. */
export function readRouteMessage(fields: Fields): RouteMessage {
  const { t } = fields;
  switch (t) {
    case 'route':
      return { t, ...numbered(fields), o: name(fields.o), ops: readOps(fields.ops) };
    case 'route-head':
      return { t, ...numbered(fields), root: readRoot(fields.root), more: flag(fields.more) };
    case 'route-snap':
      return readSnap(fields);
    case 'route-fix':
      return readFix(fields);
    case 'route-more':
      return { t, id: count(fields.id, 'id') };
    case 'route-sums':
      return { t, ...numbered(fields), sums: readSums(fields.sums) };
    case 'route-check':
      return { t, ...numbered(fields), root: readRoot(fields.root) };
    case 'route-pull':
    case 'route-ask':
    case 'route-ack':
      return { t, ...numbered(fields) };
    default:
      throw new RouteError(`type ${String(t).slice(0, 20)} is none`);
  }
}

function readSnap(fields: Fields): RouteSnap {
  const head = { t: 'route-snap', ...numbered(fields), id: count(fields.id, 'id'), n: count(fields.n, 'n') } as const;
  const ops = readOps(fields.ops);
  return fields.root === undefined ? { ...head, ops } : { ...head, ops, root: readRoot(fields.root) };
}

function readFix(fields: Fields): RouteFix {
  const { buckets } = fields;
  if (!Array.isArray(buckets) || buckets.length > BUCKETS || !buckets.every(isBucket)) {
    throw new RouteError('the buckets of a repair are none');
  }
  const n = count(fields.n, 'n');
  return { t: 'route-fix', ...numbered(fields), buckets, n, last: flag(fields.last), ops: readOps(fields.ops) };
}

function isBucket(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < BUCKETS;
}

function readOps(value: unknown): RouteOps {
  if (!Array.isArray(value) || value.length % 2 !== 0) throw new RouteError('ops are no list of keys and values');
  if (value.length > ROUTE_LIMITS.opsPerFrameMax * 2) {
    throw new RouteError(`${value.length / 2} ops in one message, ${ROUTE_LIMITS.opsPerFrameMax} are taken`);
  }
  for (let at = 0; at < value.length; at += 2) {
    const key: unknown = value[at];
    if (typeof key !== 'string') throw new RouteError('a key is no text');
    checkEntry(key, value[at + 1]);
  }
  return value;
}

function readSums(value: unknown): Uint8Array {
  if (value instanceof Uint8Array && value.length === BUCKETS * 8) return value;
  throw new RouteError(`sums are not ${BUCKETS * 8} bytes`);
}

function readRoot(value: unknown): RouteRoot {
  if (!Array.isArray(value) || value.length !== 2) throw new RouteError('a digest is not two numbers');
  return [count(value[0], 'digest'), count(value[1], 'digest')];
}

function numbered(fields: Fields): Numbered {
  return { i: count(fields.i, 'incarnation'), s: count(fields.s, 'number') };
}

function count(value: unknown, what: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new RouteError(`${what} is no count`);
}

function flag(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new RouteError('a flag is neither true nor false');
}

function name(value: unknown): string {
  if (typeof value === 'string' && value.length > 0 && value.length <= NODE_NAME_BYTES_MAX) return value;
  throw new RouteError('an origin has no name');
}

/** Cuts entries into messages that a peer takes: by count, and by bytes. */
export class OpsChunker {
  ops: (RouteValue | null)[] = [];
  readonly #opsMax: number;
  #bytes = 0;

  constructor(opsMax: number) {
    this.#opsMax = opsMax;
  }

  /** True when the chunk is full with this entry. */
  add(key: string, value: RouteValue): boolean {
    this.ops.push(key, value);
    this.#bytes += checkEntry(key, value);
    return this.#bytes >= ROUTE_LIMITS.frameBytes || this.ops.length >= this.#opsMax * 2;
  }

  /** The chunk; the next one is empty. */
  take(): RouteOps {
    const { ops } = this;
    this.ops = [];
    this.#bytes = 0;
    return ops;
  }
}

// One entry more than a full chunk must still fit a control message, with its head.
if (
  ROUTE_LIMITS.frameBytes + ROUTE_LIMITS.valueBytesMax + 2 * ROUTE_LIMITS.keyBytesMax >=
  LINK_LIMITS.controlBytesMax
) {
  throw new RangeError('ROUTE_LIMITS: a full chunk and the largest entry do not fit a control message');
}
