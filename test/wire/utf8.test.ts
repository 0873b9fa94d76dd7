import assert from 'node:assert/strict';
import { isUtf8 as runtimeIsUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { isUtf8 } from '../../src/wire/utf8.ts';

/** Bytes at the borders of Unicode's table of well-formed sequences. */
const BORDERS = [
  0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0,
  0xf1, 0xf3, 0xf4, 0xf5, 0xff,
];

function same(bytes: Uint8Array): void {
  const around = Buffer.concat([Buffer.from([0x80]), bytes, Buffer.from([0x80])]);
  assert.equal(isUtf8(around, 1, 1 + bytes.length), runtimeIsUtf8(bytes), Buffer.from(bytes).toString('hex'));
}

describe('isUtf8', () => {
  it('says what the runtime says, for every sequence of three bytes at the borders', () => {
    for (const a of BORDERS) for (const b of BORDERS) for (const c of BORDERS) same(Uint8Array.of(a, b, c));
  });

  it('says what the runtime says, for longer sequences and texts', () => {
    const borders = fc.array(fc.constantFrom(...BORDERS), { maxLength: 12 }).map((bytes) => Uint8Array.from(bytes));
    const texts = fc.string({ unit: 'binary', maxLength: 30 }).map((text) => Buffer.from(text));
    fc.assert(fc.property(fc.oneof(borders, texts), same), { numRuns: 20_000 });
  });
});
