import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { MESSAGE_BYTES_CEILING, RING_BYTES, RING_CHUNK_BYTES_MAX } from '../../src/base/limits.ts';
import { createMesh, Mailbox, type MailboxHandler } from '../../src/thread/mailbox.ts';
import { RingConsumer, RingProducer, type SharedBytes } from '../../src/thread/ring.ts';
import { until } from '../e2e/support/until.ts';

function record(size: number, tag: number): SharedBytes {
  const buffer = new ArrayBuffer(size);
  const words = new Int32Array(buffer).fill(tag);
  words[0] = size;
  return { bytes: Buffer.from(buffer), words, doubles: new Float64Array(buffer) };
}

interface Got {
  readonly words: number[];
  readonly size: number;
  readonly tag: number;
}

/** Two mailboxes on this thread: the second collects what the first sends. */
function pair(): { sender: Mailbox; receiver: Mailbox; got: Got[]; rooms: () => number } {
  const mesh = createMesh(2);
  const got: Got[] = [];
  let rooms = 0;
  const idle: MailboxHandler = {
    receive: () => {},
    room: () => {
      rooms++;
    },
  };
  const collect: MailboxHandler = {
    receive: (from, operation, target, a, b, c, d, e, memory, offset) => {
      const size = offset < 0 ? 0 : memory.words[offset >> 2];
      const tag = size > 4 ? memory.words[(offset + size - 4) >> 2] : 0;
      got.push({ words: [from, operation, target, a, b, c, d, e], size, tag });
    },
    room: () => {},
  };
  return {
    sender: new Mailbox({ self: 0, mesh, handler: idle }),
    receiver: new Mailbox({ self: 1, mesh, handler: collect }),
    got,
    rooms: () => rooms,
  };
}

/** Takes all envelopes that are published; returns their number. */
function drain(consumer: RingConsumer): number {
  let count = 0;
  for (let offset = consumer.next(); offset >= 0; offset = consumer.next()) {
    consumer.skip(consumer.memory.words[offset >> 2]);
    count++;
  }
  return count;
}

