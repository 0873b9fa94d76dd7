import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { native } from '../../native/index.ts';
import { RING_BYTES } from '../../src/base/limits.ts';
import { createMesh, Mailbox, type Mesh } from '../../src/thread/mailbox.ts';

const SCALE = Number(process.env.RINGMQ_TEST_SCALE ?? 1);

/** What RINGMQ_NATIVE is on the threads, by the doorbell they then have. */
const forms: [string, string][] = [['TypeScript', '0']];
if (native !== undefined) forms.push(['native', '1']);

interface StartOptions {
  readonly mesh: Mesh;
  readonly form: string;
  readonly selves: readonly number[];
  readonly data?: object;
}

function start(name: string, { mesh, form, selves, data }: StartOptions): Worker[] {
  const file = new URL(`./support/${name}.ts`, import.meta.url);
  const env = { ...process.env, RINGMQ_NATIVE: form };
  return selves.map((self) => new Worker(file, { workerData: { ...data, mesh, self }, env }));
}

/** The next message of a thread, or its failure. */
function message<Message>(worker: Worker): Promise<Message> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

async function end(workers: readonly Worker[]): Promise<void> {
  await Promise.all(workers.map((worker) => worker.terminate()));
}

for (const [name, form] of forms) {
  describe(`Mailbox on threads, ${name} doorbell`, function () {
    this.timeout(120_000);

    it('moves millions of records between two threads, through full rings and parts, losing none', async () => {
      const count = 1_500_000 * SCALE;
      const workers = start('echo-worker', { mesh: createMesh(2), form, selves: [0, 1], data: { count } });
      const results = await Promise.all(workers.map((worker) => message<{ received: number; bytes: number }>(worker)));
      await end(workers);
      assert.deepEqual(
        results.map(({ received }) => received),
        [count, count],
      );
      assert.equal(results[0].bytes, results[1].bytes);
    });

    it('loses no wake-up over many thousand single envelopes between sleeping threads', async () => {
      const workers = start('ping-worker', {
        mesh: createMesh(2),
        form,
        selves: [0, 1],
        data: { count: 10_000 * SCALE },
      });
      await Promise.race(workers.map((worker) => message(worker)));
      await end(workers);
    });

    it('loses no wake-up in a storm of many threads that ring the same bells', async () => {
      const count = 5_000 * SCALE;
      const selves = [0, 1, 2, 3];
      const workers = start('storm-worker', { mesh: createMesh(4), form, selves, data: { count } });
      const results = await Promise.all(workers.map((worker) => message<{ received: number[] }>(worker)));
      await end(workers);
      results.forEach(({ received }, self) => {
        assert.deepEqual(
          received,
          selves.map((from) => (from === self ? 0 : count)),
        );
      });
    });

    it('neither hangs nor hides it when the other thread dies, asleep or at work', async () => {
      for (let round = 0; round < 5; round++) {
        const mesh = createMesh(2);
        const mailbox = new Mailbox({ self: 0, mesh, handler: { receive: () => {}, room: () => {} } });
        mailbox.start();
        const workers = start('waiting-worker', { mesh, form, selves: [1], data: { mode: 'listening' } });
        assert.equal(await message(workers[0]), 'started');
        const death = end(workers);
        // While it dies, and then for some more: what a caller may post that stops when it is told.
        for (let posted = 0; posted < 200_000 && mailbox.hasRoom(1); posted++) {
          mailbox.post(1, 1, posted, 0, 0, 0, 0, 0);
          if (posted % 100 === 0) {
            mailbox.flush();
            if (posted % 1000 === 0) await turn();
          }
        }
        await death;
        while (mailbox.hasRoom(1)) mailbox.post(1, 1, 0, 0, 0, 0, 0, 0);
        mailbox.flush();
        assert.equal(mailbox.ring(1).overflowBytes, 0);
        assert.ok(mailbox.ring(1).usedBytes >= RING_BYTES / 2);
        // Who goes on all the same, as answers do, fills the overflow, which shows.
        for (let posted = 0; posted < 40_000; posted++) mailbox.post(1, 1, 0, 0, 0, 0, 0, 0);
        mailbox.flush();
        assert.ok(mailbox.ring(1).overflowBytes > 0 && mailbox.ring(1).fulls > 0);
        mailbox.stop();
      }
    });

    it('ends the thread when the handler throws, from a ring too', async () => {
      const mesh = createMesh(2);
      const mailbox = new Mailbox({ self: 0, mesh, handler: { receive: () => {}, room: () => {} } });
      const [worker] = start('waiting-worker', { mesh, form, selves: [1], data: { mode: 'throwing' } });
      assert.equal(await message(worker), 'started');
      const failed = message(worker);
      mailbox.post(1, 1, 1, 0, 0, 0, 0, 0);
      mailbox.flush();
      await assert.rejects(failed, /thrown by the handler/);
      await end([worker]);
      mailbox.stop();
    });

    it('keeps no thread alive that has nothing else, waiting or stopped', async () => {
      for (const mode of ['alone', 'listening']) {
        const [worker] = start('waiting-worker', { mesh: createMesh(2), form, selves: [1], data: { mode } });
        const ended = new Promise((resolve) => worker.once('exit', resolve));
        assert.equal(await message(worker), 'started');
        worker.postMessage('stop');
        assert.equal(await ended, 0);
      }
    });
  });
}
