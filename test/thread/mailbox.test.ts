import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { MESSAGE_BYTES_MAX, RING_BYTES } from '../../src/base/limits.ts';
import { createMesh, Mailbox, type MailboxHandler } from '../../src/thread/mailbox.ts';
import type { SharedBytes } from '../../src/thread/ring.ts';
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
    const sizes = [64, 1024, RING_BYTES / 4, RING_BYTES / 4 + 8, RING_BYTES / 2, RING_BYTES, MESSAGE_BYTES_MAX];
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

  it('moves millions of records between two threads, through full rings and parts, losing none', async function () {
    this.timeout(120_000);
    const count = 3_000_000 * Number(process.env.RINGMQ_TEST_SCALE ?? 1);
    const mesh = createMesh(2);
    const file = new URL('./support/echo-worker.ts', import.meta.url);
    const workers = [0, 1].map((self) => new Worker(file, { workerData: { mesh, self, count } }));
    const results = await Promise.all(
      workers.map(
        (worker) =>
          new Promise<{ received: number; bytes: number }>((resolve, reject) => {
            worker.once('message', resolve);
            worker.once('error', reject);
          }),
      ),
    );
    await Promise.all(workers.map((worker) => worker.terminate()));
    assert.deepEqual(
      results.map(({ received }) => received),
      [count, count],
    );
    assert.equal(results[0].bytes, results[1].bytes);
  });

  it('loses no wake-up over many thousand single envelopes between sleeping threads', async function () {
    this.timeout(120_000);
    const count = 20_000 * Number(process.env.RINGMQ_TEST_SCALE ?? 1);
    const mesh = createMesh(2);
    const file = new URL('./support/ping-worker.ts', import.meta.url);
    const workers = [0, 1].map((self) => new Worker(file, { workerData: { mesh, self, count } }));
    await new Promise((resolve, reject) => {
      workers[0].once('message', resolve);
      for (const worker of workers) worker.once('error', reject);
    });
    await Promise.all(workers.map((worker) => worker.terminate()));
  });
});
