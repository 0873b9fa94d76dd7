import assert from 'node:assert/strict';
import { PublishResult } from '../../src/core/publish-result.ts';
import { DOUBLE_EXPIRE_AT_MS } from '../../src/core/record.ts';
import { SettleResult } from '../../src/core/settle-result.ts';
import { deliveries, Shard, START_MS } from './queue-fixture.ts';

describe('ack timeout of a queue', () => {
  let shard: Shard;
  beforeEach(() => {
    shard = new Shard();
  });
  afterEach(() => shard.assertBalanced());

  it('runs for every delivery of its own, also with prefetch > 1 and for fetches', () => {
    const queue = shard.queue({ ackTimeoutMs: 100 });
    shard.subscribe(queue, 100, 2);
    shard.publish(queue, 1);
    shard.pass(30);
    shard.publish(queue, 2);
    shard.pass(30);
    shard.fetch(queue, 101, 7, 10);
    shard.publish(queue, 3);
    shard.take();
    shard.pass(39);
    assert.deepEqual(shard.take(), []);
    shard.pass(1);
    assert.deepEqual(shard.take(), ['deliver 1 to 100']);
    shard.pass(30);
    assert.deepEqual(shard.take(), ['deliver 2 to 100']);
    shard.pass(30);
    assert.deepEqual(shard.take(), []);
    assert.deepEqual([queue.readyCount, queue.inFlightCount], [1, 2]);
    assert.equal(queue.ledger.ackTimeout, 3);
  });

  it('gives the credit back and puts the message at the head with one attempt more', () => {
    const queue = shard.queue({ ackTimeoutMs: 100 });
    shard.subscribe(queue, 100, 1);
    shard.publishAll(queue, [1, 2]);
    shard.pass(100);
    assert.deepEqual(shard.take(), deliveries([1, 1], 100));
    assert.equal(shard.peek(queue).find(({ id }) => id === 1)?.attempts, 2);
    assert.equal(queue.ledger.redelivered, 1);
  });

  it('lets an ack that comes late still count, once', () => {
    const queue = shard.queue({ ackTimeoutMs: 100 });
    shard.subscribe(queue, 100, 1);
    shard.publish(queue, 1);
    queue.pause();
    shard.pass(100);
    assert.equal(queue.readyCount, 1);
    assert.equal(shard.ack(queue, 1), SettleResult.late);
    assert.equal(shard.ack(queue, 1), SettleResult.unknown);
    assert.deepEqual([queue.ledger.acked, queue.ledger.ackAfter, queue.readyCount], [1, 1, 0]);
  });

  it('lets the first of two acks win when the message was delivered again', () => {
    const queue = shard.queue({ ackTimeoutMs: 100 });
    shard.subscribe(queue, 100, 1);
    shard.publish(queue, 1);
    queue.pause();
    shard.pass(100);
    queue.subscribe(100, 0, shard.nowMs);
    shard.subscribe(queue, 101, 1);
    queue.resume(shard.nowMs);
    assert.deepEqual(shard.take(), ['deliver 1 to 100', 'deliver 1 to 101']);
    assert.equal(shard.ack(queue, 1), SettleResult.settled);
    assert.equal(shard.ack(queue, 1), SettleResult.unknown);
    assert.equal(queue.ledger.acked, 1);
  });

  it('runs on when the consumer is gone, and not at all when it is 0', () => {
    const queue = shard.queue({ ackTimeoutMs: 0 });
    shard.subscribe(queue, 100);
    shard.publish(queue, 1);
    shard.pass(1000);
    assert.equal(queue.inFlightCount, 1);
    assert.equal(shard.wheel.count, 0);
  });

  it('takes many back in several turns', () => {
    const queue = shard.queue({ ackTimeoutMs: 10 });
    shard.subscribe(queue, 100, 25_000);
    for (let id = 0; id < 25_000; id++) shard.publish(queue, id, { bodyBytes: 8 });
    queue.subscribe(100, 0, shard.nowMs);
    shard.pass(10);
    assert.equal(queue.readyCount, 10_000);
    shard.pass(2);
    assert.equal(queue.readyCount, 25_000);
    assert.deepEqual(
      shard.peek(queue, 3).map(({ id }) => id),
      [0, 1, 2],
    );
  });
});

