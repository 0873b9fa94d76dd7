import assert from 'node:assert/strict';
import fc from 'fast-check';
import { RING_BYTES, RING_CHUNK_BYTES_MAX } from '../../src/base/limits.ts';
import { RingConsumer, RingProducer } from '../../src/thread/ring.ts';
import {
  ENVELOPE_BYTES,
  RING_HEADER_BYTES,
  RING_MEMORY_BYTES,
  RING_ROOM_BYTES,
  WORD_HEAD,
  WORD_TAIL,
} from '../../src/thread/ring-layout.ts';

/** A ring whose positions begin at `start`. */
function makeRing(start = 0): { producer: RingProducer; consumer: RingConsumer; memory: SharedArrayBuffer } {
  const memory = new SharedArrayBuffer(RING_MEMORY_BYTES);
  const words = new Int32Array(memory);
  words[WORD_HEAD] = words[WORD_TAIL] = start;
  return { producer: new RingProducer(memory), consumer: new RingConsumer(memory), memory };
}

/** Writes an envelope whose words after the size all hold `tag`; false when there is no room. */
function write(producer: RingProducer, size: number, tag: number): boolean {
  const offset = producer.reserve(size);
  if (offset < 0) return false;
  const { words } = producer.memory;
  words[offset >> 2] = size;
  words.fill(tag, (offset >> 2) + 1, (offset + size) >> 2);
  producer.commit(size);
  return true;
}

/** Reads one envelope and checks that it is whole; undefined when there is none. */
function read(consumer: RingConsumer): { size: number; tag: number } | undefined {
  const offset = consumer.next();
  if (offset < 0) return undefined;
  const { words } = consumer.memory;
  const size = words[offset >> 2];
  const tag = words[(offset >> 2) + 1];
  assert.ok(words.subarray((offset >> 2) + 1, (offset + size) >> 2).every((word) => word === tag));
  consumer.skip(size);
  return { size, tag };
}

const command = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      size: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: Math.floor(RING_BYTES / 24) })),
    }),
  },
  // More writes than reads, so that the ring is nearly full most of the time.
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('read' as const), size: fc.constant(0) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('publish' as const), size: fc.constant(0) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('release' as const), size: fc.constant(0) }) },
);

describe('ring', () => {
  it('behaves as a queue that shows what is published and refuses what does not fit', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 400, size: 'max' }), fc.nat(RING_BYTES / 8), (commands, start) => {
        const { producer, consumer } = makeRing(start * 8);
        const written: { size: number; tag: number }[] = [];
        /** Bytes that each took, with the padding before it. */
        const taken: number[] = [];
        let at = (start * 8) % RING_BYTES;
        let published = 0;
        let readCount = 0;
        let released = 0;
        for (const { kind, size } of commands) {
          if (kind === 'write') {
            const bytes = size * 8;
            const used = taken.slice(released).reduce((sum, each) => sum + each, 0);
            const padding = RING_BYTES - at < bytes ? RING_BYTES - at : 0;
            const fits = write(producer, bytes, written.length);
            assert.equal(fits, used + padding + bytes <= RING_BYTES);
            if (!fits) continue;
            written.push({ size: bytes, tag: written.length });
            taken.push(padding + bytes);
            at = (at + padding + bytes) % RING_BYTES;
          } else if (kind === 'publish') {
            assert.equal(producer.publish(), published < written.length);
            published = written.length;
          } else if (kind === 'read') {
            const got = read(consumer);
            assert.deepEqual(got, readCount < published ? written[readCount] : undefined);
            if (got !== undefined) readCount++;
          } else {
            consumer.release();
            released = readCount;
          }
        }
      }),
      { numRuns: 60 * Number(process.env.RINGMQ_TEST_SCALE ?? 1) },
    );
  });

  it('wraps at every alignment', () => {
    for (let first = 8; first <= 128; first += 8) {
      const { producer, consumer } = makeRing();
      assert.ok(write(producer, first, 1));
      for (let round = 0, tag = 2; round < 4; round++) {
        for (; write(producer, 96, tag); tag++);
        producer.publish();
        for (let got = read(consumer); got !== undefined; got = read(consumer)) assert.ok(got.tag < tag);
        consumer.release();
        assert.equal(producer.usedBytes(), 0);
      }
    }
  });

  it('writes over nothing unread when the padding before the wrap takes the room', () => {
    const { producer, consumer } = makeRing();
    const sizes = [64, RING_BYTES / 2, RING_BYTES / 2 - 128];
    sizes.forEach((size, tag) => {
      assert.ok(write(producer, size, tag));
    });
    producer.publish();
    read(consumer);
    consumer.release();
    // 64 bytes are free at the end and 64 at the start: 72 fit neither.
    assert.equal(write(producer, 72, 3), false);
    assert.ok(write(producer, 64, 3));
    assert.ok(write(producer, 64, 4));
    producer.publish();
    for (let tag = 1; tag < 5; tag++) assert.equal(read(consumer)?.tag, tag);
    assert.equal(read(consumer), undefined);
  });

  it('keeps its order when positions pass 2^32', () => {
    const { producer, consumer } = makeRing(-64);
    for (let tag = 0; tag < 1000; tag++) {
      assert.ok(write(producer, 40, tag));
      producer.publish();
      assert.deepEqual(read(consumer), { size: 40, tag });
      consumer.release();
    }
    assert.equal(producer.usedBytes(), 0);
  });

  it('is full at its size, and has room again when the consumer has released', () => {
    const { producer, consumer } = makeRing();
    const half = RING_BYTES / 2;
    assert.ok(write(producer, half, 1));
    assert.ok(write(producer, half, 2));
    assert.equal(write(producer, 8, 3), false);
    producer.publish();
    read(consumer);
    assert.equal(write(producer, 8, 3), false);
    consumer.release();
    assert.ok(write(producer, half, 3));
    assert.equal(producer.usedBytesMax(), RING_BYTES);
  });

  it('tells the consumer once that room is wanted', () => {
    const { producer, consumer } = makeRing();
    for (let tag = 0; tag < 3; tag++) write(producer, 32, tag);
    producer.publish();
    read(consumer);
    assert.equal(consumer.release(), false);
    producer.wantRoom();
    read(consumer);
    assert.equal(consumer.release(), true);
    read(consumer);
    assert.equal(consumer.release(), false);
  });

  it('tells the consumer of the wish only when there is room for any envelope', () => {
    const { producer, consumer } = makeRing();
    const size = RING_BYTES / 16;
    for (let tag = 0; tag < 16; tag++) assert.ok(write(producer, size, tag));
    producer.publish();
    producer.wantRoom();
    let releases = 0;
    do {
      read(consumer);
      releases++;
    } while (!consumer.release());
    assert.ok(producer.usedBytes() <= RING_ROOM_BYTES && producer.usedBytes() + size > RING_ROOM_BYTES);
    assert.ok(releases >= 8);
    assert.ok(write(producer, RING_CHUNK_BYTES_MAX + ENVELOPE_BYTES, 16));
  });

  it('asserts that sizes keep the alignment, and that an envelope finds room wherever the ring stands', () => {
    const { producer } = makeRing();
    assert.throws(() => producer.reserve(12), /aligned to 8 bytes/);
    assert.throws(() => producer.reserve(RING_BYTES / 2 + 8), /half of the ring/);
    assert.equal(producer.reserve(8), RING_HEADER_BYTES);
  });
});
