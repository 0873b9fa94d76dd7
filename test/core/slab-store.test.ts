import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type RecordMemory, WORD_SIZE } from '../../src/core/record.ts';
import { type Relocation, type Slab, SlabPool, SlabStore } from '../../src/core/slab-store.ts';
import { Shard } from './queue-fixture.ts';

interface Place {
  slab: Slab;
  offset: number;
}

/** A store whose records are known by number, each filled with its number. */
class Records implements Relocation {
  readonly pool = new SlabPool();
  readonly store = new SlabStore(this.pool);
  readonly places = new Map<number, Place>();

  add(message: number, bytes: number): void {
    const slab = this.store.allocate(message, bytes);
    const offset = slab.top - bytes;
    slab.memory.words[(offset >> 2) + WORD_SIZE] = bytes;
    slab.memory.words.fill(message, (offset >> 2) + 1, (offset + bytes) >> 2);
    this.places.set(message, { slab, offset });
  }

  drop(message: number): void {
    const { slab, offset } = this.places.get(message) as Place;
    this.places.delete(message);
    this.store.release(slab, offset);
  }

  relocate(message: number, slab: Slab, offset: number): void {
    assert.ok(this.places.has(message), `record ${message} was moved after its end`);
    this.places.set(message, { slab, offset });
  }

  check(): void {
    let live = 0;
    const slabs = new Set<Slab>();
    for (const [message, { slab, offset }] of this.places) {
      const { words } = slab.memory;
      const bytes = words[(offset >> 2) + WORD_SIZE];
      for (let word = (offset >> 2) + 1; word < (offset + bytes) >> 2; word++) assert.equal(words[word], message);
      live += bytes + 8;
      slabs.add(slab);
      assert.equal(this.pool.slabs[slab.number], slab);
    }
    assert.equal(this.store.liveBytes, live);
    assert.equal(this.pool.liveBytes, live);
    const used = [...slabs].reduce((sum, slab) => sum + slab.size, 0);
    assert.equal(this.store.usedBytes, used);
    assert.equal(this.pool.usedBytes, used);
  }
}

const KIB = 1024;