describe('max deliveries of a queue', () => {
  let shard: Shard;
  beforeEach(() => {
    shard = new Shard();
  });
  afterEach(() => shard.assertBalanced());

  const returns = [
    { name: 'ack timeout', giveBack: (queue: ReturnType<Shard['queue']>) => void queue, passMs: 100 },
    { name: 'requeue', giveBack: (queue: ReturnType<Shard['queue']>) => void shard.requeue(queue, 1), passMs: 0 },
    {
      name: 'death of the consumer',
      giveBack: (queue: ReturnType<Shard['queue']>) => {
        queue.unsubscribe(100, shard.nowMs);
        shard.subscribe(queue, 100, 1);
      },
      passMs: 0,
    },
  ];
  for (const { name, giveBack, passMs } of returns) {
    it(`makes a message dead that comes back once more by ${name}`, () => {
      const dead = shard.queue();
      const queue = shard.queue({ ackTimeoutMs: 100, maxDeliveries: 2, deadLetterQueue: dead.name });
      shard.deadLetterTo = dead;
      shard.subscribe(queue, 100, 1);
      shard.publish(queue, 1);
      for (let time = 0; time < 2; time++) {
        giveBack(queue);
        shard.pass(passMs);
      }
      assert.deepEqual(shard.take(), ['deliver 1 to 100', 'deliver 1 to 100', 'deadLetter 1']);
      assert.deepEqual([queue.ledger.deadLettered, queue.inFlightCount, dead.readyCount], [1, 0, 1]);
    });
  }

  it('drops it, counted, when there is no dead-letter queue, nobody takes it, or it would be the queue itself', () => {
    for (const deadLetterQueue of ['', 'nowhere', 'self']) {
      const queue = shard.queue({ name: 'self', maxDeliveries: 1, deadLetterQueue });
      shard.subscribe(queue, 100, 1);
      shard.publish(queue, 1);
      shard.requeue(queue, 1);
      assert.deepEqual([queue.ledger.droppedMaxDeliveries, queue.ledger.deadLettered], [1, 0]);
    }
  });

  it('keeps the dead letter for somebody to look at: no expiry, no deduplication', () => {
    const dead = shard.queue({ dedupWindowMs: 1000 });
    const queue = shard.queue({ maxDeliveries: 1, deadLetterQueue: dead.name });
    shard.deadLetterTo = dead;
    shard.publish(dead, 5, { dedup: 'a' });
    shard.publish(queue, 1, { dedup: 'a', expireAtMs: START_MS + 10 });
    shard.subscribe(queue, 100, 1);
    shard.requeue(queue, 1);
    shard.pass(20);
    assert.equal(dead.readyCount, 2);
  });

  it('lets a message go round between two queues', () => {
    const [first, second] = [
      shard.queue({ name: 'first', maxDeliveries: 1, deadLetterQueue: 'second' }),
      shard.queue({ name: 'second', maxDeliveries: 1, deadLetterQueue: 'first' }),
    ];
    shard.publish(first, 1);
    for (const [queue, target] of [
      [first, second],
      [second, first],
    ]) {
      shard.deadLetterTo = target;
      shard.subscribe(queue, 100, 1);
      shard.requeue(queue, 1);
      queue.unsubscribe(100, shard.nowMs);
    }
    assert.deepEqual([first.readyCount, second.readyCount], [1, 0]);
  });
});

