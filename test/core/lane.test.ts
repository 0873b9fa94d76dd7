import assert from 'node:assert/strict';
import { Lane } from '../../src/core/lane.ts';
import { deliveries, Shard } from './queue-fixture.ts';

describe('lane', () => {
  let shard: Shard;
  let lane: Lane;
  beforeEach(() => {
    shard = new Shard();
    lane = new Lane();
    shard.lanes.set(100, lane);
  });
  afterEach(() => shard.assertBalanced());

  it('closed, lets a queue pass over its consumers and serve the others', () => {
    const queue = shard.queue();
    shard.subscribe(queue, 100);
    shard.subscribe(queue, 200);
    lane.isOpen = false;
    shard.publishAll(queue, [1, 2, 3]);
    assert.deepEqual(shard.take(), deliveries([1, 2, 3], 200));
  });

  it('closed, keeps messages ready that nobody else takes, within the limit of the queue', () => {
    const queue = shard.queue({ limit: 2, overflow: 'reject' });
    shard.subscribe(queue, 100);
    lane.isOpen = false;
    shard.publishAll(queue, [1, 2, 3]);
    assert.deepEqual([queue.readyCount, queue.ledger.rejectedFull], [2, 1]);
    lane.open(shard.nowMs);
    assert.deepEqual(shard.take(), deliveries([1, 2], 100));
  });

  it('opens until the first message closes it again, queue after queue', () => {
    const queues = [shard.queue(), shard.queue(), shard.queue()];
    for (const [index, queue] of queues.entries()) {
      shard.subscribe(queue, 100);
      lane.isOpen = false;
      shard.publishAll(queue, [index * 2, index * 2 + 1]);
      lane.isOpen = true;
    }
    shard.take();
    shard.onDeliver = () => {
      lane.isOpen = false;
    };
    const order: string[] = [];
    for (let round = 0; round < 6; round++) {
      lane.open(shard.nowMs);
      order.push(...shard.take());
    }
    assert.deepEqual([...order].sort(), deliveries([0, 1, 2, 3, 4, 5], 100));
    assert.notEqual(order[1], 'deliver 1 to 100', 'the next queue has its turn first');
  });

  it('keeps the times of fetches behind it, and their order', () => {
    const queue = shard.queue();
    lane.isOpen = false;
    shard.publishAll(queue, [1, 2]);
    for (const fetch of [1, 2, 3]) shard.fetch(queue, 100, fetch, fetch === 2 ? 5 : 50);
    shard.pass(5);
    assert.deepEqual(shard.take(), ['fetchTimedOut 2 of 100']);
    lane.open(shard.nowMs);
    assert.deepEqual(shard.take(), ['deliver 1 to 100 by fetch 1', 'deliver 2 to 100 by fetch 3']);
  });

  it('forgets a consumer that leaves', () => {
    const queue = shard.queue();
    shard.publish(queue, 1);
    lane.isOpen = false;
    shard.subscribe(queue, 100);
    shard.fetch(queue, 100, 1, 50);
    queue.unsubscribe(100, shard.nowMs);
    lane.open(shard.nowMs);
    assert.deepEqual([shard.take(), queue.consumerCount, queue.fetchCount], [[], 0, 0]);
  });

  it('tells the fetches behind it when their queue is deleted', () => {
    const queue = shard.queue();
    lane.isOpen = false;
    shard.publish(queue, 1);
    shard.fetch(queue, 100, 7, 50);
    queue.close(shard.nowMs);
    assert.deepEqual(shard.take(), ['fetchTimedOut 7 of 100']);
    assert.equal(shard.wheel.count, 0);
  });
});
