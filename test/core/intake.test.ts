import assert from 'node:assert/strict';
import { PublishResult } from '../../src/core/publish-result.ts';
import type { Queue } from '../../src/core/queue.ts';
import type { OverflowPolicy } from '../../src/core/queue-options.ts';
import { deliveries, Shard, START_MS } from './queue-fixture.ts';

const { accepted, blocked, duplicate, expired, full, noMemory } = PublishResult;

function waitingIds(shard: Shard, queue: Queue): number[] {
  return shard.peek(queue).map(({ id }) => id);
}

describe('limit of a queue', () => {
  let shard: Shard;
  beforeEach(() => {
    shard = new Shard();
  });
  afterEach(() => shard.assertBalanced());

  const table: { overflow: OverflowPolicy; address: number; result: number; waiting: number[]; counted: string }[] = [
    { overflow: 'drop-oldest', address: 1, result: accepted, waiting: [2, 3], counted: 'droppedLimit' },
    { overflow: 'drop-oldest', address: -1, result: accepted, waiting: [2, 3], counted: 'droppedLimit' },
    { overflow: 'reject', address: 1, result: full, waiting: [1, 2], counted: 'rejectedFull' },
    { overflow: 'reject', address: -1, result: full, waiting: [1, 2], counted: 'rejectedFull' },
    { overflow: 'block', address: 1, result: blocked, waiting: [1, 2], counted: 'blocked' },
    { overflow: 'block', address: -1, result: full, waiting: [1, 2], counted: 'rejectedFull' },
  ];
  for (const { overflow, address, result, waiting, counted } of table) {
    it(`with ${overflow} and ${address < 0 ? 'nobody waiting for a confirm' : 'a publisher'}: ${counted}`, () => {
      const queue = shard.queue({ limit: 2, overflow });
      shard.publishAll(queue, [1, 2]);
      assert.equal(shard.publish(queue, 3, { address }), result);
      assert.deepEqual(waitingIds(shard, queue), waiting);
      assert.equal(Object.entries(queue.counts()).find(([name]) => name === counted)?.[1], 1);
    });
  }

  it('counts what waits, ready and delayed, not what is in flight', () => {
    const queue = shard.queue({ limit: 2, overflow: 'reject' });
    shard.subscribe(queue, 100, 2);
    shard.publishAll(queue, [1, 2, 3]);
    shard.publish(queue, 4, { deliverAtMs: START_MS + 1000 });
    assert.equal(shard.publish(queue, 5), full);
    assert.deepEqual([queue.inFlightCount, queue.readyCount, queue.delayedCount], [2, 1, 1]);
  });

  it('is no matter to a message that a consumer takes at once', () => {
    const queue = shard.queue({ limit: 1, overflow: 'reject' });
    shard.publish(queue, 1, { deliverAtMs: START_MS + 1000 });
    shard.subscribe(queue, 100, 1);
    assert.equal(shard.publish(queue, 2), accepted);
    assert.equal(shard.publish(queue, 3), full);
  });

  it('drops the oldest of the lowest priority, which may be the new one', () => {
    const queue = shard.queue({ limit: 3 });
    for (const [id, priority] of [5, 2, 2].entries()) shard.publish(queue, id, { priority });
    assert.equal(shard.publish(queue, 3, { priority: 9 }), accepted);
    assert.deepEqual(waitingIds(shard, queue), [3, 0, 2]);
    assert.equal(shard.publish(queue, 4, { priority: 1 }), accepted);
    assert.deepEqual(waitingIds(shard, queue), [3, 0, 2]);
    assert.equal(queue.ledger.droppedLimit, 2);
    assert.equal(queue.ledger.accepted, 5);
  });

  it('drops delayed messages when nothing is ready', () => {
    const queue = shard.queue({ limit: 2, delayMs: 100 });
    shard.publishAll(queue, [1, 2, 3]);
    shard.pass(100);
    assert.deepEqual(waitingIds(shard, queue), [2, 3]);
    assert.equal(shard.wheel.count, 0);
  });

  it('is restored by the next publish when messages came back over it', () => {
    const queue = shard.queue({ limit: 3 });
    shard.subscribe(queue, 100, 2);
    shard.publishAll(queue, [1, 2, 3, 4, 5]);
    queue.unsubscribe(100, shard.nowMs);
    assert.equal(queue.readyCount, 5);
    shard.publish(queue, 6);
    assert.deepEqual(waitingIds(shard, queue), [4, 5, 6]);
    assert.equal(queue.ledger.droppedLimit, 3);
  });
});

