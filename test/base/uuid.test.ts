import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readUuid, UuidSource, uuidText, writeUuid } from '../../src/base/uuid.ts';

const words = fc.tuple(fc.integer(), fc.integer(), fc.integer(), fc.integer());

describe('uuid', () => {
  it('writes the bytes as they lie in memory, and reads them back, at any offset', () => {
    fc.assert(
      fc.property(words, fc.nat(5), (values, at) => {
        const source = Int32Array.from(values);
        const hex = Buffer.from(source.buffer).toString('hex');
        const text = Buffer.alloc(50, 'z');
        writeUuid(text, at, source, 0);
        assert.equal(text.toString('latin1', at, at + 36).replaceAll('-', ''), hex);
        const back = new Int32Array(4);
        assert.ok(readUuid(text, at, at + 36, back));
        assert.deepEqual(back, source);
      }),
    );
  });

  it('reads capital letters too, and refuses what is not a UUID', () => {
    const target = new Int32Array(4);
    const good = '0190AAAA-bbbb-7ccc-8ddd-eeeeEEEEeeee';
    assert.ok(readUuid(Buffer.from(good), 0, 36, target));
    for (const bad of [
      '',
      good.slice(1),
      `${good}0`,
      good.replace('-', '0'),
      good.replace('A', 'g'),
      good.replace('e', '/'),
      'x'.repeat(36),
    ]) {
      assert.equal(readUuid(Buffer.from(bad), 0, bad.length, target), false, bad);
    }
  });

  it('makes version 7 ids that carry the time and strictly grow, also when the clock steps back', () => {
    const source = new UuidSource(Int32Array.of(0x12345678, 0x7abcdef0));
    const id = new Int32Array(4);
    const seen: string[] = [];
    for (const nowMs of [1_700_000_000_000, 1_700_000_000_000, 1_699_999_999_000, 1_700_000_000_001]) {
      for (let count = 0; count < 1000; count++) {
        source.next(nowMs, id, 0);
        seen.push(uuidText(id, 0));
      }
    }
    assert.deepEqual(seen, [...seen].sort());
    assert.equal(new Set(seen).size, seen.length);
    for (const text of seen)
      assert.match(text, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(Number.parseInt(seen[0].replaceAll('-', '').slice(0, 12), 16), 1_700_000_000_000);
  });
});
