import assert from 'node:assert/strict';
import { BrokerError } from '../../src/base/errors.ts';
import { ProtoReader } from '../../src/wire/proto-reader.ts';

function reader(hex: string): ProtoReader {
  const made = new ProtoReader();
  const bytes = Buffer.from(hex, 'hex');
  made.reset(bytes, 0, bytes.length, 'Test');
  return made;
}

function refused(text: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof BrokerError && error.code === 'invalid-argument' && text.test(error.message);
}

describe('ProtoReader', () => {
  const tags: readonly (readonly [string, string, number | RegExp])[] = [
    ['the smallest', '08', 8],
    ['the largest field number', 'faffffff0f', 0xffff_fffa],
    ['more bytes than it needs', '8a8000', 0x0a],
    ['field number 0', '00', /field number is 0/],
    ['field number 0 with a length', '0200', /field number is 0/],
    ['field number 0 in five bytes', '8280808000', /field number is 0/],
    ['33 bits', '8a80808010', /tag has more than 32 bits/],
    ['six bytes', '8a8080808000', /tag has more than 32 bits/],
    ['no end', '8a80', /runs past the end/],
    ['nothing', '', /runs past the end/],
  ];
  for (const [what, hex, expected] of tags) {
    it(`tag of ${what}`, () => {
      if (typeof expected === 'number') assert.equal(reader(hex).tag(), expected);
      else assert.throws(() => reader(hex).tag(), refused(expected));
    });
  }

  const lengths: readonly (readonly [string, string, number | RegExp])[] = [
    ['one byte', '01aa', 2],
    ['more bytes than it needs', '8180808000aa', 6],
    ['33 bits', '8180808010aa', /length has more than 32 bits/],
    ['six bytes', '818080808000aa', /length has more than 32 bits/],
    ['more than is there', '02aa', /field of 2 bytes runs past/],
    ['4 GiB', 'ffffffff0faa', /field of 4294967295 bytes runs past/],
  ];
  for (const [what, hex, expected] of lengths) {
    it(`length of ${what}`, () => {
      if (typeof expected === 'number') assert.equal(reader(hex).lengthEnd(), expected);
      else assert.throws(() => reader(hex).lengthEnd(), refused(expected));
    });
  }

  const varints: readonly (readonly [string, string, number | RegExp])[] = [
    ['64 bits', 'ffffffffffffffffff01', 0xffff_ffff],
    ['65 bits', 'ffffffffffffffffff02', /more than 64 bits/],
    ['11 bytes', 'ffffffffffffffffff8000', /longer than 10 bytes/],
  ];
  for (const [what, hex, expected] of varints) {
    it(`varint of ${what}`, () => {
      if (typeof expected === 'number') assert.equal(reader(hex).varint(), expected);
      else assert.throws(() => reader(hex).varint(), refused(expected));
      if (typeof expected === 'number') reader(hex).skip(0x08);
      else assert.throws(() => reader(hex).skip(0x08), refused(expected));
    });
  }

  it('skips the four wire types of proto3 and no other', () => {
    const sizes: readonly (readonly [number, number])[] = [
      [0, 1],
      [1, 8],
      [2, 2],
      [5, 4],
    ];
    for (const [wire, size] of sizes) {
      const at = reader('0101010101010101');
      at.skip(0x38 | wire);
      assert.equal(at.at, size);
    }
    for (const wire of [3, 4, 6, 7]) {
      assert.throws(() => reader('0101010101010101').skip(0x38 | wire), refused(/wire type \d is not used/));
    }
  });
});