describe('administration of a queue', () => {
  let shard: Shard;
  beforeEach(() => {
    shard = new Shard();
  });
  afterEach(() => shard.assertBalanced());

  it('pauses delivery, not acceptance and not time', () => {
    const queue = shard.queue({ messageTtlMs: 10 });
    shard.subscribe(queue, 100);
    queue.pause();
    shard.publishAll(queue, [1, 2]);
    shard.fetch(queue, 101, 1, 5);
    assert.equal(queue.paused, true);
    shard.pass(10);
    shard.publish(queue, 3);
    assert.deepEqual(shard.take(), ['fetchTimedOut 1 of 101']);
    queue.resume(shard.nowMs);
    assert.deepEqual(shard.take(), deliveries([3], 100));
  });

  it('purges what waits and leaves what is in flight', () => {
    const queue = shard.queue({ messageTtlMs: 1000, ackTimeoutMs: 0 });
    shard.subscribe(queue, 100, 1);
    shard.publishAll(queue, [1, 2, 3]);
    shard.publish(queue, 4, { deliverAtMs: START_MS + 10, priority: 3 });
    assert.equal(queue.purge(shard.nowMs), 3);
    assert.deepEqual(shard.peek(queue), [{ id: 1, state: 'in-flight', attempts: 1 }]);
    assert.equal(shard.wheel.count, 0);
    assert.equal(queue.ledger.purged, 3);
  });

  it('peeks in order of delivery, then at what is in flight, then at what is delayed', () => {
    const queue = shard.queue();
    shard.subscribe(queue, 100, 1);
    for (const [id, priority] of [0, 0, 5, 0].entries()) shard.publish(queue, id, { priority });
    shard.publish(queue, 4, { deliverAtMs: START_MS + 10 });
    const seen = shard.peek(queue).map(({ id, state }) => `${id} ${state}`);
    assert.deepEqual(seen, ['2 ready', '1 ready', '3 ready', '0 in-flight', '4 delayed']);
    for (let limit = 0; limit < 6; limit++) assert.equal(shard.peek(queue, limit).length, Math.min(limit, 5));
  });

  it('requeues all that is in flight, with the credits', () => {
    const queue = shard.queue();
    shard.subscribe(queue, 100, 2);
    shard.publishAll(queue, [1, 2, 3]);
    shard.fetch(queue, 101, 7, 10);
    shard.take();
    assert.equal(queue.requeueInFlight(shard.nowMs), 3);
    assert.deepEqual(shard.take(), deliveries([1, 2], 100));
    assert.equal(queue.ledger.requeued, 3);
  });

  it('moves ready messages to another queue, in order, as many as asked and taken', () => {
    const [queue, target] = [shard.queue(), shard.queue({ limit: 3, overflow: 'reject', dedupWindowMs: 100 })];
    for (let id = 0; id < 6; id++) shard.publish(queue, id, { dedup: 'same' });
    const visit = (message: number) => shard.transfer(target, message);
    assert.equal(queue.takeReady(2, visit, shard.nowMs), 2);
    assert.equal(queue.takeReady(Number.MAX_SAFE_INTEGER, visit, shard.nowMs), 1);
    assert.deepEqual(
      [queue, target].map((each) => shard.peek(each).map(({ id }) => id)),
      [
        [3, 4, 5],
        [0, 1, 2],
      ],
    );
    assert.equal(queue.ledger.moved, 3);
  });

  it('moves messages to the end of the same queue without losing or repeating one', () => {
    const queue = shard.queue({ limit: 4 });
    shard.publishAll(queue, [0, 1, 2, 3]);
    const visit = (message: number) => shard.transfer(queue, message);
    assert.equal(queue.takeReady(Number.MAX_SAFE_INTEGER, visit, shard.nowMs), 4);
    assert.deepEqual(
      shard.peek(queue).map(({ id }) => id),
      [0, 1, 2, 3],
    );
  });

  it('moves no expired message', () => {
    const queue = shard.queue();
    shard.publish(queue, 1, { expireAtMs: START_MS + 10 });
    shard.publish(queue, 2);
    shard.nowMs += 10;
    const seen: number[] = [];
    const visit = (message: number) => (seen.push(shard.idOf(message)) > 0 ? 'taken' : 'refused');
    assert.equal(queue.takeReady(10, visit, shard.nowMs), 1);
    assert.deepEqual(seen, [2]);
  });

  it('closed, counts all that is left as purged and tells everybody who waits', () => {
    const queue = shard.queue({ limit: 2, overflow: 'block', messageTtlMs: 1000, idleTtlMs: 50, dedupWindowMs: 50 });
    shard.subscribe(queue, 100, 1);
    shard.publishAll(queue, [1, 2], { dedup: '' });
    shard.publish(queue, 3, { deliverAtMs: START_MS + 10, dedup: 'x' });
    shard.publish(queue, 4);
    queue.pause();
    shard.fetch(queue, 101, 7, 10);
    shard.take();
    assert.equal(queue.close(shard.nowMs), 3);
    assert.deepEqual(shard.take(), ['unblocked 4 6', 'fetchTimedOut 7 of 101']);
    assert.equal(shard.wheel.count, 0);
    assert.equal(shard.messages.count, 0);
    assert.equal(shard.publish(queue, 5), PublishResult.gone);
    shard.fetch(queue, 101, 8, 10);
    shard.subscribe(queue, 100);
    queue.unsubscribe(100, shard.nowMs);
    assert.equal(shard.ack(queue, 1), SettleResult.unknown);
    assert.deepEqual(shard.take(), ['fetchTimedOut 8 of 101']);
    assert.equal(queue.close(shard.nowMs), 0);
  });
});