describe('blocked publishes', () => {
  let shard: Shard;
  beforeEach(() => {
    shard = new Shard();
  });
  afterEach(() => shard.assertBalanced());

  it('get in one by one as room appears, in order, and are confirmed then', () => {
    const queue = shard.queue({ limit: 1, overflow: 'block' });
    shard.publishAll(queue, [1, 2, 3, 4]);
    assert.equal(queue.blockedCount, 3);
    assert.equal(queue.ledger.accepted, 1);
    shard.subscribe(queue, 100, 1);
    assert.deepEqual(shard.take(), ['deliver 1 to 100', 'unblocked 2 0']);
    shard.ack(queue, 1);
    assert.deepEqual(shard.take(), ['deliver 2 to 100', 'unblocked 3 0']);
    shard.subscribe(queue, 100, 10);
    assert.deepEqual(shard.take(), ['deliver 3 to 100', 'unblocked 4 0', 'deliver 4 to 100']);
    assert.equal(queue.blockedCount, 0);
  });

  it('are behind one another also when room appears in the middle', () => {
    const queue = shard.queue({ limit: 1, overflow: 'block' });
    shard.publishAll(queue, [1, 2]);
    let next = 3;
    shard.onUnblocked = () => {
      if (next < 6) shard.publish(queue, next++);
    };
    shard.subscribe(queue, 100);
    shard.take();
    const order = shard.peek(queue).map(({ id }) => id);
    assert.deepEqual(order, [1, 2, 3, 4, 5]);
  });

  it('expire, keep their delay, and take a waiting consumer past delayed messages', () => {
    const queue = shard.queue({ limit: 1, overflow: 'block' });
    shard.publish(queue, 1, { deliverAtMs: START_MS + 30 });
    shard.publish(queue, 2, { expireAtMs: START_MS + 10 });
    shard.publish(queue, 3, { deliverAtMs: START_MS + 50 });
    shard.publish(queue, 4);
    shard.pass(20);
    assert.equal(queue.blockedCount, 3);
    shard.subscribe(queue, 100);
    assert.deepEqual(shard.take(), ['unblocked 2 5']);
    shard.pass(10);
    assert.deepEqual(shard.take(), ['deliver 1 to 100', 'unblocked 3 0', 'unblocked 4 0', 'deliver 4 to 100']);
    shard.pass(20);
    assert.deepEqual(shard.take(), ['deliver 3 to 100']);
  });

  it('are given up by a purge, and their ids may come again', () => {
    const queue = shard.queue({ limit: 1, overflow: 'block', dedupWindowMs: 1000 });
    shard.publish(queue, 1, { dedup: 'a' });
    shard.publish(queue, 2, { dedup: 'b' });
    assert.equal(queue.purge(shard.nowMs), 1);
    assert.deepEqual(shard.take(), ['unblocked 2 3']);
    assert.equal(shard.publish(queue, 3, { dedup: 'b' }), accepted);
    assert.equal(shard.publish(queue, 4, { dedup: 'a' }), duplicate);
    assert.equal(queue.ledger.rejectedFull, 1);
  });
});

