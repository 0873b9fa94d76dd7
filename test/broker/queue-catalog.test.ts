import assert from 'node:assert/strict';
import { BrokerError } from '../../src/base/errors.ts';
import type { CatalogClient } from '../../src/broker/catalog-client.ts';
import { NodeControl } from '../../src/broker/node-control.ts';
import { ShardPlacement } from '../../src/broker/placement.ts';
import { QueueCatalog } from '../../src/broker/queue-catalog.ts';
import { type QueueOptions, queueOptions } from '../../src/core/queue-options.ts';
import { FakeShard } from './fake-shard.ts';

const SHARDS = 3;

/** A store in memory whose disk can fail. */
class FakeStore implements CatalogClient {
  readonly queues = new Map<string, QueueOptions>();
  failing = false;

  async load(): Promise<QueueOptions[]> {
    return [...this.queues.values()];
  }
  async put(options: QueueOptions): Promise<void> {
    this.#disk();
    this.queues.set(options.name, options);
  }
  async delete(name: string): Promise<void> {
    this.#disk();
    this.queues.delete(name);
  }
  async stop(): Promise<void> {}

  #disk(): void {
    if (this.failing) throw new BrokerError('internal', 'Cannot write the catalog: disk full');
  }
}

describe('QueueCatalog', () => {
  const q = queueOptions({ name: 'q' });
  let shards: FakeShard[];
  let store: FakeStore;
  let catalog: QueueCatalog;
  let owner: FakeShard;
  let others: FakeShard[];

  beforeEach(() => {
    const placement = new ShardPlacement(SHARDS);
    shards = Array.from({ length: SHARDS }, () => new FakeShard());
    store = new FakeStore();
    catalog = new QueueCatalog({ shards: shards.map(({ client }) => client), placement, store, cluster: undefined });
    owner = shards[placement.shardOf('q')];
    others = shards.filter((shard) => shard !== owner);
  });
  afterEach(() => {
    for (const { client } of shards) client.close();
  });

  /** Neither main nor a shard has a queue. */
  function assertEmpty(): void {
    assert.equal(catalog.count, 0);
    assert.throws(() => catalog.get('q'), { code: 'not-found' });
    for (const shard of shards) assert.deepEqual(shard.queues, []);
  }

  it('declares on the disk and every shard, and deletes from there', async () => {
    const entry = await catalog.declare(q);
    assert.equal(await catalog.declare(q), entry);
    assert.deepEqual([...store.queues.keys()], ['q']);
    for (const shard of shards) assert.deepEqual(shard.queues, [entry.number]);
    owner.answers.set('delete', () => ({ purged: 5 }));
    assert.deepEqual(await catalog.delete('q', { only: 'if-empty' }), { purged: 5 });
    assert.deepEqual(owner.calls.at(-1), ['delete', { number: entry.number, only: 'if-empty' }]);
    for (const other of others)
      assert.deepEqual(other.calls.at(-1), ['delete', { number: entry.number, only: 'always' }]);
    assert.equal(store.queues.size, 0);
    assertEmpty();
  });

  it('leaves everything as it is when the owner refuses to delete', async () => {
    const { number } = await catalog.declare(q);
    owner.answers.set('delete', () => {
      throw new BrokerError('failed-precondition', 'it holds 1 messages');
    });
    await assert.rejects(catalog.delete('q', { only: 'if-empty' }), { code: 'failed-precondition' });
    assert.equal(catalog.get('q').number, number);
    for (const other of others) assert.deepEqual(other.queues, [number]);
    assert.ok(store.queues.has('q'));
  });

  it('deletes on all shards when the disk fails, says what that means, and can be told again', async () => {
    await catalog.declare(q);
    store.failing = true;
    await assert.rejects(catalog.delete('q', { only: 'always' }), {
      code: 'internal',
      message: /^Queue "q" is gone, but may come back after a restart: .* Delete it again when the disk is well$/,
    });
    assertEmpty();
    await assert.rejects(catalog.delete('q', { only: 'always' }), /may come back after a restart/);
    store.failing = false;
    assert.deepEqual(await catalog.delete('q', { only: 'always' }), { purged: 0 });
    assert.equal(store.queues.size, 0);
    await assert.rejects(catalog.delete('q', { only: 'always' }), { code: 'not-found' });
  });

  it('deletes everywhere else when a shard fails', async () => {
    await catalog.declare(q);
    others[0].answers.set('delete', () => {
      throw new BrokerError('unavailable', 'The shard has stopped');
    });
    await assert.rejects(catalog.delete('q', { only: 'always' }), { code: 'unavailable' });
    assertEmpty();
    assert.equal(store.queues.size, 0);
  });

  it('declares nothing when the disk fails', async () => {
    store.failing = true;
    await assert.rejects(catalog.declare(q), { code: 'internal', message: /disk full/ });
    assertEmpty();
    store.failing = false;
    await catalog.declare(q);
  });

  it('takes a declaration back when a shard cannot make the queue', async () => {
    for (const failing of [owner, others[0]]) {
      failing.answers.set('create', () => {
        throw new BrokerError('resource-exhausted', 'no memory');
      });
      await assert.rejects(catalog.declare(q), { code: 'resource-exhausted', message: 'no memory' });
      assertEmpty();
      assert.equal(store.queues.size, 0);
      failing.answers.clear();
    }
    await catalog.declare(q);
    for (const shard of shards) assert.equal(shard.queues.length, 1);
  });

  it('says that a declaration which failed may come back, when the disk failed as well', async () => {
    owner.answers.set('create', () => {
      store.failing = true;
      throw new BrokerError('resource-exhausted', 'no memory');
    });
    await assert.rejects(catalog.declare(q), /may come back after a restart/);
    assertEmpty();
  });

  it('forgets in the store what config and store both declare', async () => {
    store.queues.set('q', q);
    await catalog.start([q]);
    assert.equal(catalog.count, 1);
    await catalog.delete('q', { only: 'always' });
    assert.equal(store.queues.size, 0);
  });

  it('does not delete another queue that has the name by now', async () => {
    const first = await catalog.declare(q);
    await catalog.delete('q', { only: 'always' });
    const second = await catalog.declare(q);
    await assert.rejects(catalog.delete('q', { only: 'if-idle', number: first.number }), { code: 'not-found' });
    assert.equal(catalog.get('q'), second);
    for (const shard of shards) assert.deepEqual(shard.queues, [second.number]);
    await catalog.delete('q', { only: 'if-idle', number: second.number });
    assertEmpty();
  });

  describe('with a queue that is told idle', () => {
    let control: NodeControl;
    let events: string[];

    beforeEach(() => {
      events = [];
      control = new NodeControl({
        name: 'n',
        version: '0',
        startedAtMs: 0,
        shards: shards.map(({ client }) => client),
        catalog,
        queueDefaults: {},
        cluster: undefined,
        onChange: (event) => events.push(event),
      });
    });

    it('deletes that one, if its shard says that it still is', async () => {
      const { number } = await catalog.declare(q);
      await control.deleteIdle(number);
      assert.deepEqual(owner.calls.at(-1), ['delete', { number, only: 'if-idle' }]);
      assert.deepEqual(events, ['queue.expired']);
      assertEmpty();
    });

    it('does not touch the queue that was declared under its name meanwhile', async () => {
      const { number } = await catalog.declare(q);
      // All three are under way at once: the name is looked up while the first queue has it.
      const deleted = catalog.delete('q', { only: 'always' });
      const declared = catalog.declare(q);
      await control.deleteIdle(number);
      await deleted;
      assert.equal(catalog.get('q'), await declared);
      assert.deepEqual(events, []);
    });

    it('leaves it when somebody came, and rejects for what nobody expects', async () => {
      const { number } = await catalog.declare(q);
      owner.answers.set('delete', () => {
        throw new BrokerError('failed-precondition', 'it has 1 consumers');
      });
      await control.deleteIdle(number);
      assert.equal(catalog.get('q').number, number);
      owner.answers.clear();
      store.failing = true;
      await assert.rejects(control.deleteIdle(number), /may come back/);
      await control.deleteIdle(number);
      assert.deepEqual(events, []);
    });
  });
});
