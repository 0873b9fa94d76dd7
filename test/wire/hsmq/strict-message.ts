// The strictest reading of a Message that any consumer's decoder has, written apart from ours, by recursion and without
// regard to speed: it throws where one of them may.
import { isUtf8 } from 'node:buffer';

/** Fields of a message type by number: what their content must be. Everything is length-delimited. */
type Shape = ReadonlyMap<number, 'text' | 'bytes' | Shape>;

const ANY: Shape = new Map<number, 'text' | 'bytes'>([
  [1, 'text'],
  [2, 'bytes'],
]);
const ENTRY: Shape = new Map<number, 'text'>([
  [1, 'text'],
  [2, 'text'],
]);
const MESSAGE: Shape = new Map<number, 'text' | Shape>([
  [1, ANY],
  [2, 'text'],
  [3, 'text'],
  [4, ENTRY],
]);

export function checkStrictly(bytes: Buffer, shape: Shape = MESSAGE): void {
  let at = 0;
  const varint = (bytesMax: number, max: bigint): bigint => {
    let value = 0n;
    for (let index = 0; ; index++) {
      if (index === bytesMax) throw new Error('long varint');
      if (at >= bytes.length) throw new Error('varint past the end');
      const byte = bytes[at++];
      value |= BigInt(byte & 0x7f) << BigInt(7 * index);
      if (byte < 0x80) break;
    }
    if (value > max) throw new Error('large varint');
    return value;
  };
  while (at < bytes.length) {
    const tag = varint(5, 2n ** 32n - 1n);
    const number = Number(tag >> 3n);
    const wire = Number(tag & 7n);
    if (number === 0) throw new Error('field 0');
    const kind = shape.get(number);
    if (kind !== undefined && wire !== 2) throw new Error('wire type of a known field');
    if (wire === 0) varint(10, 2n ** 64n - 1n);
    else if (wire === 1) at += 8;
    else if (wire === 5) at += 4;
    else if (wire === 2) {
      const end = Number(varint(5, 2n ** 31n - 1n)) + at;
      if (end > bytes.length) throw new Error('field past the end');
      const content = bytes.subarray(at, end);
      if (kind === 'text' && !isUtf8(content)) throw new Error('not UTF-8');
      if (kind instanceof Map) checkStrictly(content, kind);
      at = end;
    } else throw new Error('group');
    if (at > bytes.length) throw new Error('value past the end');
  }
}
