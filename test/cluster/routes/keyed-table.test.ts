import assert from 'node:assert/strict';
import fc from 'fast-check';
import { packControl, unpackControl } from '../../../cluster/link/control-codec.ts';
import { BLOOM_BLOCKS, BloomBits, BloomCounts, BloomProbe } from '../../../cluster/routes/bloom.ts';
import { KeyedTable } from '../../../cluster/routes/keyed-table.ts';
import type { RouteValue } from '../../../cluster/routes/route-value.ts';

const scalar: fc.Arbitrary<RouteValue> = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string({ unit: 'grapheme' }),
  fc.boolean(),
  fc.uint8Array({ maxLength: 9 }),
);
const value: fc.Arbitrary<RouteValue> = fc.oneof(scalar, fc.array(fc.oneof(scalar, fc.array(scalar))));
const key = fc.constantFrom(...'abcdefgh');
const change = fc.tuple(key, fc.option(value, { nil: undefined }));

describe('table of routes', () => {
  it('has the digest of its entries, whatever made them, and after msgpack', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const table = new KeyedTable();
        for (const [name, next] of changes) table.put(name, next);
        const fresh = new KeyedTable();
        for (const [name, kept] of [...table.entries()].reverse()) {
          fresh.put(name, unpackControl(packControl({ kept })).kept as RouteValue);
        }
        assert.deepEqual(fresh.root, table.root);
        assert.equal(fresh.differing(table.sums()).size, 0);
      }),
    );
  });

  it('differs in the bucket of the one entry that differs', () => {
    const [one, other] = [new KeyedTable(), new KeyedTable()];
    for (let index = 0; index < 5_000; index++) {
      one.put(`key${index}`, index);
      other.put(`key${index}`, index === 77 ? 78 : index);
    }
    assert.notDeepEqual(one.root, other.root);
    const buckets = one.differing(other.sums());
    assert.equal(buckets.size, 1);
    const found = one.inBuckets(buckets);
    assert.ok(found.some(([name]) => name === 'key77'));
    assert.ok(found.length < 60, `5,000 keys are spread over 256 buckets: ${found.length}`);
  });
});

describe('summary of filters', () => {
  it('has every key that is in it, few that are not, and none when all are gone', () => {
    const counts = new BloomCounts();
    const bits = new BloomBits();
    const probe = new BloomProbe();
    const put = (block: number | undefined): void => {
      if (block !== undefined) bits.setBlock(block, counts.block(block));
    };
    const has = (name: string): boolean => {
      probe.set(name);
      return bits.has(probe);
    };
    for (let index = 0; index < 50_000; index++) put(counts.add(`i\0dev/${index}`));
    let wrong = 0;
    for (let index = 0; index < 50_000; index++) {
      assert.ok(has(`i\0dev/${index}`));
      if (has(`i\0none/${index}`)) wrong++;
    }
    assert.ok(wrong < 10, `${wrong} of 50,000`);
    assert.ok(bits.blocks > BLOOM_BLOCKS / 2);
    for (let index = 0; index < 50_000; index++) put(counts.remove(`i\0dev/${index}`));
    assert.equal(bits.blocks, 0);
  });
});