describe('idle time to live of a queue', () => {
  let shard: Shard;
  beforeEach(() => {
    shard = new Shard();
  });
  afterEach(() => shard.assertBalanced());

  it('runs from the declaration, and again while the owner keeps the queue', () => {
    const queue = shard.queue({ idleTtlMs: 50 });
    shard.pass(49);
    assert.deepEqual(shard.take(), []);
    shard.pass(1);
    assert.deepEqual(shard.take(), [`idle ${queue.name}`]);
    shard.pass(50);
    assert.deepEqual(shard.take(), [`idle ${queue.name}`]);
  });

  it('waits for consumers and fetches to go, and starts anew with each publish', () => {
    const queue = shard.queue({ idleTtlMs: 50 });
    shard.pass(40);
    shard.publish(queue, 1);
    shard.pass(40);
    shard.subscribe(queue, 100);
    shard.pass(200);
    queue.unsubscribe(100, shard.nowMs);
    shard.pass(49);
    shard.fetch(queue, 100, 1, 0, true);
    shard.fetch(queue, 100, 2, 100);
    shard.pass(149);
    assert.deepEqual(shard.take(), ['deliver 1 to 100', 'deliver 1 to 100 by fetch 1', 'fetchTimedOut 2 of 100']);
    shard.pass(1);
    assert.deepEqual(shard.take(), [`idle ${queue.name}`]);
  });

  it('has run out only while nobody used the queue', () => {
    const queue = shard.queue({ idleTtlMs: 50 });
    const permanent = shard.queue();
    shard.pass(50);
    assert.deepEqual([queue.isIdle(shard.nowMs), permanent.isIdle(shard.nowMs)], [true, false]);
    shard.publish(queue, 1);
    assert.equal(queue.isIdle(shard.nowMs), false);
    shard.nowMs += 50;
    assert.equal(queue.isIdle(shard.nowMs), true);
    shard.subscribe(queue, 100);
    assert.equal(queue.isIdle(shard.nowMs + 1000), false);
  });

  it('may delete the queue on the spot', () => {
    const queue = shard.queue({ idleTtlMs: 50 });
    shard.idle = () => void queue.close(shard.nowMs);
    shard.pass(50);
    assert.equal(shard.wheel.count, 0);
    assert.equal(shard.publish(queue, 1), PublishResult.gone);
  });
});

describe('record of a dead letter', () => {
  it('keeps the publisher expiry while it only waits', () => {
    const shard = new Shard();
    const queue = shard.queue({ messageTtlMs: 5 });
    shard.publish(queue, 1, { expireAtMs: START_MS + 99 });
    queue.peek(1, (message) => {
      const double = (shard.messages.offset(message) >> 3) + DOUBLE_EXPIRE_AT_MS;
      assert.equal(shard.messages.memory(message).doubles[double], START_MS + 99);
    });
    shard.assertBalanced();
  });
});
