// Values of route logs: what msgpack carries and every node reads alike. Lists instead of objects, so that two equal
// values have one order, one digest and few bytes.
import { ROUTE_LIMITS } from '../limits.ts';

export type RouteValue = string | number | boolean | Uint8Array | readonly RouteValue[];

/** Bytes of the value as msgpack, or a few more. Throws for what is no value. */
export function valueBytes(value: unknown, depth = 0): number {
  if (typeof value === 'number') return numberBytes(value);
  if (typeof value === 'boolean') return 1;
  if (typeof value === 'string') {
    // A lone half of a surrogate pair would not come back from UTF-8 as it was.
    if (!value.isWellFormed()) throw new TypeError('a text is not well formed');
    return 5 + Buffer.byteLength(value);
  }
  if (value instanceof Uint8Array) return 5 + value.length;
  if (!Array.isArray(value)) throw new TypeError(`a value is ${value === null ? 'nil' : typeof value}`);
  if (depth >= ROUTE_LIMITS.valueDepthMax) throw new TypeError(`lists are nested deeper than ${depth}`);
  let bytes = 5;
  for (const item of value) bytes += valueBytes(item, depth + 1);
  return bytes;
}

function numberBytes(value: number): number {
  if (!Number.isFinite(value)) throw new TypeError(`a number is ${value}`);
  return Number.isInteger(value) && value >= 0 && value < 128 ? 1 : 9;
}

export function sameValue(a: RouteValue | undefined, b: RouteValue | undefined): boolean {
  if (a === b) return true;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (!isList(a) || !isList(b) || a.length !== b.length) return false;
  return a.every((item, index) => sameValue(item, b[index]));
}

function isList(value: RouteValue | undefined): value is readonly RouteValue[] {
  return Array.isArray(value);
}