describe('memory limit of a shard', () => {
  /** Holds about 100 messages of 1 KiB. */
  const memoryLimitBytes = 120_000;

  it('refuses publishes beyond it, and takes them again when there is room', () => {
    const shard = new Shard({ memoryLimitBytes });
    const queue = shard.queue({ overflow: 'reject' });
    let id = 0;
    while (shard.publish(queue, id, { bodyBytes: 1024 }) === accepted) id++;
    assert.ok(id > 90 && id < 110, `${id} messages`);
    assert.ok(shard.messages.usedBytes <= memoryLimitBytes);
    assert.equal(shard.publish(queue, 999, { bodyBytes: 1024 }), noMemory);
    assert.equal(queue.ledger.rejectedMemory, 2);
    queue.fetch(100, 1, 0, true, shard.nowMs);
    assert.equal(shard.publish(queue, 1000, { bodyBytes: 1024 }), accepted);
    shard.assertBalanced();
  });

  it('makes a queue drop its own oldest messages, never those of others', () => {
    const shard = new Shard({ memoryLimitBytes });
    const [rejecting, dropping] = [shard.queue({ overflow: 'reject' }), shard.queue()];
    for (let id = 0; id < 50; id++) shard.publish(rejecting, id, { bodyBytes: 1024 });
    for (let id = 0; id < 500; id++) assert.equal(shard.publish(dropping, id, { bodyBytes: 1024 }), accepted);
    assert.equal(rejecting.readyCount, 50);
    assert.ok(dropping.readyCount > 40 && dropping.readyCount < 60);
    assert.equal(dropping.ledger.droppedMemory, 500 - dropping.readyCount);
    assert.equal(waitingIds(shard, dropping).at(-1), 499);
    assert.equal(shard.publish(dropping, 500, { bodyBytes: 200_000 }), noMemory);
    assert.equal(dropping.readyCount, 0);
    shard.assertBalanced();
  });
});

describe('message times of a queue', () => {
  let shard: Shard;
  beforeEach(() => {
    shard = new Shard();
  });
  afterEach(() => shard.assertBalanced());

  const ttlTable = [
    { name: 'the record', messageTtlMs: 0, expireAtMs: START_MS + 30, expiresAfterMs: 30 },
    { name: 'the queue', messageTtlMs: 40, expireAtMs: 0, expiresAfterMs: 40 },
    { name: 'the earlier of both (record)', messageTtlMs: 40, expireAtMs: START_MS + 30, expiresAfterMs: 30 },
    { name: 'the earlier of both (queue)', messageTtlMs: 20, expireAtMs: START_MS + 30, expiresAfterMs: 20 },
  ];
  for (const { name, messageTtlMs, expireAtMs, expiresAfterMs } of ttlTable) {
    it(`let a message expire when ${name} says so`, () => {
      const queue = shard.queue({ messageTtlMs });
      shard.publish(queue, 1, { expireAtMs });
      shard.pass(expiresAfterMs - 1);
      assert.equal(queue.readyCount, 1);
      shard.pass(1);
      assert.equal(queue.readyCount, 0);
      assert.equal(queue.ledger.expired, 1);
      assert.equal(shard.wheel.count, 0);
    });
  }

  it('count a message that is dead on arrival', () => {
    const queue = shard.queue();
    assert.equal(shard.publish(queue, 1, { expireAtMs: START_MS }), expired);
    assert.deepEqual([queue.ledger.accepted, queue.ledger.expired, queue.readyCount], [1, 1, 0]);
  });

  it('never deliver an expired message, also when its timer is late', () => {
    const queue = shard.queue();
    shard.publish(queue, 1, { expireAtMs: START_MS + 10 });
    shard.publish(queue, 2);
    shard.nowMs += 10;
    shard.subscribe(queue, 100);
    assert.deepEqual(shard.take(), deliveries([2], 100));
  });

  it('leave a message in flight alone, and end it when it comes back too late', () => {
    const queue = shard.queue({ messageTtlMs: 20 });
    shard.subscribe(queue, 100, 2);
    shard.publishAll(queue, [1, 2]);
    shard.pass(19);
    shard.requeue(queue, 1);
    shard.pass(1);
    assert.equal(queue.inFlightCount, 2);
    shard.requeue(queue, 1);
    assert.equal(shard.ack(queue, 2), 0);
    assert.deepEqual([queue.ledger.expired, queue.ledger.acked, queue.inFlightCount], [1, 1, 0]);
  });

  it('hold a delayed message back until its time, in order of time', () => {
    const queue = shard.queue();
    shard.subscribe(queue, 100);
    for (const [id, delay] of [30, 10, 20, 0, 10].entries()) {
      shard.publish(queue, id, { deliverAtMs: delay === 0 ? 0 : START_MS + delay });
    }
    assert.deepEqual(shard.take(), deliveries([3], 100));
    shard.pass(9);
    assert.deepEqual(shard.take(), []);
    shard.pass(1);
    assert.deepEqual(shard.take(), deliveries([1, 4], 100));
    shard.pass(20);
    assert.deepEqual(shard.take(), deliveries([2, 0], 100));
  });

  it('delay by the option of the queue when the record says nothing', () => {
    const queue = shard.queue({ delayMs: 20 });
    shard.publish(queue, 1);
    shard.publish(queue, 2, { deliverAtMs: START_MS - 1 });
    shard.subscribe(queue, 100);
    assert.deepEqual(shard.take(), deliveries([2], 100));
    shard.pass(20);
    assert.deepEqual(shard.take(), deliveries([1], 100));
  });

  it('let a delayed message expire before its time comes', () => {
    const queue = shard.queue();
    shard.publish(queue, 1, { deliverAtMs: START_MS + 20, expireAtMs: START_MS + 10 });
    shard.publish(queue, 2, { deliverAtMs: START_MS + 20, expireAtMs: START_MS + 30 });
    shard.pass(10);
    assert.equal(queue.delayedCount, 1);
    shard.pass(10);
    assert.deepEqual([queue.delayedCount, queue.readyCount], [0, 1]);
    shard.pass(10);
    assert.equal(queue.ledger.expired, 2);
  });
});

