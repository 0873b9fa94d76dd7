import assert from 'node:assert/strict';
import { TRANSFERS_MAX } from '../../src/base/limits.ts';
import {
  assertBalanced,
  type FakeRings,
  FakeSession,
  ledgerOf,
  publish,
  queueOf,
  type TestShard,
  twoShards,
} from './two-shards.ts';

/** Lets the rings and the batches of a move take turns until it is over. */
async function moved(rings: FakeRings, moving: Promise<{ moved: number }>): Promise<number> {
  let answer: number | undefined;
  moving.then(({ moved: count }) => {
    answer = count;
  });
  while (answer === undefined) {
    rings.run();
    await new Promise(setImmediate);
  }
  return answer;
}

/** Delivers what is ready in `q` to a consumer that gives it all back. */
function rejectAll({ broker }: TestShard): void {
  const number = broker.open(new FakeSession());
  broker.subscribe(number, queueOf(broker, 'q'), 10_000);
  broker.close(number);
}

describe('transfers to a queue on another shard', () => {
  for (const [policy, taken] of [
    ['reject', 3],
    ['drop-oldest', 10],
  ] as const) {
    it(`leave no dead letter uncounted when the dead-letter queue is full (${policy})`, () => {
      const { rings, shards } = twoShards(
        { name: 'q', shard: 0, maxDeliveries: 1, deadLetterQueue: 'dead' },
        { name: 'dead', shard: 1, limit: 3, overflow: policy },
      );
      for (let id = 1; id <= 10; id++) publish(shards[0].broker, -1, 'q', id);
      rejectAll(shards[0]);
      assert.equal(ledgerOf(shards, 'q').inFlight, 10);
      assertBalanced(shards);
      rings.run();
      const { deadLettered, droppedMaxDeliveries, inFlight } = ledgerOf(shards, 'q');
      assert.deepEqual([deadLettered, droppedMaxDeliveries, inFlight], [taken, 10 - taken, 0]);
      assert.equal(ledgerOf(shards, 'dead').accepted, taken);
      assertBalanced(shards);
    });
  }

  it('leave what the target refuses where it was, in order', async () => {
    const { rings, shards } = twoShards({ name: 'q', shard: 0 }, { name: 'r', shard: 1, limit: 4, overflow: 'reject' });
    for (let id = 1; id <= 10; id++) publish(shards[0].broker, -1, 'q', id);
    assert.equal(await moved(rings, shards[0].control.requeue(1, 'r')), 4);
    assert.deepEqual(
      [ledgerOf(shards, 'q').moved, ledgerOf(shards, 'q').ready, ledgerOf(shards, 'r').ready],
      [4, 6, 4],
    );
    assertBalanced(shards);
  });

  it('move more than may be under way at once, through a ring that fills and empties', async () => {
    const { rings, shards } = twoShards({ name: 'q', shard: 0 }, { name: 'r', shard: 1 });
    const count = 5 * TRANSFERS_MAX + 7;
    for (let id = 1; id <= count; id++) publish(shards[0].broker, -1, 'q', id);
    rings.room = false;
    const moving = shards[0].control.requeue(1, 'r');
    assert.equal(rings.waiting, 0);
    rings.room = true;
    shards[0].broker.exchange.room(1);
    assert.ok(rings.waiting <= TRANSFERS_MAX);
    assert.equal(await moved(rings, moving), count);
    assert.equal(ledgerOf(shards, 'r').ready, count);
    assertBalanced(shards);
  });

  it('come back when the target is deleted under way', async () => {
    const { rings, shards } = twoShards({ name: 'q', shard: 0 }, { name: 'r', shard: 1 });
    for (let id = 1; id <= 10; id++) publish(shards[0].broker, -1, 'q', id);
    const moving = shards[0].control.requeue(1, 'r');
    shards[1].control.delete(2, 'always');
    assert.equal(await moved(rings, moving), 0);
    assert.equal(ledgerOf([shards[0]], 'q').ready, 10);
    assertBalanced(shards);
  });

  it('end with their source', async () => {
    const { rings, shards } = twoShards({ name: 'q', shard: 0 }, { name: 'r', shard: 1 });
    for (let id = 1; id <= 10; id++) publish(shards[0].broker, -1, 'q', id);
    const moving = shards[0].control.requeue(1, 'r');
    assert.deepEqual(shards[0].control.delete(1, 'always'), { purged: 10 });
    // They were on their way already.
    assert.equal(await moved(rings, moving), 0);
    assert.equal(ledgerOf([shards[1], shards[1]].slice(1), 'r').ready, 10);
    assertBalanced(shards);
  });
});