describe('Mailbox', () => {
  it('hands envelopes over as they were posted, with and without a record', async () => {
    const { sender, receiver, got } = pair();
    receiver.start();
    sender.post(1, 7, 1, 2, -3, 4, 5, 6);
    sender.postRecord(1, 8, 1, 2, 3, 4, 5, 6, record(72, 9), 0);
    assert.equal(got.length, 0);
    sender.flush();
    await until(() => got.length === 2);
    assert.deepEqual(got, [
      { words: [0, 7, 1, 2, -3, 4, 5, 6], size: 0, tag: 0 },
      { words: [0, 8, 1, 2, 3, 4, 5, 6], size: 72, tag: 9 },
    ]);
    receiver.stop();
  });

  it('carries records of every size up to the largest, in order, the large ones in parts', async () => {
    const { sender, receiver, got } = pair();
    const sizes = [64, 1024, RING_BYTES / 4, RING_BYTES / 4 + 8, RING_BYTES / 2, RING_BYTES, MESSAGE_BYTES_CEILING];
    sender.start();
    receiver.start();
    sizes.forEach((size, index) => {
      sender.postRecord(1, 1, index, 0, 0, 0, 0, 0, record(size, 100 + index), 0);
    });
    sender.flush();
    await until(() => got.length === sizes.length);
    assert.deepEqual(
      got.map(({ size }) => size),
      sizes,
    );
    assert.deepEqual(
      got.map(({ tag }) => tag),
      sizes.map((_, index) => 100 + index),
    );
    for (const mailbox of [sender, receiver]) mailbox.stop();
  });

  it('keeps what a full ring does not take, in order, says so, and says when there is room again', async () => {
    const { sender, receiver, got, rooms } = pair();
    sender.start();
    const count = 60_000;
    let stoppedAt = -1;
    for (let index = 0; index < count; index++) {
      sender.post(1, 1, index, 0, 0, 0, 0, 0);
      if (stoppedAt < 0 && !sender.hasRoom(1)) stoppedAt = index;
    }
    sender.postRecord(1, 1, count, 0, 0, 0, 0, 0, record(64, 1), 0);
    sender.flush();
    assert.ok(stoppedAt > 0 && stoppedAt < RING_BYTES / 32);
    assert.equal(rooms(), 0);
    receiver.start();
    await until(() => got.length === count + 1 && rooms() === 1);
    assert.ok(got.every(({ words }, index) => words[2] === index));
    assert.ok(sender.hasRoom(1));
    assert.equal(sender.ring(1).overflowBytes, 0);
    for (const mailbox of [sender, receiver]) mailbox.stop();
  });

  it('neither blocks nor hides it when the other side never reads', async () => {
    const { sender } = pair();
    sender.start();
    for (let index = 0; index < 100_000 && sender.hasRoom(1); index++) {
      sender.post(1, 1, index, 0, 0, 0, 0, 0);
      if (index % 1000 === 0) sender.flush();
    }
    await turn();
    const { usedBytes, overflowBytes } = sender.ring(1);
    assert.equal(sender.hasRoom(1), false);
    assert.ok(usedBytes >= (RING_BYTES / 4) * 3 && usedBytes <= RING_BYTES);
    assert.equal(overflowBytes, 0);
    sender.stop();
  });

  it('does not starve other work while a ring is never empty', async () => {
    const { sender, receiver, got } = pair();
    receiver.start();
    let turns = 0;
    for (let index = 0; index < 50_000; index++) sender.post(1, 1, index, 0, 0, 0, 0, 0);
    sender.flush();
    while (got.length < 50_000) {
      await turn();
      turns++;
    }
    assert.ok(turns > 20, `${turns} turns`);
    receiver.stop();
  });

  it('goes on with an overflow whose ring was emptied before it could ask for room', async () => {
    const mesh = createMesh(2);
    const consumer = new RingConsumer(mesh.rings[1] as SharedArrayBuffer);
    const sender = new Mailbox({ self: 0, mesh, handler: { receive: () => {}, room: () => {} } });
    sender.start();
    const count = 70_000;
    for (let index = 0; index < count; index++) sender.post(1, 1, index, 0, 0, 0, 0, 0);
    assert.ok(sender.ring(1).overflowBytes > 0);
    // The other thread empties the ring after the overflow was tried and before the wish for room is stored.
    const wantRoom = RingProducer.prototype.wantRoom;
    let got = 0;
    RingProducer.prototype.wantRoom = function (this: RingProducer) {
      got += drain(consumer);
      assert.equal(consumer.release(), false, 'nobody has asked, so nobody is rung');
      wantRoom.call(this);
    };
    try {
      sender.flush();
    } finally {
      RingProducer.prototype.wantRoom = wantRoom;
    }
    got += drain(consumer);
    assert.equal(got, count);
    sender.stop();
  });

  it('lets nothing small overtake a large record that waits for room', async () => {
    const { sender, receiver, got } = pair();
    sender.start();
    const large = record(RING_CHUNK_BYTES_MAX, 1);
    for (let index = 0; index < 4; index++) sender.postRecord(1, 1, index, 0, 0, 0, 0, 0, large, 0);
    sender.post(1, 1, 4, 0, 0, 0, 0, 0);
    sender.postRecord(1, 1, 5, 0, 0, 0, 0, 0, record(64, 1), 0);
    assert.equal(sender.ring(1).overflowBytes, RING_CHUNK_BYTES_MAX + 64 + 3 * 32);
    sender.flush();
    receiver.start();
    await until(() => got.length === 6);
    assert.deepEqual(
      got.map(({ words }) => words[2]),
      [0, 1, 2, 3, 4, 5],
    );
    for (const mailbox of [sender, receiver]) mailbox.stop();
  });

  it('sends what room() posts with the flush that told it', () => {
    const mesh = createMesh(3);
    const [first, second] = [1, 2].map((to) => new RingConsumer(mesh.rings[to] as SharedArrayBuffer));
    let rooms = 0;
    const room = (): void => {
      rooms++;
      sender.post(1, 1, 0, 0, 0, 0, 0, 0);
    };
    const sender: Mailbox = new Mailbox({ self: 0, mesh, handler: { receive: () => {}, room } });
    while (sender.hasRoom(2)) sender.post(2, 1, 0, 0, 0, 0, 0, 0);
    sender.flush();
    assert.deepEqual([rooms, drain(first)], [0, 0]);
    drain(second);
    assert.equal(second.release(), true);
    sender.flush();
    assert.deepEqual([rooms, drain(first)], [1, 1]);
    sender.stop();
  });

  it('does not tell room() again from within room()', () => {
    const mesh = createMesh(2);
    const consumer = new RingConsumer(mesh.rings[1] as SharedArrayBuffer);
    let depth = 0;
    let rooms = 0;
    const room = (): void => {
      assert.equal(++depth, 1);
      if (rooms++ < 3) fill();
      depth--;
    };
    const sender: Mailbox = new Mailbox({ self: 0, mesh, handler: { receive: () => {}, room } });
    const fill = (): void => {
      while (sender.hasRoom(1)) sender.post(1, 1, 0, 0, 0, 0, 0, 0);
      sender.flush();
      drain(consumer);
      consumer.release();
      sender.flush();
    };
    fill();
    for (let turns = 0; turns < 5; turns++) sender.flush();
    assert.equal(rooms, 4);
    assert.ok(sender.hasRoom(1));
    sender.stop();
  });
});