describe('SlabStore', () => {
  it('keeps writing to the same slab while little is held', () => {
    const records = new Records();
    const numbers = new Set<number>();
    for (let message = 0; message < 10_000; message++) {
      records.add(message, 128);
      numbers.add((records.places.get(message) as Place).slab.number);
      if (message >= 10) records.drop(message - 10);
    }
    assert.ok(numbers.size <= 3, `${numbers.size} slabs`);
    records.check();
  });

  it('makes slabs as large as what is held, up to 1 MiB', () => {
    const records = new Records();
    const sizes = new Set<number>();
    for (let message = 0; message < 50_000; message++) {
      records.add(message, 128);
      sizes.add((records.places.get(message) as Place).slab.size / KIB);
    }
    assert.deepEqual([...sizes], [4, 8, 16, 32, 64, 128, 256, 512, 1024]);
    assert.ok(records.store.usedBytes < records.store.liveBytes + KIB * KIB);
  });

  it('gives a large record a slab of its own, and others go on in theirs', () => {
    const records = new Records();
    records.add(0, 128);
    records.add(1, 4 * KIB * KIB);
    records.add(2, 128);
    const [small, large, next] = [0, 1, 2].map((message) => (records.places.get(message) as Place).slab);
    assert.equal(small, next);
    assert.equal(large.size, 4 * KIB * KIB + 8);
    records.drop(1);
    records.check();
    assert.equal(records.pool.spareBytes, 0);
  });

  it('gives everything back when nothing is held', () => {
    const records = new Records();
    for (let message = 0; message < 1000; message++) records.add(message, 800);
    for (let message = 0; message < 1000; message++) records.drop(message);
    assert.equal(records.store.usedBytes, 0);
    assert.equal(records.pool.usedBytes, 0);
  });

  it('keeps a bounded number of spare slabs', () => {
    const records = new Records();
    for (let message = 0; message < 40_000; message++) records.add(message, 1016);
    for (let message = 0; message < 40_000; message++) records.drop(message);
    assert.ok(records.pool.spareBytes > 0 && records.pool.spareBytes <= 8 * KIB * KIB);
  });

  it('moves a few records that live long together, so that they do not hold everything', () => {
    const records = new Records();
    for (let message = 0; message < 40_000; message++) records.add(message, 1016);
    for (let message = 0; message < 40_000; message++) if (message % 100 !== 0) records.drop(message);
    assert.ok(records.store.wasteful);
    let moves = 0;
    for (; records.store.wasteful; moves++) records.store.tidy(records);
    records.check();
    assert.equal(records.places.size, 400);
    assert.ok(records.store.usedBytes < 4 * 400 * KIB + 8 * KIB, `${records.store.usedBytes} bytes`);
    assert.ok(moves < 60, `${moves} slabs were moved`);
  });

  it('empties a large current slab as well', () => {
    const records = new Records();
    for (let message = 0; message < 20_000; message++) records.add(message, 248);
    for (let message = 0; message < 19_999; message++) records.drop(message);
    while (records.store.wasteful) records.store.tidy(records);
    assert.equal(records.store.usedBytes, 4 * KIB);
    records.check();
  });

  it('moves nothing while a long queue is published to and consumed in order', () => {
    const records = new Records();
    for (let message = 0; message < 100_000; message++) {
      records.add(message, 128);
      if (message >= 30_000) records.drop(message - 30_000);
      if (message > 40_000) assert.ok(!records.store.wasteful);
    }
  });

  it('keeps every record whole through any order of additions, ends and moves', () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ bytes: fc.constantFrom(64, 128, 1000, 5000, 300_000, 700_000) }) },
      { weight: 5, arbitrary: fc.record({ drop: fc.nat() }) },
      { weight: 1, arbitrary: fc.record({ dropMost: fc.constantFrom(2, 10) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100, size: 'max' }), (steps) => {
        const records = new Records();
        let next = 0;
        for (const given of steps) {
          if ('bytes' in given) records.add(next++, given.bytes);
          else if ('drop' in given && records.places.size > 0) {
            records.drop([...records.places.keys()][given.drop % records.places.size]);
          } else if ('dropMost' in given) {
            for (const message of [...records.places.keys()]) if (message % given.dropMost !== 0) records.drop(message);
          }
          if (records.store.wasteful) records.store.tidy(records);
        }
        records.check();
        for (const message of [...records.places.keys()]) records.drop(message);
        assert.equal(records.pool.usedBytes, 0);
      }),
      { numRuns: 100 },
    );
  });
});

describe('records of a queue', () => {
  it('may move between two calls, and are still found, delivered and acked', () => {
    const shard = new Shard();
    const queue = shard.queue({ ackTimeoutMs: 0 });
    shard.subscribe(queue, 100, 2000);
    for (let id = 0; id < 2000; id++) shard.publish(queue, id, { bodyBytes: 1000 });
    const before = shard.messages.slabs.usedBytes;
    for (let id = 0; id < 2000; id++) if (id % 100 !== 0) shard.ack(queue, id);
    assert.ok(shard.messages.slabs.usedBytes * 10 < before, `${shard.messages.slabs.usedBytes} of ${before} bytes`);
    queue.unsubscribe(100, shard.nowMs);
    shard.take();
    shard.subscribe(queue, 101, 2000);
    assert.deepEqual(
      shard.take(),
      Array.from({ length: 20 }, (_, index) => `deliver ${index * 100} to 101`),
    );
    for (let id = 0; id < 2000; id += 100) assert.equal(shard.ack(queue, id), 0);
    assert.equal(shard.messages.slabs.usedBytes, 0);
    shard.assertBalanced();
  });

  it('are not moved while an effect looks at them', () => {
    const shard = new Shard();
    const queue = shard.queue({ ackTimeoutMs: 0 });
    for (let id = 0; id < 3000; id++) shard.publish(queue, id, { bodyBytes: 1000 });
    shard.onDeliver = (_queue, _address, id) => {
      const memory: RecordMemory = shard.messages.memory(0);
      const offset = shard.messages.offset(0);
      if (id % 1000 !== 0) shard.ack(queue, id);
      assert.equal(shard.messages.memory(0), memory);
      assert.equal(shard.messages.offset(0), offset);
    };
    shard.subscribe(queue, 100, 3000);
    assert.equal(queue.inFlightCount, 3);
    shard.onDeliver = () => {};
    shard.ack(queue, 1000);
    assert.ok(shard.messages.slabs.usedBytes < 1024 * KIB * 2);
    shard.assertBalanced();
  });
});