describe('dedup window of a queue', () => {
  let shard: Shard;
  beforeEach(() => {
    shard = new Shard();
  });
  afterEach(() => shard.assertBalanced());

  it('confirms an id that was seen within it, and enqueues nothing', () => {
    const queue = shard.queue({ dedupWindowMs: 100 });
    assert.equal(shard.publish(queue, 1, { dedup: 'a' }), accepted);
    shard.pass(99);
    assert.equal(shard.publish(queue, 2, { dedup: 'a' }), duplicate);
    assert.equal(shard.publish(queue, 3, { dedup: 'b' }), accepted);
    shard.pass(1);
    assert.equal(shard.publish(queue, 4, { dedup: 'a' }), accepted);
    assert.equal(queue.ledger.rejectedDuplicate, 1);
    assert.equal(queue.readyCount, 3);
  });

  it('lets messages without an id pass, and ids pass where there is none', () => {
    const queue = shard.queue({ dedupWindowMs: 100 });
    assert.deepEqual([shard.publish(queue, 1), shard.publish(queue, 1)], [accepted, accepted]);
    const other = shard.queue();
    assert.deepEqual(
      [1, 2].map((id) => shard.publish(other, id, { dedup: 'a' })),
      [accepted, accepted],
    );
  });

  it('does not remember a publish that was refused', () => {
    const queue = shard.queue({ dedupWindowMs: 100, limit: 1, overflow: 'reject' });
    shard.publish(queue, 1, { dedup: 'a' });
    assert.equal(shard.publish(queue, 2, { dedup: 'b' }), full);
    assert.equal(shard.publish(queue, 1, { dedup: 'a' }), duplicate);
    queue.purge(shard.nowMs);
    assert.equal(shard.publish(queue, 2, { dedup: 'b' }), accepted);
  });

  it('gives its memory back when all ids are forgotten', () => {
    const queue = shard.queue({ dedupWindowMs: 100 });
    for (let id = 0; id < 500; id++) {
      shard.publish(queue, id, { dedup: `id ${id}` });
      shard.pass(1);
    }
    shard.pass(150);
    assert.equal(shard.wheel.count, 0);
  });
});
