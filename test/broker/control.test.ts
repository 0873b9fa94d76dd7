import assert from 'node:assert/strict';
import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import { BrokerError } from '../../src/base/errors.ts';
import { WriterCatalog } from '../../src/broker/catalog-client.ts';
import { queueOptions } from '../../src/core/queue-options.ts';
import { FakeShard } from './fake-shard.ts';

const gone = (who: string) => (error: unknown) =>
  error instanceof BrokerError && error.code === 'unavailable' && error.message === `The ${who} has stopped`;

describe('ControlClient', () => {
  it('resolves with the answer, and rejects with the error of the shard', async () => {
    const shard = new FakeShard();
    shard.answers.set('delete', () => ({ purged: 7 }));
    assert.deepEqual(await shard.client.call('delete', { number: 1, only: 'always' }), { purged: 7 });
    shard.answers.set('pause', () => {
      throw new BrokerError('not-found', 'The queue was deleted');
    });
    await assert.rejects(shard.client.call('pause', { number: 1 }), { code: 'not-found', message: /was deleted/ });
    shard.client.close();
  });

  it('rejects what waits when the shard dies, and what is asked after that at once', async () => {
    const shard = new FakeShard();
    shard.answers.set('pause', () => new Promise(() => {}));
    const waiting = [1, 2].map((number) => assert.rejects(shard.client.call('pause', { number }), gone('shard')));
    shard.die();
    await Promise.all(waiting);
    await assert.rejects(shard.client.call('pause', { number: 3 }), gone('shard'));
  });

  it('rejects what waits and what comes later when main has closed it', async () => {
    const shard = new FakeShard();
    shard.answers.set('pause', () => new Promise(() => {}));
    const waiting = assert.rejects(shard.client.call('pause', { number: 1 }), gone('shard'));
    shard.client.close();
    await waiting;
    await assert.rejects(shard.client.call('pause', { number: 2 }), gone('shard'));
  });
});

describe('WriterCatalog', () => {
  it('rejects what waits when the writer dies and what comes later; it then counts as stopped', async () => {
    const { port1, port2 } = new MessageChannel();
    const catalog = new WriterCatalog(port1);
    const waiting = [
      assert.rejects(catalog.load(), gone('writer')),
      assert.rejects(catalog.delete('q'), gone('writer')),
      catalog.stop(),
    ];
    port2.close();
    await Promise.all(waiting);
    await assert.rejects(catalog.put(queueOptions({ name: 'q' })), gone('writer'));
    await catalog.stop();
  });

  it('tells that the disk failed', async () => {
    const { port1, port2 } = new MessageChannel();
    const catalog = new WriterCatalog(port1);
    const put = assert.rejects(catalog.put(queueOptions({ name: 'q' })), { code: 'internal', message: /disk full/ });
    const [{ id }] = (await once(port2, 'message')) as [{ id: number }];
    port2.postMessage({ id, error: 'disk full' });
    await put;
    port2.close();
  });
});
