import assert from 'node:assert/strict';
import { ImageKind, ImageWriter, imageItems } from '../../src/core/queue-image.ts';
import { RecordMemory } from '../../src/core/record.ts';
import { deliveries, Shard } from './queue-fixture.ts';

describe('image of a queue', () => {
  let shard: Shard;
  beforeEach(() => {
    shard = new Shard();
  });
  afterEach(() => shard.assertBalanced());

  it('keeps messages, consumers, times and the ledger; sessions have new addresses', () => {
    const queue = shard.queue({ ackTimeoutMs: 50, dedupWindowMs: 1000, limit: 6, overflow: 'block' });
    shard.subscribe(queue, 100, 2);
    shard.publishAll(queue, [1, 2, 3]);
    shard.publish(queue, 4, { priority: 5, dedup: 'x' });
    shard.publish(queue, 5, { deliverAtMs: shard.nowMs + 30 });
    shard.publishAll(queue, [6, 7, 8, 9, 10]);
    shard.fetch(queue, 200, 7, 500);
    const before = queue.counts();
    const seen = shard.peek(queue);
    shard.take();
    const moved = shard.move(queue, (address) => address + 1000);
    assert.deepEqual(moved.counts(), before);
    assert.deepEqual(shard.peek(moved), seen);
    assert.deepEqual(shard.take(), []);
    shard.ack(moved, 1);
    assert.deepEqual(shard.take(), ['deliver 3 to 1100', 'unblocked 10 0']);
    moved.unsubscribe(1100, shard.nowMs);
    assert.equal(moved.consumerCount, 0);
    assert.equal(shard.publish(moved, 99, { dedup: 'x' }), 2);
  });

  it('lets the ack time-out and the time to live go on where they were', () => {
    const queue = shard.queue({ ackTimeoutMs: 50, messageTtlMs: 80 });
    shard.subscribe(queue, 100, 1);
    shard.publishAll(queue, [1, 2]);
    shard.pass(30);
    const moved = shard.move(queue);
    shard.take();
    shard.pass(19);
    assert.equal(moved.ledger.ackTimeout, 0);
    shard.pass(1);
    assert.equal(moved.ledger.ackTimeout, 1);
    shard.pass(30);
    assert.equal(moved.ledger.expired, 1);
    assert.deepEqual(shard.take(), deliveries([1], 100));
  });

  it('leaves nothing of the queue that was moved', () => {
    const queue = shard.queue({ ackTimeoutMs: 50, messageTtlMs: 80, idleTtlMs: 70, dedupWindowMs: 10 });
    shard.subscribe(queue, 100, 3);
    for (let id = 1; id < 3000; id++) shard.publish(queue, id, { bodyBytes: 900 });
    queue.vanish();
    assert.equal(shard.wheel.count, 0);
    assert.equal(shard.messages.count, 0);
    shard.queues.clear();
  });

  it('is written in chunks, each as large as one item needs', () => {
    const chunks: number[] = [];
    const kinds: number[] = [];
    const writer = new ImageWriter((chunk) => {
      chunks.push(chunk.words[0]);
      for (const { kind } of imageItems(chunk, 0)) kinds.push(kind);
    });
    for (const bytes of [100, 200_000, 200_000, 1_000_000, 10]) {
      writer.memory.bytes.fill(7, writer.item(ImageKind.dedup, [1, 2, 3, 4], bytes), 0);
    }
    writer.end();
    assert.deepEqual(kinds, [...new Array(5).fill(ImageKind.dedup), ImageKind.end]);
    assert.equal(chunks.length, 4);
    assert.ok(chunks.every((size) => size % 8 === 0));
  });

  it('that is cut short or mixed up is refused', () => {
    const queue = shard.queue();
    const importer = queue.importer((address) => address, shard.nowMs);
    const bad = new RecordMemory(new ArrayBuffer(128));
    bad.words[0] = 128;
    bad.words[16] = 1000;
    assert.throws(() => importer.add(bad, 0), /Cannot read the image of a queue/);
    const chunks: RecordMemory[] = [];
    const writer = new ImageWriter((chunk) => {
      const copy = new RecordMemory(new ArrayBuffer(chunk.words[0]));
      copy.bytes.set(chunk.bytes.subarray(0, chunk.words[0]));
      chunks.push(copy);
    });
    writer.item(ImageKind.end, [5, 0, 0, 0], 0);
    writer.end();
    assert.throws(() => importer.add(chunks[0], 0), /received 0 items, expected 5/);
  });
});
