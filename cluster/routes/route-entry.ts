// The key spaces of a route log, told apart by the first letter of a key:
//
//   i<space>\0<filter>  interest   [kinds, weight, shards 0-31, shards 32-63]: somebody there wants these topics
//   q<name>             queue      see queue-record.ts: the node runs this queue
//   b<index>            summary    64 bytes: one block of the Bloom filter of its exact filters (bloom.ts)
//
// Others are kept and digested but not looked at, so that a later version may have more.
import { ROUTE_LIMITS } from '../limits.ts';
import { BLOOM_BLOCK_BYTES, BLOOM_BLOCKS } from './bloom.ts';
import { readQueueRecord } from './queue-record.ts';
import { RouteError } from './route-error.ts';
import { type RouteValue, valueBytes } from './route-value.ts';

/** Bits of `kinds`: why a node wants a topic. */
export const InterestKind = { queue: 1, session: 2, shared: 4 } as const;
export type InterestKindName = keyof typeof InterestKind;

export interface Interest {
  readonly kinds: number;
  /** Members of shared subscriptions there, for a fair choice among nodes; 0 without any. */
  readonly weight: number;
  /** Shards that hold it, as bits. */
  readonly shardsLow: number;
  readonly shardsHigh: number;
}

/** Between space and filter: the one character that no topic may have. */
const SPACE_END = '\0';

export const interestKey = (space: string, filter: string): string => `i${space}${SPACE_END}${filter}`;
export const queueKey = (name: string): string => `q${name}`;
export const blockKey = (block: number): string => `b${block}`;

export function readInterestKey(key: string): { space: string; filter: string } {
  const end = key.indexOf(SPACE_END);
  return { space: key.slice(1, end), filter: key.slice(end + 1) };
}

/** Wildcards stand for a level, so anywhere else `+` and `#` are letters; a filter is exact unless it has one. */
export function isWildcard(filter: string): boolean {
  if (!filter.includes('+') && !filter.includes('#')) return false;
  return filter.split('/').some((level) => level === '+' || level === '#');
}

/** Of a key of interest. Most have no such letter, and are not taken apart. */
export function isWildcardKey(key: string): boolean {
  return (key.includes('+') || key.includes('#')) && isWildcard(readInterestKey(key).filter);
}

export function writeInterest(interest: Interest): RouteValue {
  const { kinds, weight, shardsLow, shardsHigh } = interest;
  return shardsHigh === 0 ? [kinds, weight, shardsLow] : [kinds, weight, shardsLow, shardsHigh];
}

export function readInterest(value: RouteValue): Interest {
  if (!Array.isArray(value) || value.length < 3 || value.length > 4 || !value.every(isCount)) {
    throw new RouteError('interest is not three or four numbers');
  }
  const [kinds, weight, shardsLow, shardsHigh = 0] = value as number[];
  return { kinds, weight, shardsLow, shardsHigh };
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** Throws unless the entry is within the limits and one of its key space. Returns about its bytes. */
export function checkEntry(key: string, value: unknown): number {
  const keyBytes = Buffer.byteLength(key);
  if (keyBytes > ROUTE_LIMITS.keyBytesMax || keyBytes === 0) {
    throw new RouteError(`a key has ${keyBytes} bytes, 1 to ${ROUTE_LIMITS.keyBytesMax} are taken`);
  }
  if (value === null) return keyBytes + 4;
  const bytes = checkedBytes(value);
  checkSpace(key, value as RouteValue);
  return keyBytes + 3 + bytes;
}

function checkedBytes(value: unknown): number {
  let bytes = 0;
  try {
    bytes = valueBytes(value);
  } catch (error) {
    throw new RouteError((error as Error).message);
  }
  if (bytes <= ROUTE_LIMITS.valueBytesMax) return bytes;
  throw new RouteError(`a value has ${bytes} bytes, ${ROUTE_LIMITS.valueBytesMax} are taken`);
}

function checkSpace(key: string, value: RouteValue): void {
  switch (key[0]) {
    case 'i':
      if (!key.includes(SPACE_END)) throw new RouteError('a key of interest has no space');
      readInterest(value);
      return;
    case 'q':
      readQueueRecord(key.slice(1), value);
      return;
    case 'b':
      if (readBlockKey(key) === undefined) throw new RouteError(`a summary has no block "${key.slice(1, 20)}"`);
      if (!(value instanceof Uint8Array) || value.length !== BLOOM_BLOCK_BYTES) {
        throw new RouteError(`a block of a summary is not ${BLOOM_BLOCK_BYTES} bytes`);
      }
      return;
    default:
  }
}

/** The number of the block, unless it is none, or not written as we write it. */
export function readBlockKey(key: string): number | undefined {
  const block = Number(key.slice(1));
  const isBlock = Number.isInteger(block) && block >= 0 && block < BLOOM_BLOCKS && blockKey(block) === key;
  return isBlock ? block : undefined;
}
