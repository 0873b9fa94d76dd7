import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { constants } from 'node:os';
import { Worker } from 'node:worker_threads';
import { native, nativeMissing } from '../../native/index.ts';
import { type NativeFunctions, twins } from '../../native/twins.ts';
import { until } from '../e2e/support/until.ts';

/** A connected pair: the descriptor to send on, and what the other end receives. */
async function connection(): Promise<{ fd: number; received: () => string; peer: Socket; close: () => void }> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const peer = connect(port, '127.0.0.1');
  peer.on('error', () => {});
  const socket = await accepted;
  socket.on('error', () => {});
  let text = '';
  peer.on('data', (chunk) => {
    text += chunk.toString();
  });
  const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
  const close = (): void => {
    peer.destroy();
    socket.destroy();
    server.close();
  };
  return { fd, received: () => text, peer, close };
}

const forms: [string, NativeFunctions][] = [['the twin', twins]];
if (native !== undefined) forms.push(['the native function', native]);

describe('native helper', () => {
  it('is there, or says why not', () => {
    assert.ok(native !== undefined || nativeMissing.length > 0);
  });

  for (const [name, functions] of forms) {
    it(`sendBatch: ${name} sends each piece to its descriptor and says how much was taken`, async () => {
      const ends = [await connection(), await connection()];
      const results = new Int32Array(3);
      const fds = Int32Array.of(ends[0].fd, ends[1].fd, ends[0].fd);
      functions.sendBatch(fds, Buffer.from('onetwo!three'), Int32Array.of(3, 7, 12), results);
      assert.deepEqual([...results], [3, 4, 5]);
      await until(() => ends[0].received() === 'onethree' && ends[1].received() === 'two!');
      for (const end of ends) end.close();
    });

    it(`sendBatch: ${name} gives a full socket and a closed one as negative errno, and goes on`, async () => {
      const [slow, good] = [await connection(), await connection()];
      slow.peer.pause();
      const results = new Int32Array(3);
      const bytes = Buffer.alloc(1 << 20);
      for (let count = 0; count < 100 && results[0] >= 0; count++) {
        functions.sendBatch(Int32Array.of(slow.fd), bytes, Int32Array.of(bytes.length), results);
      }
      assert.equal(results[0], -constants.errno.EAGAIN);
      functions.sendBatch(Int32Array.of(slow.fd, 9999, good.fd), Buffer.from('abc'), Int32Array.of(1, 2, 3), results);
      assert.deepEqual([...results], [-constants.errno.EAGAIN, -constants.errno.EBADF, 1]);
      for (const end of [slow, good]) end.close();
    });
  }

  if (native === undefined) return;
  const helper = native;

  it('refuses a batch whose ends do not fit its bytes', () => {
    assert.throws(
      () => helper.sendBatch(Int32Array.of(1), Buffer.alloc(2), Int32Array.of(3), new Int32Array(1)),
      /ends must grow/,
    );
    assert.throws(
      () => helper.sendBatch(Int32Array.of(1, 2), Buffer.alloc(2), Int32Array.of(1), new Int32Array(2)),
      /expected Int32Array/,
    );
    assert.throws(
      () => helper.sendBatch([] as never, Buffer.alloc(2), Int32Array.of(1), new Int32Array(2)),
      /expected Int32Array/,
    );
  });

  it('names and pins the thread that asks, and no other', async () => {
    const file = new URL('./support/named-worker.ts', import.meta.url);
    const worker = new Worker(file);
    const { name, cores } = await new Promise<{ name: string; cores: string }>((resolve) =>
      worker.once('message', resolve),
    );
    await worker.terminate();
    assert.deepEqual([name, cores], ['ringmq-test', '0']);
    assert.notEqual(readFileSync('/proc/self/comm', 'utf8').trim(), 'ringmq-test');
    assert.equal(helper.pinThread(-1), false);
  });

  it('rings a doorbell of another thread, and none after its thread has ended', async () => {
    const file = new URL('./support/bell-worker.ts', import.meta.url);
    for (let round = 0; round < 5; round++) {
      const worker = new Worker(file);
      const number = await new Promise<number>((resolve) => worker.once('message', resolve));
      const rung = new Promise((resolve) => worker.once('message', resolve));
      assert.equal(helper.ringDoorbell(number), true);
      assert.equal(await rung, 'rung');
      await worker.terminate();
      assert.equal(helper.ringDoorbell(number), false);
    }
    assert.equal(helper.ringDoorbell(-1), false);
    assert.equal(helper.ringDoorbell(100_000), false);
  });
});
