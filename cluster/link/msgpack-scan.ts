// Walks over msgpack without building anything, to know before it is decoded that it is whole, flat enough and of
// plain types. A decoder believes the count of an array and allocates for it: five hostile bytes would cost 200 MB.
// Here every count is held against the bytes that are left, and extensions (which may define types) are refused.
import { LINK_LIMITS } from '../limits.ts';
import { LinkError } from './link-error.ts';

function fault(what: string): LinkError {
  return new LinkError('bad-frame', `Cannot read msgpack: ${what}`);
}

/** Bytes behind the first one, of types whose size is fixed; from 0xc0 (nil) to 0xd3 (int64). */
const FIXED_SIZES: ReadonlyMap<number, number> = new Map([
  [0xc0, 0],
  [0xc2, 0],
  [0xc3, 0],
  [0xca, 4],
  [0xcb, 8],
  [0xcc, 1],
  [0xcd, 2],
  [0xce, 4],
  [0xcf, 8],
  [0xd0, 1],
  [0xd1, 2],
  [0xd2, 4],
  [0xd3, 8],
]);

/** Bytes of the length that follows, of types that have one. */
const LENGTH_SIZES: ReadonlyMap<number, number> = new Map([
  [0xc4, 1],
  [0xc5, 2],
  [0xc6, 4],
  [0xd9, 1],
  [0xda, 2],
  [0xdb, 4],
]);

/** Arrays and maps with a count: bytes of the count, values for each. */
const COUNTED: ReadonlyMap<number, readonly [number, number]> = new Map([
  [0xdc, [2, 1]],
  [0xdd, [4, 1]],
  [0xde, [2, 2]],
  [0xdf, [4, 2]],
]);

/** Throws unless `bytes` is exactly one msgpack value of plain types, within the depth that control messages have. */
export function scanMsgpack(bytes: Buffer): void {
  /** Values still to come at each level. */
  const left: number[] = [1];
  let at = 0;
  while (left.length > 0) {
    if (left[left.length - 1] === 0) {
      left.pop();
      continue;
    }
    left[left.length - 1]--;
    if (at >= bytes.length) throw fault('it ends within a value');
    const first = bytes[at++];
    const counted = countOf(bytes, first, at);
    if (counted === undefined) {
      at = afterScalar(bytes, first, at);
      continue;
    }
    at = counted.at;
    if (counted.values > bytes.length - at) throw fault(`it counts ${counted.values} values in ${bytes.length} bytes`);
    if (left.length > LINK_LIMITS.controlDepthMax)
      throw fault(`it is nested deeper than ${LINK_LIMITS.controlDepthMax}`);
    left.push(counted.values);
  }
  if (at !== bytes.length) throw fault(`${bytes.length - at} bytes are left behind it`);
}

function countOf(bytes: Buffer, first: number, at: number): { values: number; at: number } | undefined {
  if (first >= 0x80 && first <= 0x8f) return { values: (first & 15) * 2, at };
  if (first >= 0x90 && first <= 0x9f) return { values: first & 15, at };
  const counted = COUNTED.get(first);
  if (counted === undefined) return undefined;
  const [size, each] = counted;
  if (at + size > bytes.length) throw fault('it ends within a count');
  return { values: bytes.readUIntBE(at, size) * each, at: at + size };
}

function afterScalar(bytes: Buffer, first: number, at: number): number {
  let next = at;
  if (first >= 0xa0 && first <= 0xbf) next += first & 31;
  else if (first > 0x7f && first < 0xe0) next = afterTyped(bytes, first, at);
  if (next > bytes.length) throw fault('it ends within a value');
  return next;
}

function afterTyped(bytes: Buffer, first: number, at: number): number {
  const fixed = FIXED_SIZES.get(first);
  if (fixed !== undefined) return at + fixed;
  const size = LENGTH_SIZES.get(first);
  if (size === undefined) throw fault(`type 0x${first.toString(16)} is not used between nodes`);
  if (at + size > bytes.length) throw fault('it ends within a length');
  return at + size + bytes.readUIntBE(at, size);
}
