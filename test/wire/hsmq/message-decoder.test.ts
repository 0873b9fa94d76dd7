import assert from 'node:assert/strict';
import fc from 'fast-check';
import { BrokerError } from '../../../src/base/errors.ts';
import { MessageDecoder } from '../../../src/wire/hsmq/message-decoder.ts';
import { encodeMessage, method } from './hsmq-proto.ts';
import { checkStrictly } from './strict-message.ts';

/** Decodes with bytes around the message, as it lies in a chunk. */
function decode(message: Buffer): MessageDecoder {
  const decoder = new MessageDecoder();
  decoder.decode(Buffer.concat([Buffer.from('before'), message, Buffer.from('after')]), 6, 6 + message.length);
  return decoder;
}

function accepts(message: Buffer): boolean {
  try {
    decode(message);
    return true;
  } catch (error) {
    assert.ok(error instanceof BrokerError, String(error));
    assert.equal(error.code, 'invalid-argument');
    return false;
  }
}

/** A varint in the given number of bytes, or in as few as it needs. */
function varint(value: number, bytes = 1): Buffer {
  const out: number[] = [];
  let rest = value;
  while (rest > 0x7f || out.length < bytes - 1) {
    out.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
  return Buffer.from(out);
}

const WIDTHS = fc.constantFrom(1, 1, 1, 1, 2, 5, 6, 10, 11);
const NUMBERS = fc.constantFrom(0, 1, 1, 2, 2, 3, 4, 4, 5, 15, 16, 1000, 2 ** 29 - 1, 2 ** 29, 2 ** 30);
const WIRES = fc.constantFrom(0, 1, 2, 2, 2, 2, 2, 2, 2, 3, 4, 5, 6, 7);
const FIXED: Readonly<Record<number, number>> = { 1: 8, 5: 4 };
const CONTENTS = fc.oneof(
  fc.string({ maxLength: 6, unit: 'binary' }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
);

/** A field of any number and wire type, mostly well-formed, its content perhaps fields again. */
const { fields } = fc.letrec<{ fields: Buffer; field: Buffer; content: Buffer }>((tie) => ({
  content: fc.oneof({ depthSize: 'small' }, { weight: 2, arbitrary: CONTENTS }, tie('fields')),
  field: fc
    .tuple(NUMBERS, WIRES, WIDTHS, WIDTHS, tie('content'), fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 1, -1))
    .map(([number, wire, tagWidth, width, content, off]) => {
      const tag = varint(number * 8 + wire, tagWidth);
      if (wire === 2) return Buffer.concat([tag, varint(Math.max(0, content.length + off), width), content]);
      if (wire === 0) return Buffer.concat([tag, varint(content.length, width)]);
      return Buffer.concat([tag, Buffer.alloc(FIXED[wire] ?? 0, 7)]);
    }),
  fields: fc.array(tie('field'), { maxLength: 4 }).map((all) => Buffer.concat(all)),
}));

const MESSAGE = { topic: 'b.ä', key: 'k', data: { type_url: 't', value: Buffer.from('hello') }, headers: { x: '€' } };

describe('MessageDecoder', () => {
  const poison: readonly (readonly [string, string])[] = [
    ['field number 0', '0200'],
    ['field number 0 as a varint', '0001'],
    ['a field number of 30 bits', '828080801000'],
    ['a tag of six bytes', '928080808000'],
    ['a length of 33 bits', '12818080801061'],
    ['an unknown varint of 65 bits', '28ffffffffffffffffff02'],
    ['a group', '2b2c'],
    ['an end of a group', '2c'],
    ['wire type 6', '2e'],
    ['wire type 7', '2f'],
    ['a topic that is a varint', '1001'],
    ['data that are a fixed64', '090102030405060708'],
    ['headers that are a fixed32', '2501020304'],
    ['field number 0 inside data', '0a020200'],
    ['a type_url that is a varint', '0a020801'],
    ['a type_url that is not UTF-8', '0a030a01ff'],
    ['a key that is not UTF-8', '1a01ff'],
    ['a surrogate in a topic', '1203eda080'],
    ['field number 0 inside a header', '22020200'],
    ['a header whose value is a varint', '22021001'],
    ['a header whose name is not UTF-8', '22030a01ff'],
    ['a header whose value is an overlong form', '22041202c080'],
    ['a header with a group', '22021b1c'],
  ];
  for (const [what, hex] of poison) {
    it(`refuses ${what}`, () => {
      const message = Buffer.from(hex, 'hex');
      assert.throws(() => checkStrictly(message), 'the strict reading refuses it, too');
      assert.throws(
        () => decode(message),
        (error) => error instanceof BrokerError && error.code === 'invalid-argument',
      );
    });
  }

  it('takes unknown fields, empty ones and long forms that every decoder takes', () => {
    for (const hex of ['', '0a00', '2200', '2801', '2d01020304', '2901020304050607082a0161', '9280800081808080006a']) {
      const message = Buffer.from(hex, 'hex');
      checkStrictly(message);
      assert.equal(accepts(message), true, hex);
    }
  });

  /** What is accepted can be read by the library and by the strictest decoder there may be. */
  function readable(message: Buffer): boolean {
    if (!accepts(message)) return false;
    checkStrictly(message);
    method('Publish').requestDeserialize(message);
    return true;
  }

  it('accepts only what the library and the strict reading accept: fields at random', () => {
    let accepted = 0;
    fc.assert(
      fc.property(fields, (message) => {
        if (readable(message)) accepted++;
      }),
      { numRuns: 20_000 },
    );
    assert.ok(accepted > 1000, `${accepted} of 20000 were accepted`);
  });

  it('accepts only what the library and the strict reading accept: a message with bytes changed', () => {
    const valid = encodeMessage(MESSAGE);
    const change = fc.record({ at: fc.nat(valid.length - 1), value: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), fc.nat(valid.length), (changes, size) => {
        const message = Buffer.from(valid);
        for (const { at, value } of changes) message[at] = value;
        readable(message);
        readable(message.subarray(0, size));
      }),
      { numRuns: 20_000 },
    );
  });

  it('accepts every message that the library writes', () => {
    const text = fc.string({ maxLength: 20, unit: 'grapheme' });
    const messages = fc.record({
      topic: text,
      key: text,
      headers: fc.dictionary(
        text.filter((name) => !name.startsWith('ringmq-')),
        text,
      ),
      data: fc.record({ type_url: text, value: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)) }),
    });
    fc.assert(
      fc.property(messages, (message) => accepts(encodeMessage(message))),
      { numRuns: 2000 },
    );
  });
});
