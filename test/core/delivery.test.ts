import assert from 'node:assert/strict';
import { SettleResult } from '../../src/core/settle-result.ts';
import { deliveries, Shard } from './queue-fixture.ts';

describe('delivery of a queue', () => {
  let shard: Shard;
  beforeEach(() => {
    shard = new Shard();
  });
  afterEach(() => shard.assertBalanced());

  it('is in the order of publishing, at once when a consumer has credit', () => {
    const queue = shard.queue();
    shard.publishAll(queue, [1, 2]);
    shard.subscribe(queue, 100);
    shard.publishAll(queue, [3, 4]);
    assert.deepEqual(shard.take(), deliveries([1, 2, 3, 4], 100));
    assert.equal(queue.inFlightCount, 4);
  });

  it('serves higher priorities first, and each in its order', () => {
    const queue = shard.queue();
    for (const [id, priority] of [0, 9, 4, 9, 0, 4, 200].entries()) shard.publish(queue, id, { priority });
    shard.subscribe(queue, 100);
    assert.deepEqual(shard.take(), deliveries([1, 3, 6, 2, 5, 0, 4], 100));
  });

  it('stops at the prefetch and goes on with each ack', () => {
    const queue = shard.queue();
    shard.subscribe(queue, 100, 2);
    shard.publishAll(queue, [1, 2, 3, 4]);
    assert.deepEqual(shard.take(), deliveries([1, 2], 100));
    assert.equal(shard.ack(queue, 2), SettleResult.settled);
    assert.deepEqual(shard.take(), deliveries([3], 100));
    assert.equal(queue.readyCount, 1);
  });

  it('obeys a prefetch that is changed, to 0 as well', () => {
    const queue = shard.queue();
    shard.subscribe(queue, 100, 0);
    shard.publishAll(queue, [1, 2, 3]);
    assert.deepEqual(shard.take(), []);
    shard.subscribe(queue, 100, 2);
    assert.deepEqual(shard.take(), deliveries([1, 2], 100));
    shard.subscribe(queue, 100, 1);
    shard.ack(queue, 1);
    assert.deepEqual(shard.take(), []);
    shard.ack(queue, 2);
    assert.deepEqual(shard.take(), deliveries([3], 100));
    assert.equal(queue.consumerCount, 1);
  });

  it('takes turns among the consumers that have credit', () => {
    const queue = shard.queue();
    shard.subscribe(queue, 100, 3);
    shard.subscribe(queue, 101, 1);
    shard.subscribe(queue, 102, 2);
    shard.publishAll(queue, [1, 2, 3, 4, 5, 6, 7]);
    assert.deepEqual(shard.take(), [
      'deliver 1 to 100',
      'deliver 2 to 101',
      'deliver 3 to 102',
      'deliver 4 to 100',
      'deliver 5 to 102',
      'deliver 6 to 100',
    ]);
    shard.ack(queue, 2);
    assert.deepEqual(shard.take(), deliveries([7], 101));
  });

  it('gives equal shares to equal consumers', () => {
    const queue = shard.queue();
    const shares = new Map<number, number>();
    for (let address = 0; address < 7; address++) shard.subscribe(queue, address, 3);
    const held: number[] = [];
    shard.onDeliver = (_queue, address, id) => {
      shares.set(address, (shares.get(address) ?? 0) + 1);
      held.push(id);
    };
    for (let id = 0; id < 7000; id++) {
      shard.publish(queue, id);
      if (held.length >= 10) shard.ack(queue, held.shift() as number);
    }
    for (const share of shares.values()) assert.equal(share, 1000);
  });

  it('takes back at the head, in order, what a consumer held that left', () => {
    const queue = shard.queue();
    shard.subscribe(queue, 100, 3);
    shard.publishAll(queue, [1, 2, 3, 4, 5]);
    shard.ack(queue, 2);
    shard.take();
    queue.unsubscribe(100, shard.nowMs);
    assert.deepEqual(
      shard.peek(queue).map(({ id, attempts }) => [id, attempts]),
      [
        [1, 1],
        [3, 1],
        [4, 1],
        [5, 0],
      ],
    );
    shard.subscribe(queue, 101);
    assert.deepEqual(shard.take(), deliveries([1, 3, 4, 5], 101));
    assert.equal(queue.ledger.requeued, 3);
    assert.equal(queue.ledger.redelivered, 3);
    assert.equal(queue.consumerCount, 1);
  });

  it('takes 1,000 unacked messages of a dead consumer back, all in order', () => {
    const queue = shard.queue();
    const ids = Array.from({ length: 1000 }, (_, index) => index);
    shard.subscribe(queue, 100, 500);
    shard.subscribe(queue, 101, 500);
    shard.publishAll(queue, ids);
    queue.unsubscribe(101, shard.nowMs);
    queue.unsubscribe(100, shard.nowMs);
    assert.deepEqual(
      shard.peek(queue).map(({ id }) => id),
      ids,
    );
  });

  it('knows no message of an id that was never delivered, and settles each once', () => {
    const queue = shard.queue();
    shard.publish(queue, 1);
    assert.equal(shard.ack(queue, 1), SettleResult.unknown);
    shard.subscribe(queue, 100);
    assert.equal(shard.ack(queue, 1), SettleResult.settled);
    assert.equal(shard.ack(queue, 1), SettleResult.unknown);
    assert.equal(shard.requeue(queue, 1), SettleResult.unknown);
  });

  it('keeps queues apart that hold the same id', () => {
    const queues = [shard.queue(), shard.queue()];
    for (const queue of queues) {
      shard.publish(queue, 1);
      shard.subscribe(queue, 100);
    }
    assert.equal(shard.ack(queues[1], 1), SettleResult.settled);
    assert.deepEqual([queues[0].inFlightCount, queues[1].inFlightCount], [1, 0]);
    assert.equal(shard.ack(queues[0], 1), SettleResult.settled);
  });

  it('settles both messages of one queue that have the same id', () => {
    const queue = shard.queue();
    shard.publishAll(queue, [1, 1]);
    shard.subscribe(queue, 100, 1);
    assert.equal(shard.requeue(queue, 1), SettleResult.settled);
    assert.equal(shard.ack(queue, 1), SettleResult.settled);
    assert.equal(shard.ack(queue, 1), SettleResult.settled);
    assert.equal(shard.ack(queue, 1), SettleResult.unknown);
    assert.equal(queue.ledger.ackAfter, 0);
  });

  it('redelivers a requeued message at once, with its credit, before younger ones', () => {
    const queue = shard.queue();
    shard.subscribe(queue, 100, 1);
    shard.publishAll(queue, [1, 2]);
    assert.equal(shard.requeue(queue, 1), SettleResult.settled);
    assert.deepEqual(shard.take(), deliveries([1, 1], 100));
    assert.equal(shard.peek(queue).find(({ id }) => id === 1)?.attempts, 2);
    assert.equal(queue.ledger.requeued, 1);
  });

  it('puts requeued messages back at their place, whatever the order of requeuing', () => {
    const queue = shard.queue();
    shard.subscribe(queue, 100, 8);
    shard.publishAll(queue, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    queue.pause();
    for (const id of [4, 2, 7, 0, 6, 1, 5, 3]) shard.requeue(queue, id);
    assert.deepEqual(
      shard.peek(queue).map(({ id }) => id),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    );
    assert.equal(shard.requeue(queue, 3), SettleResult.late);
  });

  it('survives effects that call the queue again', () => {
    const queue = shard.queue();
    let next = 100;
    shard.onDeliver = (_queue, address, id) => {
      if (id < 3) shard.publish(queue, next++);
      shard.ack(queue, id);
      if (id === 2) queue.unsubscribe(address, shard.nowMs);
      if (id === 100) shard.subscribe(queue, 101, 1);
    };
    shard.subscribe(queue, 100, 2);
    shard.publishAll(queue, [1, 2, 3, 4]);
    assert.deepEqual(shard.take(), [
      'deliver 1 to 100',
      'deliver 100 to 100',
      'deliver 2 to 100',
      'deliver 101 to 101',
      'deliver 3 to 101',
      'deliver 4 to 101',
    ]);
    assert.equal(queue.inFlightCount + queue.readyCount, 0);
    assert.equal(queue.consumerCount, 1);
  });

  it('survives a consumer that leaves in the middle of its delivery', () => {
    const queue = shard.queue();
    shard.publishAll(queue, [1, 2]);
    shard.onDeliver = (_queue, address) => {
      if (address === 100) queue.unsubscribe(100, shard.nowMs);
    };
    shard.subscribe(queue, 100);
    shard.subscribe(queue, 101);
    assert.deepEqual(shard.take(), ['deliver 1 to 100', 'deliver 1 to 101', 'deliver 2 to 101']);
  });
});

describe('fetch from a queue', () => {
  let shard: Shard;
  beforeEach(() => {
    shard = new Shard();
  });
  afterEach(() => {
    shard.assertBalanced();
    assert.equal(shard.wheel.count, 0);
  });

  const queueWithoutAckTimer = () => shard.queue({ ackTimeoutMs: 0 });

  it('takes a message that is there, and only one', () => {
    const queue = queueWithoutAckTimer();
    shard.publishAll(queue, [1, 2]);
    shard.fetch(queue, 100, 7, 1000);
    assert.deepEqual(shard.take(), ['deliver 1 to 100 by fetch 7']);
    assert.equal(queue.inFlightCount, 1);
    assert.equal(queue.fetchCount, 0);
    assert.equal(queue.consumerCount, 0);
    assert.equal(shard.ack(queue, 1), SettleResult.settled);
  });

  it('waits for a message, first come, first served, before subscriptions', () => {
    const queue = queueWithoutAckTimer();
    shard.fetch(queue, 100, 7, 1000);
    shard.fetch(queue, 101, 8, 1000);
    shard.subscribe(queue, 102);
    shard.publishAll(queue, [1, 2, 3]);
    assert.deepEqual(shard.take(), ['deliver 1 to 100 by fetch 7', 'deliver 2 to 101 by fetch 8', 'deliver 3 to 102']);
  });

  it('times out when nothing came, not earlier, and at once with timeout 0', () => {
    const queue = queueWithoutAckTimer();
    shard.fetch(queue, 100, 7, 50);
    shard.fetch(queue, 100, 8, 0);
    shard.fetch(queue, 100, 9, Number.NaN);
    assert.deepEqual(shard.take(), ['fetchTimedOut 8 of 100', 'fetchTimedOut 9 of 100']);
    shard.pass(49);
    assert.deepEqual(shard.take(), []);
    shard.pass(1);
    assert.deepEqual(shard.take(), ['fetchTimedOut 7 of 100']);
    shard.publish(queue, 1);
    assert.equal(queue.readyCount, 1);
  });

  it('with autoack settles the message by delivering it', () => {
    const queue = queueWithoutAckTimer();
    shard.fetch(queue, 100, 7, 50, true);
    shard.publish(queue, 1);
    assert.deepEqual(shard.take(), ['deliver 1 to 100 by fetch 7']);
    assert.equal(queue.ledger.acked, 1);
    assert.equal(shard.ack(queue, 1), SettleResult.unknown);
  });

  it('takes no credit of the same session subscription', () => {
    const queue = queueWithoutAckTimer();
    shard.subscribe(queue, 100, 1);
    shard.fetch(queue, 100, 7, 50);
    shard.publishAll(queue, [1, 2, 3]);
    assert.deepEqual(shard.take(), ['deliver 1 to 100 by fetch 7', 'deliver 2 to 100']);
    shard.ack(queue, 1);
    assert.deepEqual(shard.take(), []);
    shard.ack(queue, 2);
    assert.deepEqual(shard.take(), ['deliver 3 to 100']);
  });

  it('is forgotten when its session leaves, and what it brought comes back', () => {
    const queue = queueWithoutAckTimer();
    shard.publish(queue, 1);
    for (const fetch of [1, 2, 3]) shard.fetch(queue, 100, fetch, 50);
    shard.fetch(queue, 101, 4, 60);
    shard.take();
    queue.unsubscribe(100, shard.nowMs);
    assert.deepEqual(shard.take(), ['deliver 1 to 101 by fetch 4']);
    shard.fetch(queue, 101, 5, 60);
    queue.cancelFetches(101, shard.nowMs);
    shard.pass(100);
    assert.deepEqual(shard.take(), []);
    assert.equal(queue.inFlightCount, 1);
  });

  it('that asks for an answer at once in the middle of a delivery gets it', () => {
    const queue = queueWithoutAckTimer();
    shard.onDeliver = (_queue, _address, id) => {
      if (id === 1) shard.fetch(queue, 100, 8, 0);
      if (id === 2) shard.fetch(queue, 100, 9, 0);
    };
    shard.publishAll(queue, [1, 2]);
    shard.fetch(queue, 100, 7, 0);
    shard.pass(2);
    assert.deepEqual(shard.take(), [
      'deliver 1 to 100 by fetch 7',
      'deliver 2 to 100 by fetch 8',
      'fetchTimedOut 9 of 100',
    ]);
  });
});
