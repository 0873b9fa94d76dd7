import assert from 'node:assert/strict';
import { NO_MESSAGE } from '../../src/core/message-row.ts';
import { idWords, Shard } from './queue-fixture.ts';

const CHUNK = 65_536;

describe('MessageTable', () => {
  it('gives the memory of its rows back when a crowd of messages is gone', () => {
    const shard = new Shard();
    const queue = shard.queue();
    const empty = shard.messages.tableBytes;
    for (let id = 0; id < 5 * CHUNK; id++) shard.publish(queue, id, { bodyBytes: 8 });
    assert.equal(shard.messages.tableBytes, 5 * empty);
    queue.purge(shard.nowMs);
    assert.equal(shard.messages.tableBytes, empty);
    assert.equal(shard.messages.usedBytes, 0);
    shard.assertBalanced();
  });

  it('uses rows again, in whatever order they became free', () => {
    const shard = new Shard();
    const queue = shard.queue({ ackTimeoutMs: 0 });
    shard.subscribe(queue, 100, 4 * CHUNK);
    for (let id = 0; id < 3 * CHUNK; id++) shard.publish(queue, id, { bodyBytes: 8 });
    shard.take();
    const size = shard.messages.tableBytes;
    for (let round = 0; round < 3; round++) {
      for (let id = round; id < 3 * CHUNK; id += 3) shard.ack(queue, id);
      for (let id = round; id < 3 * CHUNK; id += 3) shard.publish(queue, id, { bodyBytes: 8 });
    }
    assert.equal(shard.messages.tableBytes, size);
    assert.equal(queue.inFlightCount, 3 * CHUNK);
    for (let id = 0; id < 3 * CHUNK; id++) assert.equal(shard.ack(queue, id), 0);
    shard.assertBalanced();
  });
});

describe('IdIndex', () => {
  it('finds every delivered message among 200,000, and none that is gone', () => {
    const shard = new Shard();
    const queues = [shard.queue({ ackTimeoutMs: 0 }), shard.queue({ ackTimeoutMs: 0 })];
    const count = 100_000;
    for (const queue of queues) {
      shard.subscribe(queue, 100, count);
      for (let id = 0; id < count; id++) shard.publish(queue, id, { bodyBytes: 8 });
    }
    shard.take();
    assert.equal(shard.messages.ids.count, 2 * count);
    for (let id = 0; id < count; id += 2) assert.equal(shard.ack(queues[0], id), 0);
    for (let id = 0; id < count; id++) {
      const found = shard.messages.ids.find(queues[0].number, ...idWords(id), 0);
      assert.equal(found === NO_MESSAGE, id % 2 === 0);
      if (found !== NO_MESSAGE) assert.equal(shard.idOf(found), id);
    }
    for (let id = 0; id < count; id++) assert.equal(shard.ack(queues[1], id), 0);
    for (let id = 1; id < count; id += 2) assert.equal(shard.ack(queues[0], id), 0);
    assert.equal(shard.messages.ids.count, 0);
    shard.assertBalanced();
  });

  it('holds nothing for a message that was never delivered', () => {
    const shard = new Shard();
    const queue = shard.queue();
    shard.publishAll(queue, [1, 2, 3]);
    assert.equal(shard.messages.ids.count, 0);
    shard.assertBalanced();
  });
});
