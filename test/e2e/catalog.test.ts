import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeProcess } from './support/node-process.ts';

describe('queues declared at run time', function () {
  this.timeout(60_000);
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'ringmq-data-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const start = (): Promise<NodeProcess> =>
    NodeProcess.start({ args: ['--data-dir', folder], shards: 2, toml: '[[queues]]\nname = "fixed"\nlimit = 5\n' });

  async function declare(node: NodeProcess, name: string, options: object): Promise<void> {
    const init = {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name, ...options }),
    };
    await node.admin(`/api/v1/queues/${encodeURIComponent(name)}`, init);
  }

  async function names(node: NodeProcess): Promise<string[]> {
    const { queues } = await node.admin<{ queues: { name: string }[] }>('/api/v1/queues');
    return queues.map((queue) => queue.name);
  }

  it('are there after a restart and after kill -9, until they are deleted; but not idle ones', async () => {
    const first = await start();
    await declare(first, 'a/1', { topics: ['t'], limit: 7 });
    await declare(first, 'b', {});
    await declare(first, 'passing', { idleTtlMs: 60_000 });
    await first.stop('SIGKILL');
    const second = await start();
    assert.deepEqual(await names(second), ['a/1', 'b', 'fixed']);
    const { options } = await second.admin<{ options: { limit: number } }>('/api/v1/queues/a%2F1');
    assert.equal(options.limit, 7);
    await second.admin('/api/v1/queues/b', { method: 'DELETE' });
    await second.stop();
    const third = await start();
    assert.deepEqual(await names(third), ['a/1', 'fixed']);
    await third.stop();
  });

  it('cannot take the name of a queue of the config with other options', async () => {
    const node = await start();
    await assert.rejects(declare(node, 'fixed', { limit: 6 }), /409.*it exists with limit = 5, received 6/);
    await declare(node, 'fixed', { limit: 5 });
    await node.stop();
  });
});
