import assert from 'node:assert/strict';
import { ShardPlacement } from '../../src/broker/placement.ts';

const NAMES = Array.from({ length: 2000 }, (_, index) => `queue-${index}`);

describe('ShardPlacement', () => {
  it('gives the same answer for the same shard count, always', () => {
    const [first, second] = [new ShardPlacement(4), new ShardPlacement(4)];
    for (const name of NAMES) assert.equal(first.shardOf(name), second.shardOf(name));
    // Written down once: a changed hash or vnode count would move every queue of every node on an upgrade.
    assert.deepEqual(
      ['a', 'b', 'b/0', 'b/1', 'b/2', 'b/3'].map((name) => first.shardOf(name)),
      [3, 2, 3, 1, 1, 2],
    );
  });

  it('moves a queue only to the shard that came, at every count up to 32', () => {
    for (let shards = 1; shards < 32; shards++) {
      const [before, after] = [new ShardPlacement(shards), new ShardPlacement(shards + 1)];
      for (const name of NAMES) {
        const now = after.shardOf(name);
        if (now !== shards)
          assert.equal(now, before.shardOf(name), `${name} moved between old shards at ${shards} -> ${shards + 1}`);
      }
    }
  });

  it('takes any name for a name', () => {
    const placement = new ShardPlacement(4);
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      assert.ok(placement.shardOf(name) >= 0);
      assert.equal(placement.shardOf(name), new ShardPlacement(4).shardOf(name));
    }
    assert.deepEqual(Object.keys(Object.prototype), []);
    assert.equal(({} as Record<string, unknown>).value, undefined);
  });

  it('gives every shard a fair share', () => {
    for (const shards of [2, 3, 4, 8]) {
      const counts = new Array<number>(shards).fill(0);
      const placement = new ShardPlacement(shards);
      for (const name of NAMES) counts[placement.shardOf(name)]++;
      assert.ok(Math.max(...counts) < (NAMES.length / shards) * 1.35, counts.join());
    }
  });
});
